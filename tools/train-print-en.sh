#!/bin/sh
# train-print-en.sh - trains models/print-en.safetensors; `make train-print-en` runs it.
#
# usage: tools/train-print-en.sh BUILD [EPOCHS]
#
# The recipe of the model that ships stands here and nowhere else. It takes hours and may be stopped at any time: after
# each epoch there is a checkpoint in BUILD, from which the next call goes on, bit for bit. With EPOCHS it stops by
# itself after so many. When the last epoch is done, the model is written in half precision to models/.
set -eu
build=${1:?usage: tools/train-print-en.sh BUILD [EPOCHS]}
ocr=$build/crnn_ocr
checkpoint=$build/print-en.checkpoint

# What is rendered: every printable character of ASCII.
characters=' '$(awk 'BEGIN { for (i = 33; i < 127; i++) printf "%c", i }')
data() {
    "$ocr" train --synth --out "$checkpoint" --log "$build/print-en.csv" "$@"
}
# The network and its training.
recipe() {
    data --alphabet "$characters" --model small --height 32 --epochs 40 --samples 100000 --batch 32 \
        --optim adamw:lr=0.002 --schedule cosine:warmup=0.5 --seed 1 "$@"
}

if [ $# -gt 1 ]; then set -- --pause-after "$2"; else set --; fi
finished() { head -c 65536 "$checkpoint" | grep -aq '"finished":"yes"'; }
if [ ! -f "$checkpoint" ]; then
    recipe "$@"
elif ! finished; then
    data --resume "$checkpoint" "$@"
fi
if finished; then
    mkdir -p models
    "$ocr" export --model "$checkpoint" --half --out models/print-en.safetensors
fi
