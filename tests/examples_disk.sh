#!/bin/sh
# examples_disk.sh - where nothing can be written: a full disk, a read-only one, places that are none, and a full standard
# output. Each program says so in a sentence with the file's name, ends with 1, keeps the old file and leaves nothing.
#
# usage: tests/examples_disk.sh BUILD        a line a check; stops at the first that fails
set -u
mnist=$1/mnist ocr=$1/crnn_ocr lab=$1/losslab
# In a name space of its own, where it may mount small disks; without the right to that such checks are left out.
own=${2:-}
if [ "$own" != mounts ] && unshare -m true 2>/dev/null; then exec unshare -m sh "$0" "$1" mounts; fi
dir=$(mktemp -d) || exit 1
disk=$dir/disk
trap 'umount "$disk" 2>/dev/null; rm -rf "${dir:?}"' EXIT

export TW_THREADS=1 # these nets are too small for more
# shellcheck disable=SC2034 # common.sh uses it
program=$1
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

# Something to train on, and what training makes of it.
idx_data "$dir/data" train 64
idx_data "$dir/data" t10k 32
expect 0 '12 pictures' "$ocr" synth --out "$dir/pics" --count 12 --height 16 --seed 3
labels=$dir/pics/labels.tsv
expect 0 'model:' "$mnist" train --data "$dir/data" --model cnn --epochs 1 --out "$dir/mnist.model"
expect 0 'model:' "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 1 --out "$dir/ocr.model"
cut -f 2 "$labels" >"$dir/text"

# each_writer FUNCTION ARGUMENT..: calls it for all that the programs write, with the file's name and the command
each_writer() {
    "$@" m "$mnist" train --data "$dir/data" --model cnn --epochs 1 --out "$at/m"
    "$@" m.csv "$mnist" train --data "$dir/data" --model cnn --epochs 1 --out "$dir/x" --log "$at/m.csv"
    "$@" m.png "$mnist" eval --data "$dir/data" --model "$dir/mnist.model" --png "$at/m.png"
    "$@" o "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 1 --out "$at/o"
    "$@" o.csv "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 1 --out "$dir/x" --log "$at/o.csv"
    "$@" o.html "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 1 --out "$dir/x" --report "$at/o.html"
    "$@" half "$ocr" export --model "$dir/ocr.model" --out "$at/half"
    "$@" trust.svg "$ocr" eval --labels "$labels" --model "$dir/ocr.model" --reliability "$at/trust.svg"
    "$@" errors/mistakes.tsv "$ocr" eval --labels "$labels" --model "$dir/ocr.model" --errors "$at/errors"
    "$@" marked.png "$ocr" read --model "$dir/ocr.model" --align "$at/marked.png" "$dir/pics/000000.png"
    "$@" synth/labels.tsv "$ocr" synth --count 1 --height 16 --out "$at/synth"
    "$@" sheet.png "$ocr" synth --count 4 --height 16 --sheet "$at/sheet.png"
    "$@" lm "$ocr" lm --text "$dir/text" --out "$at/lm"
    "$@" mse.svg "$lab" plot mse --out "$at/mse.svg"
    "$@" mse.png "$lab" plot mse --out "$at/mse.png"
    "$@" ctc.svg "$lab" ctc a --out "$at/ctc.svg"
    "$@" tape.svg "$lab" backprop --out "$at/tape.svg"
    "$@" tape.dot "$lab" backprop --out "$dir/x.svg" --dot "$at/tape.dot"
    "$@" site/mae.html "$lab" report "$at/site"
    "$@" saturation.svg "$lab" experiment saturation --out "$at/saturation.svg"
}

# One line of what was said names the file, or another one in its folder that came first, and the reason.
refuse() { # REASON FILE COMMAND..
    reason=$1 file=$2
    shift 2
    "$@" >"$dir/out" 2>&1 </dev/null
    got=$?
    [ $got -eq 1 ] || { cat "$dir/out"; fail "exit code $got instead of 1, $reason: $*"; }
    case $file in
        */*) named=$at/${file%/*} ;;
        *) named=$at/$file ;;
    esac
    [ "$(grep -c ": $named.*: $reason" "$dir/out")" -eq 1 ] || { cat "$dir/out"; fail "not one line on $named and \"$reason\": $*"; }
    [ "$(find "$at" -name '*.tmp-*' 2>/dev/null)" = '' ] || { find "$at"; fail "$reason: something is left of: $*"; }
}
refuse_and_keep() { # REASON FILE COMMAND..
    old=$(cat "$at/$2") || fail "$2 was not there"
    refuse "$@"
    [ "$(cat "$at/$2")" = "$old" ] || fail "$1: the old $2 has changed: $*"
    echo "ok: $1, the old file kept: $2"
}
make_old() {
    mkdir -p "$at/errors" "$at/synth" "$at/site"
    each_writer put_old
}
put_old() { echo "old $1" >"$at/$1"; }

# What cannot be logged is learned all the same: the checkpoint is there, and goes on to the same end.
log_is_full() { # NAME COMMAND..: a disk with room for one page holds the log, but not also the next one
    name=$1
    shift
    expect 0 'model:' "$@" --epochs 3 --out "$dir/$name.whole"
    mkdir "$dir/page"
    mount -t tmpfs -o size=4k none "$dir/page" || exit 1
    expect 1 "page/log.csv: cannot be written: No space left" "$@" --epochs 3 --out "$dir/$name.cut" --log "$dir/page/log.csv"
    [ "$(ls "$dir/page")" = log.csv ] || fail "$name: something is left of the log"
    [ "$(wc -l <"$dir/page/log.csv")" -eq 1 ] || fail "$name: the old log has changed"
    umount "$dir/page"
    rmdir "$dir/page"
}

if [ "$own" = mounts ] && mkdir "$disk" && mount -t tmpfs -o size=128k none "$disk" 2>/dev/null; then
    at=$disk
    make_old
    head -c 200000 /dev/zero >"$disk/filler" 2>/dev/null
    each_writer refuse_and_keep 'No space left on device'
    mount -o remount,ro "$disk" || exit 1
    each_writer refuse_and_keep 'Read-only file system'
    log_is_full mnist "$mnist" train --data "$dir/data" --model cnn --seed 4
    expect 0 'model:' "$mnist" train --data "$dir/data" --resume "$dir/mnist.cut" --out "$dir/mnist.cut" --log "$dir/log.csv"
    same 'mnist: with a log that could not be written the weights are others' "$dir/mnist.whole" "$dir/mnist.cut"
    [ "$(wc -l <"$dir/log.csv")" -eq 4 ] || fail 'mnist: the log lacks what could not be written'
    log_is_full ocr "$ocr" train --labels "$labels" --model tiny --height 16 --batch 4
    expect 0 'model:' "$ocr" train --labels "$labels" --resume "$dir/ocr.cut" --out "$dir/ocr.cut" --log "$dir/log.csv"
    same 'ocr: with a log that could not be written the weights are others' "$dir/ocr.whole" "$dir/ocr.cut"
    [ "$(wc -l <"$dir/log.csv")" -eq 4 ] || fail 'ocr: the log lacks what could not be written'
else
    echo 'skipped: a full and a read-only disk, for want of the right to mount one'
fi

# Places that are none.
no_place() { # REASON FILE COMMAND..
    refuse "$@"
    echo "ok: $1: $2"
}
echo old >"$dir/file"
at=$dir/file
each_writer no_place 'Not a directory'
at=$dir/missing/folder
mkdir "$dir/missing"
each_writer no_place 'No such file or directory'
at=$dir/$(printf %0300d 7)
each_writer no_place 'File name too long'

# A standard output that is full.
full() { # COMMAND..
    "$@" >/dev/full 2>"$dir/out" </dev/null
    got=$?
    [ $got -eq 1 ] || { cat "$dir/out"; fail "exit code $got instead of 1 with a full standard output: $*"; }
    grep -q ': the results cannot be written: No space left on device$' "$dir/out" || { cat "$dir/out"; fail "no word of it: $*"; }
    echo "ok: a full standard output: ${1##*/} $2"
}
if [ -w /dev/full ]; then
    for p in "$mnist" "$ocr" "$lab"; do
        full "$p" --help
        full "$p" --version
    done
    full "$mnist" train --data "$dir/data" --model cnn --epochs 1 --out "$dir/x"
    full "$mnist" eval --data "$dir/data" --model "$dir/mnist.model" --png "$dir/x.png"
    full "$mnist" predict --model "$dir/mnist.model" "$dir/x.png"
    full "$ocr" train --labels "$labels" --model tiny --height 16 --epochs 1 --out "$dir/x"
    full "$ocr" check "$labels"
    full "$ocr" eval --labels "$labels" --model "$dir/ocr.model"
    full "$ocr" eval --labels "$labels" --model "$dir/ocr.model" --json --mistakes
    full "$ocr" read --model "$dir/ocr.model" "$dir/pics"
    full "$ocr" read --model "$dir/ocr.model" --json "$dir/pics"
    full "$ocr" synth --count 1 --height 16 --out "$dir/synth"
    full "$ocr" lm --text "$dir/text" --out "$dir/lm"
    full "$ocr" export --model "$dir/ocr.model" --out "$dir/x"
    full "$lab" list
    full "$lab" show mse
    full "$lab" eval mse --input 1 --target 2 --json
    full "$lab" check mse
    full "$lab" ctc a --out "$dir/x.svg"
    full "$lab" backprop --out "$dir/x.svg"
    full "$lab" plot mse --out "$dir/x.svg"
fi
echo 'disk: all checks passed'
