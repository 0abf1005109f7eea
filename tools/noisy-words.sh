#!/bin/sh
# noisy-words.sh - what beam search and a language model are worth on noisy pictures of words, on a set that is fixed.
#
# usage: tools/noisy-words.sh MODEL [BUILD]        a model of `crnn_ocr train` that reads lower-case letters; ./build
#
# The words are those of Debian's wamerican-large that are 4 to 12 lower-case letters. Every 8th of them is for the
# test, the next for choosing weights, and the language model learns from the others: it has seen no word that it is
# asked about. 2000 pictures of either set are rendered with fixed seeds, in all fonts there are, with the distortion
# that results are published with (`medium`) and the noise below on top. The weight and the bonus are those of a small
# grid with the fewest word errors on the pictures for choosing; the last lines compare greedy decoding, the beam alone,
# and the beam with the model on the test. Case does not count, for some fonts have capitals alone. All of this stood
# fixed before any model was read with it.
set -eu
model=${1:?usage: tools/noisy-words.sh MODEL [BUILD]}
ocr=${2:-build}/crnn_ocr
dict=/usr/share/dict/american-english-large
noise='blur=1:0.5:1.2,noise=1:0.04:0.12'
[ -r $dict ] || { echo "$dict is not there: apt-get install wamerican-large" >&2; exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

LC_ALL=C grep -xE '[a-z]{4,12}' $dict | LC_ALL=C sort -u >"$dir/all"
awk -v d="$dir" '{ print > (NR % 8 == 0 ? d "/test" : NR % 8 == 1 ? d "/choose" : d "/learn") }' "$dir/all"
# Pictures show capitals where a font has no others, and a network says so.
awk '{ print; print toupper(substr($0, 1, 1)) substr($0, 2); print toupper($0) }' "$dir/learn" >"$dir/cases"
"$ocr" lm --text "$dir/cases" --heldout "$dir/choose" --order 6 --out "$dir/lm"
for set in choose test; do
    seed=$([ $set = test ] && echo 20261 || echo 20262)
    "$ocr" synth --out "$dir/$set.d" --count 4500 --seed "$seed" --alphabet abcdefghijklmnopqrstuvwxyz \
        --words "$dir/$set" --preset medium --set "$noise"
    # the preset renders numbers and invented words, too
    awk -F '\t' 'NR == FNR { word[$1]; next } $2 in word && n < 2000 { n++; print }' \
        "$dir/$set" "$dir/$set.d/labels.tsv" >"$dir/$set.d/words.tsv"
done

# errors SET OPTION..: how many of its pictures are not read as their word
errors() {
    set=$1
    shift
    "$ocr" eval --model "$model" --labels "$dir/$set.d/words.tsv" "$@" >"$dir/out"
    awk '/^pictures:/ { n = $2 } /A being a/ { print int(n * (1 - $6) + 0.5) }' "$dir/out"
}

best=999999
for weight in 0.2 0.4 0.6 0.8 1; do
    for bonus in 0 0.5 1 1.5 2; do
        e=$(errors choose --lm "$dir/lm" --lm-weight $weight --length-bonus $bonus)
        if [ "$e" -lt "$best" ]; then
            best=$e w=$weight b=$bonus
        fi
    done
done
greedy=$(errors test)
echo "greedy: $greedy of $(wc -l <"$dir/test.d/words.tsv") words wrong"
echo "beam 25: $(errors test --beam 25)"
with=$(errors test --lm "$dir/lm" --lm-weight "$w" --length-bonus "$b")
echo "beam 25 and the model, weight $w, bonus $b: $with"
awk -v a="$greedy" -v b="$with" 'BEGIN { printf "fewer word errors: %.1f %%\n", 100 * (a - b) / a }'
