#!/bin/sh
# examples_crnn_ocr_lm.sh - crnn_ocr lm, and the options that decoding.c gives to read and eval.
#
# usage: tests/examples_crnn_ocr_lm.sh BUILD        a line a check; stops at the first that fails
set -u
ocr=$1/crnn_ocr
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$ocr
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

expect 0 'Usage' "$ocr" lm --help
expect 2 'text FILE is needed' "$ocr" lm --out "$dir/m"
expect 2 'out FILE is needed' "$ocr" lm --text "$dir/t"
expect 2 'from 1 to 10' "$ocr" lm --text "$dir/t" --out "$dir/m" --order 11
expect 1 'none.txt: cannot be opened: No such file' "$ocr" lm --text "$dir/none.txt" --out "$dir/m"
: >"$dir/empty.txt"
expect 1 'empty.txt: there is no text in it' "$ocr" lm --text "$dir/empty.txt" --out "$dir/m"
printf 'one\ncaf\351\n' >"$dir/latin.txt"
expect 1 'latin.txt:2: not UTF-8 at byte 4 of the line (0xe9); `iconv' "$ocr" lm --text "$dir/latin.txt" --out "$dir/m"
printf 'one\0two\n' >"$dir/nul.txt"
expect 1 'nul.txt:1: a NUL byte' "$ocr" lm --text "$dir/nul.txt" --out "$dir/m"
printf 'one\n' >"$dir/one.txt"
expect 1 'cannot be written' "$ocr" lm --text "$dir/one.txt" --out "$dir/nowhere/m"
expect 0 'fewer than 20 lines' "$ocr" lm --text "$dir/one.txt" --out "$dir/m"
expect 0 'order 5, 15 strings of 1 lines' "$ocr" lm --text "$dir/one.txt" --out "$dir/m"
printf '\357\273\277the cat\r\n\r\nthe hat\r\n' >"$dir/two.txt"
expect 0 'order 3, .* strings of 2 lines' "$ocr" lm --text "$dir/two.txt" --out "$dir/m" --order 3

# What follows the text's rules is less of a surprise.
awk 'BEGIN { for (i = 0; i < 400; i++) print "the cat " (i % 7) " sat on the mat " (i % 11) }' >"$dir/long.txt"
printf 'the cat 3 sat on the mat 9\n' >"$dir/like.txt"
printf 'zebras quickly jump\n' >"$dir/unlike.txt"
perplexity() { sed -n 's/^perplexity: \([0-9.]*\) .*/\1/p' "$dir/out"; }
expect 0 'on every 20th line' "$ocr" lm --text "$dir/long.txt" --out "$dir/m"
grep -q '^counting in 380 lines, to foretell the other 20$' "$dir/out" || fail 'it does not say what it does first'
grep -q '^counting in all 400 lines$' "$dir/out" || fail 'it does not say what it does then'
expect 0 'like.txt' "$ocr" lm --text "$dir/long.txt" --out "$dir/m" --heldout "$dir/like.txt"
like=$(perplexity)
expect 0 'unlike.txt' "$ocr" lm --text "$dir/long.txt" --out "$dir/m" --heldout "$dir/unlike.txt"
unlike=$(perplexity)
awk -v a="$like" -v b="$unlike" 'BEGIN { exit !(a < 1.5 && b > 20) }' || fail "perplexities $like and $unlike"
expect 0 'strings' "$ocr" lm --text "$dir/long.txt" --out "$dir/again"
same 'the same text gives another model' "$dir/m" "$dir/again"

# A recogniser that has hardly learnt reads nonsense; what decoding makes of it is one of the words all the same.
expect 0 '20 pictures' "$ocr" synth --out "$dir/pics" --count 20 --height 16 --alphabet abc --pattern '[abc]{3}'
expect 0 'model:' "$ocr" train --labels "$dir/pics/labels.tsv" --alphabet abc --model tiny --height 16 --epochs 1 --out "$dir/net"
printf 'abc\ncab\nbad\n' >"$dir/words.txt"
set -- "$ocr" read --model "$dir/net" "$dir/pics/000001.png"
expect 0 '000001.png	' "$@" --beam 10
expect 0 '000001.png	\(abc\|cab\)	' "$@" --lexicon "$dir/words.txt"
expect 0 '000001.png	' "$@" --lexicon "$dir/words.txt" --phrases --beam 50
expect 0 '000001.png	' "$@" --lm "$dir/m" --lm-weight 0.5 --length-bonus 1 --nbest 3
expect 1 'one.txt: none of its 1 words' "$@" --lexicon "$dir/one.txt"
expect 1 'one.txt: not a language model' "$@" --lm "$dir/one.txt"
head -c 100 "$dir/m" >"$dir/cut"
expect 1 'cut: 100 bytes, but it says that it has' "$@" --lm "$dir/cut"
expect 2 'lm-weight wants a number from 0' "$@" --lm "$dir/m" --lm-weight -1
expect 2 'beam wants a whole number from 1' "$@" --beam 0
expect 0 'cer: ' "$ocr" eval --model "$dir/net" --labels "$dir/pics/labels.tsv" --lexicon "$dir/words.txt"
echo 'crnn_ocr lm: all checks passed'
