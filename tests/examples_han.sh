#!/bin/sh
# examples_han.sh - Chinese from end to end: crnn_ocr learns some three hundred Han characters and reads others' order.
#
# usage: tests/examples_han.sh BUILD        a line a check; stops at the first that fails
#
# The characters are those that Chinese is most often written with. Texts are two or three of them in any order, so that
# none can be guessed from its neighbours; those that are read at the end were drawn with another seed.
set -u
ocr=$1/crnn_ocr
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$ocr
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

font='WenQuanYi Micro Hei'
han="的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动
面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向
头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活
尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光"
characters=$(printf %s "$han" | tr -d '\n') model=small samples=6000 epochs=6 tests=$(few 300 20) learns=yes
share=${TW_TEST_SHARE:-1}
if [ "$share" -gt 1 ]; then # under a tool a smaller net and the first ten, of three bytes each, held to the same
    characters=$(printf %s "$characters" | head -c 30) model=tiny samples=1500
fi
if [ "$share" -gt 20 ]; then # so slow that nothing is learned, but all of it runs
    samples=32 epochs=1 learns=
fi
printf '%s\n' "$characters" >"$dir/alphabet"
render() { # the options that training and test share
    "$ocr" "$@" --fonts "$font" --pattern "[$characters]{2,3}" --alphabet "@$dir/alphabet" --preset light
}

expect 0 "epoch  $epochs/$epochs" render train --synth --model $model --samples $samples --epochs $epochs --seed 1 --out "$dir/m"
expect 0 "$tests pictures" render synth --out "$dir/test" --count "$tests" --seed 2
expect 0 '^exact:' "$ocr" eval --model "$dir/m" --labels "$dir/test/labels.tsv"
tail -2 "$dir/out"
exact=$(sed -n 's/^exact: //p' "$dir/out")
[ -z "$learns" ] || awk -v e="$exact" 'BEGIN { exit !(e >= 0.85) }' || fail "of $tests texts only $exact are read without a mistake"

# A picture, its truth and what is read, through every part that handles text; the spans are one for each character.
picture=$(head -1 "$dir/test/labels.tsv")
truth=$(printf %s "$picture" | cut -f2) file=$dir/test/$(printf %s "$picture" | cut -f1)
[ -n "$learns" ] || truth='.*'
expect 0 "	$truth	" "$ocr" read --model "$dir/m" "$file"
expect 0 "\"text\":\"$truth\"" "$ocr" read --model "$dir/m" --json "$file"
cut -f2 "$dir/test/labels.tsv" >"$dir/words"
expect 0 "	$truth	" "$ocr" read --model "$dir/m" --lexicon "$dir/words" "$file"
expect 0 'strings of' "$ocr" lm --text "$dir/words" --out "$dir/lm"
expect 0 "	$truth	" "$ocr" read --model "$dir/m" --lm "$dir/lm" "$file"
expect 0 "$tests rows, $tests pictures" "$ocr" check "$dir/test/labels.tsv"
expect 0 "^exact: ${learns:+1}" "$ocr" eval --model "$dir/m" --labels "$dir/test/labels.tsv" --lexicon "$dir/words"
echo "han: all checks passed"
