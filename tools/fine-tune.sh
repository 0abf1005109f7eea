#!/bin/sh
# fine-tune.sh - what 300 lines of a typeface or a script that it never saw teach a model.
#
# usage: tools/fine-tune.sh MODEL [BUILD [MINUTES]]        a model of `crnn_ocr train`; ./build; 8
#
# Two cases: English in a Schwabacher (yfonts-otf, of texlive-fonts-extra), which print-en was not trained with, and
# Greek, whose letters it lacks, in GFS DidotClassic and GFS Bodoni. For each, 300 lines to learn from and 300 others to
# measure on are rendered with the preset `clean` and fixed seeds, and the model is tuned on the 300 alone, for MINUTES
# at most. Printed is the CER before and after. All of this stood fixed before any model was tuned.
set -eu
model=${1:?usage: tools/fine-tune.sh MODEL [BUILD [MINUTES]]}
ocr=${2:-build}/crnn_ocr
minutes=${3:-8}
tex=/usr/share/texlive/texmf-dist/fonts/opentype/public
words=/usr/share/dict/american-english
for file in $tex/yfonts-otf $tex/gfsbodoni $words; do
    [ -e "$file" ] || { echo "$file is not there: apt-get install texlive-fonts-extra wamerican" >&2; exit 1; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cer() { "$ocr" eval --model "$1" --labels "$dir/$2/labels.tsv" | sed -n 's/^cer: //p'; }
# case NAME SYNTH-OPTION..
case_of() {
    name=$1
    shift
    for part in learn test; do
        seed=$([ $part = learn ] && echo 31 || echo 32)
        "$ocr" synth --out "$dir/$name-$part" --count 300 --seed "$seed" --preset clean "$@" >"$dir/log"
    done
    before=$(cer "$model" "$name-test")
    start=$(date +%s)
    timeout --signal=TERM "$((minutes * 60))" "$ocr" train --init "$model" --labels "$dir/$name-learn/labels.tsv" \
        --augment light --epochs 40 --batch 16 --optim adamw:lr=0.0007 --out "$dir/$name" >"$dir/log" 2>&1 ||
        [ -f "$dir/$name" ] || { tail -3 "$dir/log" >&2; exit 1; }
    after=$(cer "$dir/$name" "$name-test")
    echo "$name: CER $before before, $after after $(($(date +%s) - start)) seconds"
}

latin=' abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,-'
case_of schwabacher --font-dirs $tex/yfonts-otf --fonts yswab --words $words --alphabet "$latin"
case_of greek --font-dirs $tex/gfsbodoni,$tex/gfsdidotclassic --fonts 'GFS DidotClassic,GFS Bodoni' \
    --alphabet ' αβγδεζηθικλμνξοπρστυφχψως.,' --pattern '([αβγδεζηθικλμνξοπρστυφχψω]{2,8}[ας] ){2,4}[αεηιοςυω]{3,7}'
