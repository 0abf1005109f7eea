#!/bin/sh
# examples_kill.sh - a training that is killed at any moment and resumed ends with the bits of one that never was, and
# its folder never holds half a file under a final name.
#
# usage: tests/examples_kill.sh BUILD        a line a check; stops at the first that fails
#        KILLS=200 SEED=7 tests/examples_kill.sh BUILD        so many kills of each program, at other moments
set -u
mnist=$1/mnist ocr=$1/crnn_ocr
seed=${SEED:-$(date +%s)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "${dir:?}"' EXIT

export TW_THREADS=1 # these nets are too small for more
# shellcheck disable=SC2034 # common.sh uses it
program=$1
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"
kills=${KILLS:-$(few 4 2)}
echo "seed: $seed (SEED=$seed repeats these moments)"

# ---- what is trained: 40 steps of mnist and 54 of crnn_ocr, a checkpoint after 5 of them or more often ---------
mnist_epochs=$(few 8 4) ocr_epochs=$(few 9 3)
idx_data "$dir/data" train 320
idx_data "$dir/data" t10k 50
expect 0 '32 pictures' "$ocr" synth --out "$dir/pics" --count 32 --height 16 --seed 3
labels=$dir/pics/labels.tsv

# Each program has: begin and resume, which train in the folder $1; check, which loads the file $1.
# shellcheck disable=SC2086 # under: nothing, or a command with options that runs the program
under=
mnist_begin() { exec $under "$mnist" train --data "$dir/data" --epochs "$mnist_epochs" --batch 64 --seed 5 --augment --out "$1/m" --log "$1.csv"; }
mnist_resume() { exec $under "$mnist" train --data "$dir/data" --resume "$1/m" --out "$1/m" --log "$1.csv"; }
mnist_check() { expect 0 'test accuracy' "$mnist" eval --data "$dir/data" --model "$1" --png "$dir/table.png"; }
minutes=0.0005 # between checkpoints of crnn_ocr
ocr_begin() {
    exec $under "$ocr" train --labels "$labels" --model tiny --height 16 --batch 4 --val-split 0.25 --augment light --epochs "$ocr_epochs" \
        --save-minutes $minutes --out "$1/m" --log "$1.csv" --report "$1.html"
}
ocr_resume() {
    exec $under "$ocr" train --labels "$labels" --resume "$1/m" --save-minutes $minutes --out "$1/m" --log "$1.csv" --report "$1.html"
}
ocr_check() { expect 0 'cer: ' "$ocr" eval --labels "$labels" --model "$1"; }

# Everything in the folder $1 is whole, or has a temporary name, of which there is one for each file at most.
check_folder() {
    for file in "$1"/*; do
        case ${file##*/} in
            '*' | *.tmp-0) ;;
            m.lock | m.best.lock | m.last.lock) ;; # of the killed one
            m | m.best | m.last) "${which}_check" "$file" ;;
            *) fail "$moment: what is ${file##*/}?" ;;
        esac
    done
    if [ -e "$1.csv" ]; then
        [ -z "$(tail -c 1 "$1.csv")" ] || fail "$moment: the log ends in the middle of a row"
        awk -F , 'NR == 1 { n = NF } NF != n || n < 6 { exit 1 } NR > 1 && $1 != NR - 1 { exit 1 }' "$1.csv" ||
            { cat "$1.csv"; fail "$moment: the log has half a row, one twice or one too few"; }
    fi
    [ ! -e "$1.html" ] || tail -n 1 "$1.html" | grep -q '</html>' || fail "$moment: half a page"
}
# The result is that of the uninterrupted training, and nothing else is left: but for what was half written of files that
# are written now and then only.
check_end() {
    rm -f "$1/m.best.tmp-0" "$1/m.last.tmp-0"
    same "$moment: the weights are others" "$dir/$which.whole/m" "$1/m"
    for file in m.best m.last; do
        [ ! -e "$dir/$which.whole/$file" ] || same "$moment: $file is another" "$dir/$which.whole/$file" "$1/$file"
    done
    for of in "$dir/$which.whole" "$1"; do
        cut -d , -f 1-10 "$of.csv" >"$of.figures"
        ls "$of" >"$of.names"
        [ "$(find "$dir" -maxdepth 1 -name '*.tmp-*')" = '' ] || fail "$moment: something is left of the log or the page"
    done
    same "$moment: the log is another" "$dir/$which.whole.figures" "$1.figures"
    same "$moment: other files: $(ls "$1")" "$dir/$which.whole.names" "$1.names"
}
clear_folder() { rm -f "${1:?}/"* "$1.csv" "$1.html"; }
finished() { cmp -s "$dir/$which.whole/m" "$1/m"; } # it was killed after the last byte, on its way out

start() { # FOLDER: begins or goes on in the background
    if [ -e "$1/m" ]; then action=resume; else action=begin; fi
    "${which}_$action" "$1" >"$dir/said" 2>&1 &
    pid=$!
}
now() { date +%s%N | cut -c 1-13; } # milliseconds

# The next number from 0 to 9999; of the generator only the upper bits are random enough.
state=$((seed % 2147483648))
draw() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    drawn=$((state / 64 % 10000))
}

# ---- killed at random moments: each fourth time by SIGTERM, at which crnn_ocr saves what it has --------------------
for which in mnist ocr; do
    mkdir "$dir/$which.whole" "$dir/$which.cut"
    began=$(now)
    start "$dir/$which.whole"
    wait $pid || { cat "$dir/said"; fail "$which does not train"; }
    takes=$(($(now) - began))
    [ $takes -gt 0 ] && [ $takes -lt 600000 ] || takes=2000 # the clock was set
    done=0 runs=0 tries=0 saved=0 begun=0
    while [ $done -lt "$kills" ]; do
        tries=$((tries + 1))
        [ $tries -le $((20 * kills)) ] || fail "$which: ended before $kills kills could reach it"
        draw
        delay=$((takes * 11 * drawn / 100000)) # milliseconds, from the start to a little after the end
        delay=$((delay / 1000)).$(printf %03d $((delay % 1000)))
        signal=KILL
        [ $((tries % 4)) -ne 0 ] || signal=TERM
        moment="$which, SEED=$seed, kill $((done + 1)): SIG$signal after $delay s"
        [ -e "$dir/$which.cut/m" ] || begun=$((begun + 1))
        start "$dir/$which.cut"
        sleep "$delay"
        if kill -s $signal $pid 2>/dev/null; then done=$((done + 1)); fi
        wait $pid
        ended=$?
        case $ended in
            0) ;; # it was faster
            137 | 143) ;;
            1) grep -q 'interrupted, and saved' "$dir/said" || { cat "$dir/said"; fail "$moment: exit code 1"; }
               [ -e "$dir/$which.cut/m" ] || fail "$moment: nothing was saved"
               saved=$((saved + 1)) ;;
            *) cat "$dir/said"; fail "$moment: exit code $ended" ;;
        esac
        echo "$moment: $(ls -x "$dir/$which.cut")"
        check_folder "$dir/$which.cut"
        if [ $ended -eq 0 ] || finished "$dir/$which.cut"; then
            [ $ended -eq 0 ] || rm -f "$dir/$which.cut"/*.lock # killed on its way out
            check_end "$dir/$which.cut"
            clear_folder "$dir/$which.cut"
            runs=$((runs + 1))
        fi
    done
    moment="$which, SEED=$seed, after $done kills"
    start "$dir/$which.cut"
    wait $pid || { cat "$dir/said"; fail "$moment: cannot be resumed"; }
    check_end "$dir/$which.cut"
    echo "ok: $which: $done kills in $((runs + 1)) trainings ($begun begun anew, $saved stopped and saved), each ended with the same bits"
done

# ---- SIGINT, which the shell's background jobs ignore unless they are told otherwise ---------------------------------
which=ocr cut=$dir/ocr.cut moment='ocr, SIGINT'
if env --default-signal=INT true 2>/dev/null; then
    clear_folder "$cut"
    under='env --default-signal=INT'
    start "$cut"
    until [ -e "$cut/m.best" ]; do sleep 0.01; done
    kill -s INT $pid
    wait $pid
    ended=$?
    if [ $ended -ne 1 ] || ! grep -q 'interrupted, and saved' "$dir/said"; then
        cat "$dir/said"
        fail "$moment: exit code $ended, or nothing saved"
    fi
    under=
    check_folder "$cut"
    start "$cut"
    wait $pid || { cat "$dir/said"; fail "$moment: cannot be resumed"; }
    check_end "$cut"
    echo 'ok: ocr: stopped by SIGINT and saved'
else
    echo 'skipped: SIGINT, for want of an env with --default-signal'
fi

# ---- killed at each place of a write --------------------------------------------------------------------------------
# strace sends the signal as the program enters a system call that is about m, its temporary file or their folder; a
# save opens that file, writes, forces it to the disk, renames it, and forces the folder to the disk.
if ! strace -f -qq -o /dev/null -P "$dir" -e trace=?rename,?renameat -e inject=?rename,?renameat:signal=KILL true 2>/dev/null; then
    echo 'skipped: the places of a write, for want of strace or of the right to use it'
    echo 'kill: all other checks passed'
    exit 0
fi
# What is traced cannot be searched for leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
calls='?open,?openat write fsync ?rename,?renameat,?renameat2'
send_at() { # SIGNAL WORDS CALLS WHEN: at the WHEN-th of these system calls of a training that begins or goes on
    moment="$which, $2"
    under="strace -f -qq -o /dev/null -P $cut -P $cut/m.tmp-0 -e trace=$(echo "$calls" | tr ' ' ,) -e inject=$3:signal=$1:when=$4"
    start "$cut"
    wait $pid
    ended=$?
    under=
}
kill_at() { # WORDS CALLS WHEN
    send_at KILL "$@"
    [ $ended -eq 137 ] || { cat "$dir/said"; fail "$moment: exit code $ended, not killed"; }
    [ "$which" = mnist ] || check_folder "$cut" # for mnist, kept says more
}
kept() { # WHICH: m is this checkpoint of mnist's, which is the same whenever it is written
    [ "$which" = ocr ] || same "$moment: not checkpoint $1, or not whole" "$dir/kept.$1" "$cut/m"
}
open='?open,?openat' rename='?rename,?renameat,?renameat2'
for n in 1 2 3; do
    expect 0 'paused' "$mnist" train --data "$dir/data" --epochs "$mnist_epochs" --batch 64 --seed 5 --augment --out "$dir/kept.$n" --pause-after $n
done
for which in mnist ocr; do
    cut=$dir/$which.cut
    clear_folder "$cut"
    for place in "$open 1" 'write 2' "$rename 1"; do
        # shellcheck disable=SC2086 # CALLS WHEN
        kill_at "the first save, before $place" $place
        [ ! -e "$cut/m" ] || fail "$moment: half a checkpoint"
    done
    kill_at 'the first save, once renamed' fsync 2
    kept 1
    for place in "$open 1" 'write 1' 'write 20' 'fsync 1' "$rename 1"; do
        # shellcheck disable=SC2086
        kill_at "a later save, before $place" $place
        kept 1
    done
    kill_at 'a later save, once renamed' fsync 2
    kept 2
    kill_at 'a later save, in its place' "$open" 3
    kept 3
    moment="$which, after kills at each place"
    start "$cut"
    wait $pid || { cat "$dir/said"; fail "$moment: cannot be resumed"; }
    check_end "$cut"
    echo "ok: $which: killed at each place of a write, and ended with the same bits"
done

# Asked to stop after the last of an epoch's 6 steps, while a checkpoint is saved: what belongs to the epoch's end, its
# validation and its row of the log, comes first. (which and cut are those of ocr)
clear_folder "$cut"
minutes=0.0000001 # after each step
send_at TERM 'asked to stop between two epochs' "$rename" 6
minutes=0.0005
if [ $ended -ne 1 ] || ! grep -q 'interrupted, and saved' "$dir/said"; then
    cat "$dir/said"
    fail "$moment: exit code $ended, or nothing saved"
fi
[ "$(wc -l <"$cut.csv")" -eq 2 ] || fail "$moment: the log has not the row of the epoch"
start "$cut"
wait $pid || { cat "$dir/said"; fail "$moment: cannot be resumed"; }
check_end "$cut"
echo "ok: $moment"
echo 'kill: all checks passed'
