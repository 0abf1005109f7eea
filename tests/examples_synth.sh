#!/bin/sh
# examples_synth.sh - `crnn_ocr synth` as its users meet it: what it writes, what it says when it cannot.
#
# usage: tests/examples_synth.sh BUILD        a line a check; stops at the first that fails
set -u
ocr=$1/crnn_ocr
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$ocr
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

expect 0 'Usage' "$ocr" synth --help
expect 2 'out DIR or --sheet' "$ocr" synth
expect 2 'knobs goes with --sheet' "$ocr" synth --out "$dir/x" --knobs blur
expect 2 'words and --pattern are two ways' "$ocr" synth --out "$dir/x" --words "$dir/x" --pattern '[0-9]'
expect 2 'smaller --count' "$ocr" synth --sheet "$dir/x.png" --count 5000

# Pictures, labels, a sheet; the same from the same seed, and fewer are the first of more.
expect 0 '24 pictures' "$ocr" synth --out "$dir/a" --count 24 --seed 3 --preset scene --sheet "$dir/a.png"
[ -s "$dir/a.png" ] || fail 'no contact sheet'
[ "$(wc -l <"$dir/a/labels.tsv")" -eq 24 ] || fail 'not a label for each picture'
expect 0 '8 pictures' "$ocr" synth --out "$dir/b" --count 8 --seed 3 --preset scene
same 'fewer pictures are others' "$dir/a/000007.png" "$dir/b/000007.png"
expect 0 '8 pictures' "$ocr" synth --out "$dir/c" --count 8 --seed 4 --preset scene
cmp -s "$dir/b/labels.tsv" "$dir/c/labels.tsv" && fail 'another seed writes the same texts'
expect 0 'contact sheet' "$ocr" synth --sheet "$dir/k.png" --knobs blur,noise

# Over an older set: of the same size, or fewer pictures, it is replaced; of a larger one pictures would be left over.
expect 0 '8 pictures' "$ocr" synth --out "$dir/c" --count 8 --seed 3 --preset scene
same 'the older set was not replaced' "$dir/b/labels.tsv" "$dir/c/labels.tsv"
cp -r "$dir/c" "$dir/c.old"
expect 1 'c: 3 pictures of an older set, 000005.png .., would be left over' "$ocr" synth --out "$dir/c" --count 5
diff -r "$dir/c" "$dir/c.old" || fail 'what was refused was written all the same'
touch "$dir/c/00009.png" "$dir/c/0000009.png" "$dir/c/000009.PNG" "$dir/c/picture.png" # of another naming
expect 0 '8 pictures' "$ocr" synth --out "$dir/c" --count 8 --seed 3

# Killed, or failing, after some pictures: no old texts beside new pictures. Failing before the first: all as it was.
rm "$dir/c/000003.png" && mkdir "$dir/c/000003.png"
expect 1 '000003.png: cannot be written' "$ocr" synth --out "$dir/c" --count 8 --seed 9
[ ! -e "$dir/c/labels.tsv" ] || fail 'the texts of the older set stand beside new pictures'
rm "$dir/b/000000.png" && mkdir "$dir/b/000000.png"
cp "$dir/b/labels.tsv" "$dir/labels.b"
expect 1 '000000.png: cannot be written' "$ocr" synth --out "$dir/b" --count 8 --seed 9
same 'nothing was written, and the texts have gone' "$dir/b/labels.tsv" "$dir/labels.b"
expect 0 '400 pictures' "$ocr" synth --out "$dir/d" --count 400 --seed 3 --height 16
cp "$dir/d/000000.png" "$dir/first.png"
"$ocr" synth --out "$dir/d" --count 400 --seed 4 --height 16 >"$dir/out" 2>&1 &
while cmp -s "$dir/d/000000.png" "$dir/first.png"; do sleep 0.01; done
kill -9 $!
wait $! 2>/dev/null
[ ! -e "$dir/d/labels.tsv" ] || grep -q '400 pictures' "$dir/out" || fail 'a killed run left old texts beside new pictures'
expect 0 '400 pictures' "$ocr" synth --out "$dir/d" --count 400 --seed 4 --height 16
[ "$(find "$dir/b" "$dir/d" -name 'labels.tsv.*')" = '' ] || fail 'something is left of the older texts'

# On a terminal it shows how far it is.
if command -v script >/dev/null; then
    count=$(few 3000 1500) # some tenths of a second: it is shown after one
    expect 0 "pictures \[[#.]*\] .* of $count  [0-9]* samples/s" script -qec "$ocr synth --out $dir/t --count $count --preset scene" /dev/null
else
    echo 'skipped: the progress, for want of script'
fi

expect 1 'synth: a sheet of 1168 x 539644 pixels is too large: use more --columns, a smaller --count or --height$' \
    "$ocr" synth --sheet "$dir/k.png" --count 1900 --height 256 --columns 1

# Patterns and lists.
expect 0 '50 pictures' "$ocr" synth --out "$dir/p" --count 50 --pattern '[A-Z]{2}-[0-9]{4}'
cut -f 2 "$dir/p/labels.tsv" | grep -vqE '^[A-Z]{2}-[0-9]{4}$' && fail 'a text is not of the pattern'
printf 'red\ngreen\nblue\n' >"$dir/words"
printf 'GREEN\n' >"$dir/without"
printf '\303\251\n' >"$dir/accents"
expect 0 '50 pictures' "$ocr" synth --out "$dir/w" --count 50 --words "$dir/words" --without "$dir/without" --preset medium \
    --alphabet abcdefghijklmnopqrstuvwxyz
cut -f 2 "$dir/w/labels.tsv" | grep -q '^green$' && fail 'an excluded word was drawn'
cut -f 2 "$dir/w/labels.tsv" | grep -q '^blue$' || fail 'a word of the list was not drawn'

# What cannot be. The * is for the program, not for the shell.
set -f
while IFS='|' read -r words args; do
    # shellcheck disable=SC2086
    expect 1 "$words" "$ocr" synth --out "$dir/x" --count 2 $args
done <<END
did you mean scene|--preset sceen
did you mean blur|--set blurr=1
blur goes from 0 to 6|--set blur=9
none.txt: cannot be opened: No such file|--words $dir/none.txt
a.png:1: not UTF-8 at byte 1|--words $dir/a.png
no line is a word|--words $dir/accents
none.txt: cannot be opened: No such file|--without $dir/none.txt
] is missing|--pattern [A
48 are possible|--pattern (a{9}){9}
no font family that is installed matches "Nothing\*Like\*This", "nothing"; \`fc-list : family\` lists them|--fonts Nothing*Like*This,nothing
no font family is left besides those that match "\*"|--deny *
can draw "|--alphabet 􏿽
none: No such file|--font-dirs $dir/none
the alphabet has no "é"|--pattern é
END
printf '<fontconfig></fontconfig>\n' >"$dir/no-fonts.conf"
for c in 'synth --out' 'synth --fonts DejaVu* --out' 'captcha --out'; do
    # shellcheck disable=SC2086
    expect 1 'no font is installed that can be scaled; install one (Debian: fonts-dejavu-core)$' \
        env FONTCONFIG_FILE="$dir/no-fonts.conf" "$ocr" $c "$dir/x"
done
expect 1 'No such file' "$ocr" synth --out "$dir/no/such/folder" --count 2
expect 1 'Not a directory' "$ocr" synth --out "$dir/words" --count 2
expect 1 'No such file' "$ocr" synth --sheet "$dir/no/such.png" --count 2
[ ! -e /dev/full ] || {
    mkdir "$dir/full" && ln -s /dev/full "$dir/full/labels.tsv"
    expect 1 'No space left' "$ocr" synth --out "$dir/full" --count 2
}
echo 'synth: all checks passed'
