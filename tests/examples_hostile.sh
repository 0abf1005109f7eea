#!/bin/sh
# examples_hostile.sh - every option of the programs that takes a file, given what is no file, what is none of its kind, and
# what is made to take long: exit code 1 and one line that names the file, within seconds.
#
# usage: tests/examples_hostile.sh BUILD        a line a check; stops at the first that fails
set -u
mnist=$1/mnist
ocr=$1/crnn_ocr
losslab=$1/losslab
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$1
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

# No more memory than a gigabyte and a half; a sanitizer's program does not even start with that, of which no report is
# to be filed.
limit=
# shellcheck disable=SC3045
(ulimit -v 1500000 && ASAN_OPTIONS='' TSAN_OPTIONS='' "$mnist" --version) >/dev/null 2>&1 && limit='ulimit -v 1500000;'

# refuse WHO FILE COMMAND...: exit code 1, and on stderr one line, which begins with WHO and names FILE. 20 seconds are many
# times what it takes; a program that waits for a FIFO would need them all.
refuse() {
    who=$1 file=$2
    shift 2
    timeout 20 sh -c "$limit"' exec "$@"' sh "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ $got -eq 1 ] || { cat "$dir/err"; fail "exit code $got instead of 1: $*"; }
    [ "$(wc -l <"$dir/err")" -eq 1 ] || { cat "$dir/err"; fail "not one line on stderr: $*"; }
    grep -q "^$who: " "$dir/err" || { cat "$dir/err"; fail "$who is not named: $*"; }
    grep -qF -- "$(printf '%.80s' "$file")" "$dir/err" || { cat "$dir/err"; fail "$file is not named: $*"; }
    ! tr -d '\n' <"$dir/err" | LC_ALL=C grep -q '[[:cntrl:]]' || fail "control characters in a message: $*"
    echo "ok: $(cut -c 1-160 "$dir/err")" | sed "s#$dir/##g"
}

# ---- what is no file, and what is none of the kind -------------------------------------------------------------------
mkdir "$dir/folder" "$dir/data" "$dir/mixed"
mkfifo "$dir/fifo" "$dir/mixed/a.png"
ln -s loop "$dir/loop"
: >"$dir/empty"
printf 'junk\377\000\001junk\n' >"$dir/junk"
printf 'caf\351\tcaf\351\n' >"$dir/latin1"
dd if=/dev/zero of="$dir/hole" bs=1 count=1 seek=300000000 2>/dev/null # 300 MB, of which a block is on the disk
dd if=/dev/zero bs=1000000 count=30 2>/dev/null | tr '\0' 'a' >"$dir/line"
long=$dir/$(printf '%05000d' 0)
no_files="$dir/absent $dir/folder $dir/fifo $dir/loop /dev/zero $long"
no_texts="$dir/junk $dir/latin1 $dir/hole"
no_models="$no_files $dir/empty $no_texts $dir/line"

timeout 60 "$ocr" synth --out "$dir/pics" --count 12 --height 16 --seed 3 >"$dir/out" 2>&1 || { cat "$dir/out"; fail 'no pictures'; }
labels=$dir/pics/labels.tsv picture=$dir/pics/000001.png
timeout 60 "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 1 --batch 4 --out "$dir/m" >"$dir/out" 2>&1 || fail 'no model'

for f in $no_models; do
    [ "$f" = "$long" ] || refuse 'mnist eval' "$f" "$mnist" eval --data "$dir/data" --model "$f"
    refuse 'mnist predict' "$f" "$mnist" predict --model "$f" "$picture"
    refuse 'mnist train' "$f" "$mnist" train --data "$dir/data" --resume "$f" --out "$dir/x"
    refuse 'crnn_ocr read' "$f" "$ocr" read --model "$f" "$picture"
    refuse 'crnn_ocr read' "$f" "$ocr" read --model "$dir/m" --lm "$f" "$picture"
    refuse 'crnn_ocr eval' "$f" "$ocr" eval --model "$f" --labels "$labels"
    refuse 'crnn_ocr eval' "$f" "$ocr" eval --model "$dir/m" --labels "$labels" --images "$f"
    refuse 'crnn_ocr export' "$f" "$ocr" export --model "$f" --out "$dir/x"
    refuse 'crnn_ocr train' "$f" "$ocr" train --labels "$labels" --init "$f" --out "$dir/x"
    refuse 'crnn_ocr train' "$f" "$ocr" train --labels "$labels" --resume "$f" --out "$dir/x"
    refuse 'crnn_ocr train' "$f" "$ocr" train --labels "$labels" --images "$f" --out "$dir/x"
    refuse 'losslab ctc' "$f" "$losslab" ctc ab --model "$f" "$picture" --out "$dir/x.svg"
    [ "$f" = "$dir/folder" ] || refuse 'crnn_ocr read' "$f" "$ocr" read --model "$dir/m" "$f"
done
for f in $no_files $no_texts; do
    refuse 'crnn_ocr read' "$f" "$ocr" read --model "$dir/m" --lexicon "$f" "$picture"
    refuse 'crnn_ocr eval' "$f" "$ocr" eval --model "$dir/m" --labels "$f"
    refuse 'crnn_ocr train' "$f" "$ocr" train --labels "$f" --out "$dir/x"
    refuse 'crnn_ocr train' "$f" "$ocr" train --labels "$labels" --val "$f" --out "$dir/x"
    refuse 'crnn_ocr train' "$f" "$ocr" train --labels "$labels" --alphabet "@$f" --out "$dir/x"
    refuse 'crnn_ocr synth' "$f" "$ocr" synth --out "$dir/s" --count 1 --words "$f"
    refuse 'crnn_ocr synth' "$f" "$ocr" synth --out "$dir/s" --count 1 --without "$f"
    refuse 'crnn_ocr synth' "$f" "$ocr" synth --out "$dir/s" --count 1 --fonts "@$f"
    refuse 'crnn_ocr lm' "$f" "$ocr" lm --text "$f" --out "$dir/x"
    refuse 'crnn_ocr lm' "$f" "$ocr" lm --text "$labels" --heldout "$f" --out "$dir/x"
    refuse 'losslab eval' "$f" "$losslab" eval mse --input "@$f" --target '[1]'
done
for f in $no_files; do
    refuse 'crnn_ocr check' "$f" "$ocr" check "$f"
    [ "$f" = "$dir/folder" ] || refuse 'mnist train' "$f" "$mnist" train --data "$f" --out "$dir/x"
    refuse 'crnn_ocr read' "$f" "$ocr" read --model "$dir/m" --list "$f"
done
refuse 'crnn_ocr read' "$dir/line" "$ocr" read --model "$dir/m" --lexicon "$dir/line" "$picture"
refuse 'crnn_ocr train' "$dir/line" "$ocr" train --labels "$labels" --alphabet "@$dir/line" --out "$dir/x"

# ---- inside a folder, a list, a table --------------------------------------------------------------------------------
refuse 'crnn_ocr read' "$dir/mixed/a.png" "$ocr" read --model "$dir/m" "$dir/mixed"
odd=$(printf 'odd\n\033\377name.png')
printf 'junk' >"$dir/mixed/$odd"
rm "$dir/mixed/a.png"
refuse 'crnn_ocr read' "$dir/mixed/odd???name.png: not a picture" "$ocr" read --model "$dir/m" "$dir/mixed"
printf '000001.png\ta\n%s\tb\n' "$dir/fifo" >"$dir/pics/fifo.tsv"
refuse 'crnn_ocr train' "$dir/pics/fifo.tsv:2: $dir/fifo: " "$ocr" train --labels "$dir/pics/fifo.tsv" --out "$dir/x"
refuse 'crnn_ocr eval' "$dir/pics/fifo.tsv:2: $dir/fifo: " "$ocr" eval --model "$dir/m" --labels "$dir/pics/fifo.tsv"

# In what is printed as text: names with a TAB, a newline, escapes, and labels that steer a terminal. Columns stay columns.
esc=$(printf '\033') csi=$(printf '\302\233')
odd=$dir/$(printf 'odd\t\n\033[2J')
no_controls() { # CODE COMMAND..: ends so, with none in its output, but for the TABs that part columns
    code=$1
    shift
    timeout 60 "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ $got -eq "$code" ] || { cat -v "$dir/out" "$dir/err"; fail "exit code $got instead of $code: $*"; }
    ! cat "$dir/out" "$dir/err" | tr -d '\n\t' | LC_ALL=C grep -q "[[:cntrl:]]\|$csi" ||
        { cat -v "$dir/out" "$dir/err"; fail "control characters in what this printed: $*"; }
    echo "ok: no control characters: $(echo "$*" | sed "s#$dir/##g; s#$1#${1##*/}#" | tr '\t\n\033' '???')"
}
cp -r "$dir/pics" "$odd"
cp "$picture" "$odd/a.png"
printf '000001.png\t%s[31mred%s\t1m\n000002.png\tx%s[2J\n' "$esc" "$csi" "$esc" >"$odd/labels.tsv"
no_controls 0 "$ocr" read --model "$dir/m" "$odd/a.png"
awk -F '\t' 'NF != 3 || $1 !~ /odd[?][?][?][[]2J.a[.]png$/ { exit 1 } END { exit NR != 1 }' "$dir/out" || { cat "$dir/out"; fail 'not a line of three columns'; }
no_controls 0 "$ocr" eval --model "$dir/m" --labels "$odd/labels.tsv" --mistakes --confusion --errors "$odd/wrong"
awk -F '\t' '/0000..[.]png/ && NF != 4 { exit 1 }' "$dir/out" || { cat "$dir/out"; fail 'not four columns'; }
! LC_ALL=C grep -q "$esc\|$csi" "$odd/wrong/mistakes.tsv" || fail 'control characters in mistakes.tsv'
awk -F '\t' 'NF != 6 { exit 1 } END { exit NR != 2 }' "$odd/wrong/mistakes.tsv" || { cat "$odd/wrong/mistakes.tsv"; fail 'not two lines of six columns'; }
no_controls 0 "$ocr" check "$odd/labels.tsv"
no_controls 1 "$ocr" check "$odd/labels.tsv" --alphabet ab
no_controls 0 "$ocr" synth --out "$odd/s" --sheet "$odd/s.png" --count 1
no_controls 0 "$ocr" lm --text "$odd/labels.tsv" --heldout "$odd/labels.tsv" --out "$odd/lm"
no_controls 0 "$ocr" export --model "$dir/m" --out "$odd/export"
no_controls 0 "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 2 --out "$odd/x" --log "$odd/x.csv" --pause-after 1
no_controls 0 "$ocr" train --labels "$labels" --resume "$odd/x" --out "$odd/x"
no_controls 0 "$losslab" plot mse --out "$odd/x.svg"
no_controls 0 "$losslab" ctc ab --out "$odd/x.svg"
no_controls 0 "$losslab" backprop --out "$odd/x.svg" --dot "$odd/x.dot"

# A pair of IDX files: labels out of range, too few, and pictures that are not there.
idx() { printf '\0\0\010%b' "\0$1$2"; }
{ idx 3 '\00\00\00\02\00\00\00\034\00\00\00\034'; dd if=/dev/zero bs=784 count=2 2>/dev/null; } >"$dir/data/t10k-images-idx3-ubyte"
for label in '\00\00\00\02\01\012' '\00\00\00\01\01' '\00\00\00\03\01\01\01' '\00\00\00\02\01' '\0177\0377\0377\0377\01'; do
    idx 1 "$label" >"$dir/data/t10k-labels-idx1-ubyte"
    cp "$dir/data/t10k-images-idx3-ubyte" "$dir/data/train-images-idx3-ubyte"
    cp "$dir/data/t10k-labels-idx1-ubyte" "$dir/data/train-labels-idx1-ubyte"
    refuse 'mnist train' "-labels-idx1-ubyte" "$mnist" train --data "$dir/data" --out "$dir/x"
done
idx 3 '\00\00\00\01\00\017\0102\0100\00\017\0102\0100' >"$dir/data/train-images-idx3-ubyte"
refuse 'mnist train' "$dir/data/train-images-idx3-ubyte: the IDX header announces 1x1000000x1000000" "$mnist" train --data "$dir/data" --out "$dir/x"
echo 'hostile files: all checks passed'
