#!/bin/sh
# render-samples.sh - renders examples/crnn_ocr/samples, the pictures that `make demo` reads first.
#
# usage: tools/render-samples.sh BUILD
#
# Words and font families are of those that print-en is tested with and never trained with
# (examples/crnn_ocr/print_en; its packages.txt says what to install). Fewer families, another generator or another
# seed give other pictures.
set -eu
build=${1:?usage: tools/render-samples.sh BUILD}
to=examples/crnn_ocr/samples
rm -rf "$to"
"$build/crnn_ocr" synth --out "$to" --count 12 --height 40 --seed 17 --preset medium \
    --fonts @examples/crnn_ocr/print_en/test_families.txt --words examples/crnn_ocr/print_en/test_words.txt
du -b "$to"
