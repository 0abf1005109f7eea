#!/bin/sh
# examples_crnn_read.sh - `crnn_ocr read` and `export`: which pictures, which model, what is printed, what is refused.
#
# usage: tests/examples_crnn_read.sh BUILD        a line a check; stops at the first that fails
set -u
ocr=$1/crnn_ocr
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$ocr
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"
piped() { # piped FILE COMMAND...: with FILE on standard input
    from=$1
    shift
    "$@" <"$from"
}
lines() { # lines N WHY: of the last output
    [ "$(grep -vc '^crnn_ocr' "$dir/out")" -eq "$1" ] || { cat "$dir/out"; fail "$2"; }
}
has() { grep -q -- "$1" "$dir/out" || { cat "$dir/out"; fail "no \"$1\" in that output"; }; }
unset THALWEG_MODELS

expect 0 'Usage' "$ocr" read --help
expect 0 'Usage' "$ocr" export --help
expect 2 'which pictures' "$ocr" read
expect 2 'only once' "$ocr" read - -
expect 2 'only once' "$ocr" read --list - -
for c in 'read x' 'eval --model x --labels x'; do
    # shellcheck disable=SC2086
    {
        expect 2 'phrases goes with --lexicon FILE' "$ocr" $c --phrases
        expect 2 'cases goes with --lexicon FILE' "$ocr" $c --cases --lm x
        expect 2 'lm-weight goes with --lm FILE' "$ocr" $c --lm-weight 0.5 --lexicon x
    }
done
expect 2 'model FILE is needed' "$ocr" export --out "$dir/x"
expect 2 'out FILE is needed' "$ocr" export --model "$dir/x"

# A net that has learnt a little: its readings mean nothing, but are the same each time.
expect 0 '12 pictures' "$ocr" render --out "$dir/pics" --count 12 --height 16 --seed 3
expect 0 'model:' "$ocr" train --labels "$dir/pics/labels.tsv" --model tiny --height 16 --epochs 2 --batch 4 --lr 0.01 --out "$dir/m"
expect 0 'paused' "$ocr" train --labels "$dir/pics/labels.tsv" --model tiny --height 16 --epochs 9 --batch 4 --pause-after 1 --out "$dir/part"

# The model that ships: in the folder of the variable, or else beside the program.
mkdir "$dir/models" "$dir/empty"
cp "$dir/m" "$dir/models/print-en.safetensors"
expect 1 "$dir/empty, the folder that THALWEG_MODELS names" env THALWEG_MODELS="$dir/empty" "$ocr" read "$dir/pics/000001.png"
expect 0 '000001.png	' env THALWEG_MODELS="$dir/models" "$ocr" read "$dir/pics/000001.png"
if [ "$(head -c 2 "$ocr")" = '#!' ]; then
    echo 'skipped: the model beside the program, which is run by a script'
else
    mkdir -p "$dir/tree/build" "$dir/prefix/bin" "$dir/prefix/share/thalweg"
    cp "$ocr" "$dir/tree/build/crnn_ocr"
    cp "$ocr" "$dir/prefix/bin/crnn_ocr"
    expect 1 "there is no print-en.safetensors in $dir/tree/models or $dir/tree/share/thalweg/models" "$dir/tree/build/crnn_ocr" read "$dir/pics/000001.png"
    cp -r "$dir/models" "$dir/tree/models"
    cp -r "$dir/models" "$dir/prefix/share/thalweg/models"
    expect 0 '000001.png	' "$dir/tree/build/crnn_ocr" read "$dir/pics/000001.png"
    expect 0 '000001.png	' "$dir/prefix/bin/crnn_ocr" read "$dir/pics/000001.png"
fi

# Which pictures: files, a folder in order, a list, standard input; a folder inside is not entered.
mkdir "$dir/pics/inside"
cp "$dir/pics/000001.png" "$dir/pics/inside"
cp "$dir/pics/000001.png" "$dir/pics/upper.PNG"
expect 0 '000001.png	' "$ocr" read --model "$dir/m" "$dir/pics"
lines 13 'not the 13 pictures of the folder'
cut -f 1 "$dir/out" | LC_ALL=C sort -c || fail 'the pictures of a folder are not in order'
cp "$dir/out" "$dir/folder"
ls "$dir"/pics/*.png "$dir/pics/upper.PNG" >"$dir/list"
expect 0 '000001.png	' "$ocr" read --model "$dir/m" --list "$dir/list"
same 'a list reads otherwise than the folder' "$dir/out" "$dir/folder"
expect 0 '000001.png	' piped "$dir/list" "$ocr" read --model "$dir/m" --list -
same 'a list on standard input reads otherwise' "$dir/out" "$dir/folder"
for t in 1 3; do
    expect 0 '000001.png	' "$ocr" read --model "$dir/m" --threads $t "$dir/pics"
    same "$t threads read otherwise" "$dir/out" "$dir/folder"
done
expect 0 '^-	' piped "$dir/pics/000001.png" "$ocr" read --model "$dir/m" -
[ "$(cut -f 2- "$dir/out")" = "$(grep '000001.png' "$dir/folder" | cut -f 2-)" ] || fail 'standard input reads otherwise'
expect 1 'there is no picture in this folder' "$ocr" read --model "$dir/m" "$dir/empty" "$dir/pics/000001.png"
has '000001.png	'
expect 1 'standard input: the file is empty' piped /dev/null "$ocr" read --model "$dir/m" -
expect 1 'none: cannot be opened' "$ocr" read --model "$dir/m" --list "$dir/none" "$dir/pics/000001.png"
has '000001.png	'

# What cannot be read: a sentence each, and the others are read.
printf 'RIFF\044\0\0\0WEBPVP8 ' >"$dir/a.webp"
printf 'P5\n12000 11000\n255\nxx' >"$dir/promise.pgm"
head -c 100 "$dir/pics/000001.png" >"$dir/cut.png"
expect 1 'a.webp: this is a WebP picture' "$ocr" read --model "$dir/m" "$dir/a.webp" "$dir/promise.pgm" "$dir/cut.png" "$dir/none.png" \
    "$dir/pics/000001.png"
has 'promise.pgm: the header announces 12000 x 11000 pixels'
has 'cut.png: '
has 'none.png: cannot be opened'
has '000001.png	'

# Sizes at the ends, and a word in the middle of an empty picture: 200 x 100, ink in columns 80..119, rows 45..56.
for size in '1 1' '500 1' '1 500' '9000 24'; do
    # shellcheck disable=SC2086
    set -- $size
    { printf 'P5\n%d %d\n255\n' "$1" "$2"; bytes $(($1 * $2)); } >"$dir/size.pgm"
    expect 0 'size.pgm	' "$ocr" read --model "$dir/m" "$dir/size.pgm"
done
awk 'BEGIN { printf "P5\n200 100\n255\n"
    for (y = 0; y < 100; y++) for (x = 0; x < 200; x++)
        printf "%c", (x >= 80 && x < 120 && y >= 45 && y < 57 && (x % 8 < 3 || y == 50) ? 35 : 126) }' >"$dir/middle.pgm"
# A model of rendered text sees the part around the writing, one of labelled pictures the whole, as it saw those.
expect 0 'model:' "$ocr" train --synth --model tiny --height 16 --samples 24 --epochs 1 --batch 8 --out "$dir/rendered"
expect 0 '"seen":{"x":[67][0-9],"y":4[0-5],"width":[0-9]*,"height":1[0-9]}' "$ocr" read --model "$dir/rendered" --json "$dir/middle.pgm"
expect 0 '"seen":{"x":0,"y":0,' "$ocr" read --model "$dir/m" --json "$dir/middle.pgm"

# JSON: one line a picture, its keys in order, a name that is not UTF-8, and the places of the characters.
cp "$dir/pics/000002.png" "$dir/odd\"$(printf '\377').png"
expect 0 '"path":' "$ocr" read --model "$dir/m" --json --nbest 3 "$dir/pics/000002.png" "$dir/odd\"$(printf '\377').png"
lines 2 'not a line of JSON for each picture'
awk '!/^{"path":"[^"\\]*(\\"\xef\xbf\xbd[.]png)?[^"]*","width":[0-9]+,"height":16,"seen":{"x":0,"y":0,"width":[0-9]+,"height":16},"text":"[^"]*","confidence":[01][.][0-9][0-9][0-9][0-9],"nbest":\[.*\],"spans":\[.*\]}$/ { exit 1 }' \
    "$dir/out" || { cat "$dir/out"; fail 'the JSON is not as described'; }

# eval, too: the names of the labels, of their folder and of the model.
odd=$dir/$(printf 'odd\377')
cp -r "$dir/pics" "$odd"
cp "$dir/m" "$odd/m"
expect 0 '"exact":' "$ocr" eval --model "$odd/m" --labels "$odd/labels.tsv" --json --mistakes
iconv -f utf-8 -t utf-8 "$dir/out" >/dev/null || fail 'the JSON is not UTF-8'
[ "$(grep -c '"\(model\|labels\)":.*odd'"$(printf '\357\277\275')/" "$dir/out")" -eq 2 ] || fail 'the names are not in the JSON'
has "\"path\":.*odd$(printf '\357\277\275')/0000"

# Readings that are not sure enough are left out, and counted.
expect 0 'pictures left out' "$ocr" read --model "$dir/m" --min-confidence 1 "$dir/pics"
lines 0 'a reading that is not sure was printed'
has '13 of 13 pictures left out: their readings are not sure enough'
# That no word of the lexicon fits is another matter: here it is longer than any picture has frames, and in the alphabet.
letter=$(cut -f 2 "$dir/pics/labels.tsv" | tr -d '\n' | cut -c 1)
printf '%s\n' "$(printf '%0500d' 0 | sed "s/0/$letter/g")" >"$dir/long.txt"
for least in '' '--min-confidence 0.5' '--json --min-confidence 0.5'; do
    # shellcheck disable=SC2086
    expect 0 '13 of 13 pictures left out: no word of the lexicon fits into them$' "$ocr" read --model "$dir/m" --lexicon "$dir/long.txt" $least "$dir/pics"
    ! grep -q 'sure enough' "$dir/out" || fail 'a word that does not fit is said to be unsure'
done

# Marked pictures: a file for one, a folder for several.
expect 0 '000001.png	' "$ocr" read --model "$dir/m" --align "$dir/marked.png" "$dir/pics/000001.png"
[ -s "$dir/marked.png" ] || fail 'no marked picture'
expect 0 '000001.png	' "$ocr" read --model "$dir/m" --align "$dir/marked" "$dir/pics"
[ "$(find "$dir/marked" -name '*-0000*.png' | wc -l)" -eq 12 ] || fail 'not a marked picture for each'
expect 1 'is no folder' "$ocr" read --model "$dir/m" --align "$dir/list" "$dir/pics"

# Export: half the bytes, the same readings but for the last digits; the optimiser's state stays behind.
expect 0 'F16' "$ocr" export --model "$dir/m" --half --out "$dir/half"
[ "$(wc -c <"$dir/half")" -lt $(($(wc -c <"$dir/m") * 6 / 10)) ] || fail 'half precision is not half as large'
expect 0 '000001.png	' "$ocr" read --model "$dir/half" "$dir/pics"
lines 13 'a model in half precision does not read'
expect 0 'F32' "$ocr" export --model "$dir/part" --out "$dir/plain"
[ "$(wc -c <"$dir/plain")" -lt $(($(wc -c <"$dir/part") / 2)) ] || fail 'the optimiser is still there'
expect 0 '000001.png	' "$ocr" read --model "$dir/part" "$dir/pics"
cp "$dir/out" "$dir/before"
expect 0 '000001.png	' "$ocr" read --model "$dir/plain" "$dir/pics"
same 'an exported model reads otherwise' "$dir/out" "$dir/before"
expect 1 'no training to go on with' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/plain" --out "$dir/x"
expect 1 'none' "$ocr" export --model "$dir/none" --out "$dir/x"
expect 1 'cannot be written' "$ocr" export --model "$dir/m" --out "$dir/none/x"
echo 'crnn_ocr read: all checks passed'
