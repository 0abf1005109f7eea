#!/bin/sh
# train-print-en.sh - trains models/print-en.safetensors; `make train-print-en` runs it.
#
# usage: tools/train-print-en.sh BUILD [EPOCHS]
#
# The recipe of the model that ships stands here and nowhere else. It has two parts: EPOCHS (default: 18) epochs of 50,000
# pictures at one learning rate, and 200,000 pictures while it falls to 0, which is where most mistakes go. The first
# part may be made longer at any time: it goes on where it ended. Both may be stopped, and go on from the last
# checkpoint in BUILD, bit for bit. At the end the model is written in half precision to models/.
set -eu
build=${1:?usage: tools/train-print-en.sh BUILD [EPOCHS]}
epochs=${2:-18}
ocr=$build/crnn_ocr
first=$build/print-en.first
second=$build/print-en.second
lists=examples/crnn_ocr/print_en
dict=/usr/share/dict

# What is rendered: every printable character of ASCII, in the families and words for training.
characters=' '$(awk 'BEGIN { for (i = 33; i < 127; i++) printf "%c", i }')
words=$dict/american-english,$dict/british-english
for rank in 10 20 35 50; do words=$dict/scowl/english-words.$rank,$words; done
data() {
    "$ocr" train --synth --preset print --fonts @$lists/train_families.txt --words "$words" \
        --without $lists/test_words.txt "$@"
}
finished() { [ -f "$1" ] && head -c 65536 "$1" | grep -aq '"finished":"yes"'; }
# Its file, then the recipe: begins, or goes on.
part() {
    out=$1
    shift
    finished "$out" && return
    if [ -f "$out" ]; then set -- --resume "$out"; else
        set -- --alphabet "$characters" --batch 32 --ema 0.999 "$@"
    fi
    if [ -n "$pause" ]; then set -- --pause-after "$pause" "$@"; fi
    data --out "$out" --log "$out.csv" --report "$out.html" "$@"
}

# How many epochs the log of the first part has: it never finishes by itself.
done_epochs() {
    if [ -f "$first.csv" ]; then awk -F, 'NR > 1 { n = $1 } END { print n + 0 }' "$first.csv"; else echo 0; fi
}
more=$((epochs - $(done_epochs)))
if [ "$more" -gt 0 ]; then
    pause=$more
    part "$first" --model medium --height 32 --samples 50000 --epochs 1000 --optim adamw:lr=0.001 \
        --schedule constant:warmup=0.1 --seed 1
fi
pause=
part "$second" --init "$first" --guide 0 --samples 50000 --epochs 4 --optim adamw:lr=0.001 --schedule cosine:warmup=0.02 \
    --seed 2
mkdir -p models
"$ocr" export --model "$second" --half --out models/print-en.safetensors
