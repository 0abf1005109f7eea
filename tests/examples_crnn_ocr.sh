#!/bin/sh
# examples_crnn_ocr.sh - the program crnn_ocr as its users meet it: exit codes, messages, the same bits for any number
# of threads and after a pause.
#
# usage: tests/examples_crnn_ocr.sh BUILD        a line a check; stops at the first that fails
set -u
ocr=$1/crnn_ocr
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$ocr
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

expect 0 'train a recogniser' "$ocr" --help
expect 2 'did you mean train' "$ocr" trian
expect 2 'Usage' "$ocr"
for c in check train eval read render demo; do expect 0 'Usage' "$ocr" $c --help; done
expect 2 'did you mean --epochs' "$ocr" train --epoks 3
expect 2 'whole number' "$ocr" train --epochs none
expect 2 'labels FILE.tsv or --synth' "$ocr" train --out "$dir/m"
expect 2 'out FILE is needed' "$ocr" train --synth
expect 2 'mix goes with' "$ocr" train --synth --mix 0.5 --out "$dir/m"
expect 2 'out wants the name of a file, not ""' "$ocr" demo --steps 1 --out ''
expect 2 'out wants the name of a file' "$ocr" demo --steps 1 --out "$dir/"
expect 2 'images goes with' "$ocr" train --synth --images x --out "$dir/m"
expect 2 'patience needs' "$ocr" train --synth --patience 3 --out "$dir/m"
expect 2 'val-split takes from' "$ocr" train --synth --val-split 0.1 --out "$dir/m"
expect 2 'two ways' "$ocr" train --labels x --val y --val-split 0.1 --out "$dir/m"
expect 2 'none, light or strong' "$ocr" train --labels x --augment much --out "$dir/m"
expect 2 'twice' "$ocr" train --labels x --epochs 2 --steps 100 --out "$dir/m"
expect 2 'did you mean small' "$ocr" train --synth --model smal --out "$dir/m"
expect 2 '--words and --pattern are two ways' "$ocr" train --synth --words x --pattern y --out "$dir/m"
expect 2 'multiple of 32' "$ocr" train --synth --model vgg --height 24 --out "$dir/m"
expect 2 'did you mean "adam' "$ocr" train --synth --optim adamv --out "$dir/m"
expect 2 'cosine' "$ocr" train --synth --schedule cosin --out "$dir/m"
expect 2 'which pictures' "$ocr" read --model "$dir/m"
expect 2 'labels FILE.tsv is needed' "$ocr" eval --model "$dir/m"
expect 1 'none.tsv' "$ocr" train --labels "$dir/none.tsv" --out "$dir/m"
expect 1 'none' "$ocr" read --model "$dir/none" picture.png

# Pictures to train on, and the same ones again.
expect 0 '64 pictures' "$ocr" render --out "$dir/pics" --count 64 --height 16 --seed 3
expect 0 '64 pictures' "$ocr" render --out "$dir/again" --count 64 --height 16 --seed 3
same 'the same seed gives other labels' "$dir/pics/labels.tsv" "$dir/again/labels.tsv"
same 'the same seed gives other pictures' "$dir/pics/000063.png" "$dir/again/000063.png"

# Diverged: in a step, or in the last of an epoch. What was saved before stays.
printf 'what was there' >"$dir/kept"
set -- train --labels "$dir/pics/labels.tsv" --model tiny --epochs 2 --optim sgd:lr=1e30 --schedule constant --out "$dir/kept"
expect 1 'epoch 1: the loss is [a-z]*: .*; a smaller learning rate may help$' "$ocr" "$@" --batch 16
expect 1 "epoch 1: the network's scores are not finite any more, and are not saved; a smaller" "$ocr" "$@" --batch 64
[ "$(cat "$dir/kept")" = 'what was there' ] || fail 'a training that diverged wrote its model'

# What would be found out too late is refused before the first step, and no file is written that is another.
tiny="train --labels $dir/pics/labels.tsv --model tiny --height 16 --epochs 2"
long=$dir/$(printf %0252d 7)
mkdir "$dir/f.best" "$dir/f.last.st"
ln -s "$dir/none/file" "$dir/dangling"
cp -r "$dir/pics" "$dir/mine"
# shellcheck disable=SC2086
{
    expect 1 'empty name' "$ocr" $tiny --out ''
    expect 1 'none/: cannot be written' "$ocr" $tiny --out "$dir/none/"
    expect 1 'dangling: cannot be written: No such' "$ocr" $tiny --out "$dir/dangling"
    expect 1 '\.best: cannot be written: File name too long' "$ocr" $tiny --val-split 0.5 --out "$long"
    expect 1 'f\.best: cannot be written: it is not a regular file' "$ocr" $tiny --val-split 0.5 --out "$dir/f"
    expect 1 'f\.last\.st: cannot be written: it is not a regular file' "$ocr" $tiny --val-split 0.5 --out "$dir/f.st"
    expect 1 'none/log: cannot be written: No such' "$ocr" $tiny --out "$dir/x" --log "$dir/none/log"
    expect 2 '--labels and --out are the same file' "$ocr" $tiny --out "$dir/pics/../pics/labels.tsv"
    expect 2 '--labels and --log are the same file' "$ocr" $tiny --out "$dir/x" --log "$dir/pics/labels.tsv"
    expect 2 '--log and --report are the same file' "$ocr" $tiny --out "$dir/x" --log "$dir/z" --report "$dir/z"
    expect 2 'the best model, beside --out, and --log are' "$ocr" $tiny --out "$dir/x.st" --log "$dir/x.best.st"
    expect 2 'the last model, beside --out, and --report are' "$ocr" $tiny --out "$dir/x.st" --report "$dir/x.last.st"
    expect 1 'are .* epochs of 4 steps; at most 1000000' "$ocr" train --labels "$dir/pics/labels.tsv" --model tiny --height 16 --batch 16 \
        --steps 999999999 --out "$dir/x"
}
# So also where it is not the command line itself that names what is read.
ln -s target "$dir/leads"
printf 'one\ntwo\n' >"$dir/mine/words"
cp "$dir/mine/words" "$dir/words"
mkdir "$dir/single"
cp "$dir/pics/000001.png" "$dir/single/one.png"
echo "$dir/mine/000004.png" >"$dir/list"
# shellcheck disable=SC2086
{
    expect 2 '--out and --log are the same file' "$ocr" $tiny --out "$dir/leads" --log "$dir/target"
    expect 1 '000002.png: is used, and --report would overwrite it' "$ocr" train --labels "$dir/mine/labels.tsv" --out "$dir/x" \
        --report "$dir/mine/000002.png"
}
expect 1 'words: is used, and --log would overwrite it' "$ocr" train --synth --words "$dir/mine/words" --out "$dir/x" --log "$dir/mine/words"
expect 1 'words: is used, and --sheet would' "$ocr" synth --without "$dir/mine/words" --sheet "$dir/mine/words"
for o in --fonts --deny --alphabet; do
    expect 1 'words: is used, and --sheet would' "$ocr" synth $o "@$dir/mine/words" --sheet "$dir/mine/words"
done
same 'a refused command has changed a list of words' "$dir/mine/words" "$dir/words"
expect 1 'labels.tsv: is used, and --out would overwrite it' "$ocr" synth --alphabet "@$dir/mine/labels.tsv" --out "$dir/mine" --count 100
expect 1 'labels.tsv: is used, and --out would overwrite it' "$ocr" synth --words "$dir/mine/labels.tsv" --out "$dir/mine" --count 100
expect 2 '--text and --out are the same file' "$ocr" lm --text "$dir/mine/labels.tsv" --out "$dir/mine/labels.tsv"
cp "$dir/list" "$dir/list.png"
expect 1 'list.png: is used, and --align would overwrite it' "$ocr" read --align "$dir/list.png" --list "$dir/list.png"
expect 1 '^crnn_ocr read: -: is used, and --align would' sh -c "'$ocr' read --align '$dir/single/one.png' - <'$dir/single/one.png'"
mkdir "$dir/marks"
cp "$dir/pics/000001.png" "$dir/marks/a.png"
cp "$dir/pics/000001.png" "$dir/marks/2-a.png"
expect 1 'marks/2-a.png: is used, and --align would' "$ocr" read --align "$dir/marks" "$dir/marks"
same 'read has marked a picture that it reads' "$dir/pics/000001.png" "$dir/marks/2-a.png"
for from in "$dir/single" "$dir/single/one.png" "--list $dir/list"; do
    to=$dir/single/one.png
    [ "$from" = "${from#--}" ] || to=$dir/mine/000004.png
    # shellcheck disable=SC2086
    expect 1 "$to: is used, and --align would overwrite it" "$ocr" read --align "$to" $from
done
same 'read has marked its own picture' "$dir/pics/000001.png" "$dir/single/one.png"
expect 2 'align wants the name' "$ocr" read --align '' "$dir/single/one.png"
expect 1 'a folder with an empty name' "$ocr" synth --out ''
expect 2 'unknown model "?\[31mx"' "$ocr" train --synth --model "$(printf '\033[31mx')" --out "$dir/x"
for f in x target; do [ ! -e "$dir/$f" ] || fail "what was refused was written all the same: $f"; done
rm "$dir/mine/words"
diff -r "$dir/pics" "$dir/mine" || fail 'a refused command has changed a file'

# check: each thing that can be wrong, and a clean set.
expect 0 'nothing would hurt' "$ocr" check "$dir/pics/labels.tsv"
expect 2 'which labels.tsv' "$ocr" check
expect 1 'none.tsv' "$ocr" check "$dir/none.tsv"
expect 1 'cannot be opened: Is a directory' "$ocr" check "$dir"
cp "$dir/pics/000001.png" "$dir/with space.png"
mkdir "$dir/folder"
mkfifo "$dir/pipe"
head -c 64 "$dir/pics/000001.png" >"$dir/cut.png"
{
    printf '\357\273\277with space.png\tOne\r\npics/000001.png\tTwo\npics/000001.png\tTwo\n\nno tab\n\tno path\na\0b\tc\n'
    printf 'x\t\377\nfolder\tA\npipe\tB\nnone.png\tC\ncut.png\tD\npics/000002.png\t\npics/000003.png\te\314\201\n'
    printf 'pics/000004.png\taaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n'
    sed 's#^#pics/#' "$dir/pics/labels.tsv" | tail -n 50
} >"$dir/bad.tsv"
for words in 'bad.tsv:5: no TAB' 'bad.tsv:6: no path' 'bad.tsv:7: a NUL byte at byte 2' 'bad.tsv:8: not UTF-8' 'bad.tsv:9: .* is a folder' \
    'bad.tsv:10: .* is not a regular file' 'bad.tsv:11: .*none.png' 'bad.tsv:12: .*cut.png' 'bad.tsv:13: the text is empty' \
    'bad.tsv:14: .* is learnt as' 'bad.tsv:15: .* frames, and' 'bad.tsv:15: .* narrow as usual' 'same picture as line 1, but there it is "One"' \
    'same file as that of line 2' '[0-9] things would hurt'; do
    expect 1 "$words" "$ocr" check "$dir/bad.tsv" --height 16
done
expect 1 'bad.tsv:1: "O" in "One"' "$ocr" check "$dir/bad.tsv" --alphabet 'Tabcdenwo' --show 0
# As train has it: texts that are all empty are refused, and what check suggests for a tiny set works.
printf 'pics/000001.png\t\npics/000002.png\t\n' >"$dir/mute.tsv"
for c in check 'train --model tiny --epochs 1 --out x --labels'; do
    # shellcheck disable=SC2086
    expect 1 'mute.tsv: every text is empty' "$ocr" $c "$dir/mute.tsv"
done
suggested() { # LINES SPLIT: of a table with these lines, check suggests --val-split or not, and train takes what it suggests
    printf '%b' "$1" >"$dir/tiny.tsv"
    expect 0 'crnn_ocr train' "$ocr" check "$dir/tiny.tsv" --model tiny --height 16
    line=$(grep '^crnn_ocr train' "$dir/out")
    [ "$(echo "$line" | grep -c -- '--val-split')" -eq "$2" ] || fail "check suggests $line"
    for seed in 1 2; do
        # shellcheck disable=SC2086
        (cd "$dir" && expect 0 'model:' "$ocr_path" ${line#crnn_ocr } --epochs 1 --seed $seed) || exit 1
    done
}
case $ocr in
    /*) ocr_path=$ocr ;;
    *) ocr_path=$PWD/$ocr ;;
esac
one='pics/000001.png\tA\n' two='pics/000002.png\tA\n'
suggested "$one" 0
suggested "$one$two" 1
suggested "$one${two%A*}\n" 0
suggested "$one$one$one" 0
suggested "$one$two$one$one$one$one$one$one$one$one$one$one$one$one$one$one$one" 0
bytes 100000 >"$dir/garbage.tsv"
expect 1 'more (--show 0' "$ocr" check "$dir/garbage.tsv"
printf 'pics/000001.png\tA\npipe\tB\n' >"$dir/pipe.tsv"
expect 1 'pipe.tsv:2: .*pipe: is not a regular file' "$ocr" train --labels "$dir/pipe.tsv" --out "$dir/m"
expect 1 'bad.tsv:5: no TAB' "$ocr" train --labels "$dir/bad.tsv" --out "$dir/m"

expect 2 'out DIR' "$ocr" captcha
if [ -n "$(fc-list 'Liberation Mono')" ]; then
    expect 1 'a folder with an empty name' "$ocr" captcha --out ''
    expect 0 '3 captchas' "$ocr" captcha --out "$dir/captcha" --count 3
    expect 1 'captcha: 1 pictures of an older set, 000002.png .., would be left over' "$ocr" captcha --out "$dir/captcha" --count 2
    expect 0 '5 pictures' "$ocr" synth --out "$dir/captcha" --count 5
    expect 1 'captcha: 2 pictures of an older set, 000003.png' "$ocr" captcha --out "$dir/captcha" --count 3
    expect 0 '5 captchas' "$ocr" captcha --out "$dir/captcha" --count 5
    expect 0 'nothing would hurt' "$ocr" check "$dir/captcha/labels.tsv" --alphabet 2345678bcdefgmnpwxy
else
    echo 'skipped: the captchas, for want of the Liberation fonts'
fi

# 64 texts for two pictures.
printf '\000\000\010\003\000\000\000\002\000\000\000\020\000\000\000\020' >"$dir/two.idx"
bytes 512 >>"$dir/two.idx"
expect 1 'labels 64 pictures, but there are 2' "$ocr" train --labels "$dir/pics/labels.tsv" --images "$dir/two.idx" --out "$dir/m"
printf 'a\tAB\nb\tBA\n' >"$dir/two.tsv"
expect 0 'model:' "$ocr" train --labels "$dir/two.tsv" --images "$dir/two.idx" --model tiny --epochs 1 --out "$dir/m"
expect 0 'cer: ' "$ocr" eval --labels "$dir/two.tsv" --images "$dir/two.idx" --model "$dir/m"
expect 1 'not in the alphabet' "$ocr" train --labels "$dir/two.tsv" --images "$dir/two.idx" --alphabet Ab --out "$dir/x"
printf 'a\tAB\nb\tBABABABAB\n' >"$dir/long.tsv"
expect 0 '1 of 2 texts' "$ocr" train --labels "$dir/long.tsv" --images "$dir/two.idx" --model tiny --epochs 1 --out "$dir/x"
printf 'AB\n' >"$dir/alphabet"
expect 0 ' 2 characters' "$ocr" train --labels "$dir/two.tsv" --images "$dir/two.idx" --alphabet "@$dir/alphabet" --model tiny \
    --epochs 1 --out "$dir/x"
printf 'a\tAB\nb\tAC\n' >"$dir/foreign.tsv"
expect 0 '1 texts have characters' "$ocr" eval --labels "$dir/foreign.tsv" --images "$dir/two.idx" --model "$dir/x"

# 50 steps of each model, or a few: the same bits with one and two threads.
for m in tiny small vgg; do
    set -- --height 16 --batch 8 --samples "$(few 400 16)"
    [ $m != vgg ] || set -- --height 32 --batch 2 --samples "$(few 100 4)"
    for t in 1 2; do
        expect 0 'model:' "$ocr" train --synth --model $m --epochs 1 --threads $t --seed 7 "$@" --out "$dir/$m.$t"
    done
    same "$m: one and two threads give different weights" "$dir/$m.1" "$dir/$m.2"
done

# Paused and resumed is the same as never paused, on picture files and on rendered text.
for data in "--labels $dir/pics/labels.tsv" '--synth'; do
    # shellcheck disable=SC2086
    set -- train $data --model tiny --height 16 --epochs 3 --batch 16 --samples 64 --lr 0.002
    # shellcheck disable=SC2086
    resume="train $data --resume $dir/part"
    expect 0 'model:' "$ocr" "$@" --out "$dir/whole"
    expect 0 'paused' "$ocr" "$@" --out "$dir/part" --pause-after 1 --log "$dir/log.csv"
    cp "$dir/part" "$dir/copy"
    # shellcheck disable=SC2086
    expect 0 'model:' "$ocr" $resume --out "$dir/part" --log "$dir/log.csv"
    same 'resuming gives other weights than never pausing' "$dir/whole" "$dir/part"
    [ "$(wc -l <"$dir/log.csv")" -eq 4 ] || fail 'the log has not a header and three rows'
    # shellcheck disable=SC2086
    expect 1 'finished' "$ocr" $resume --out "$dir/x"
    # shellcheck disable=SC2086
    expect 2 'recipe from the file' "$ocr" $resume --epochs 9 --out "$dir/x"
    rm "$dir/log.csv"
done

# What is not this training's checkpoint and data is refused, and nothing is written. (copy is one of rendered text)
expect 1 'continue with the same' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/copy" --out "$dir/none.st"
expect 0 'paused' "$ocr" train --labels "$dir/pics/labels.tsv" --model tiny --height 16 --epochs 3 --val-split 0.25 --out "$dir/split" \
    --pause-after 1
head -n 60 "$dir/pics/labels.tsv" >"$dir/pics/fewer.tsv"
expect 1 'split was trained with 48 pictures, and there are 45' "$ocr" train --labels "$dir/pics/fewer.tsv" --resume "$dir/split" --out "$dir/none.st"
expect 0 'paused' "$ocr" train --labels "$dir/pics/fewer.tsv" --val "$dir/pics/labels.tsv" --model tiny --height 16 --epochs 3 \
    --out "$dir/val" --pause-after 1
expect 1 'val was trained with 64 pictures to validate on, and there are 60' "$ocr" train --labels "$dir/pics/fewer.tsv" --val "$dir/pics/fewer.tsv" \
    --resume "$dir/val" --out "$dir/none.st"
refuse_cut 'crnn_ocr train' "$dir/split" "$ocr" train --labels "$dir/pics/labels.tsv" --out "$dir/none.st" --resume
LC_ALL=C sed 's/"thalweg.checkpoint":"1"/"thalweg.checkpoint":"2"/' "$dir/split" >"$dir/later"
expect 1 'later: is a checkpoint of format 2; this library reads 1' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/later" \
    --out "$dir/none.st"
LC_ALL=C sed 's/"model":"tiny"/"model":"huge"/' "$dir/split" >"$dir/huge"
expect 1 'huge: unknown model "huge"' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/huge" --out "$dir/none.st"
LC_ALL=C sed 's/"seed":"1"/"seed":"x"/' "$dir/split" >"$dir/seed"
expect 1 'seed: "seed" is not a whole number' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/seed" --out "$dir/none.st"
LC_ALL=C sed 's/"augment":"light"/"augment":"lihgt"/' "$dir/split" >"$dir/augment"
expect 1 'augment: unknown "augment": "lihgt"' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/augment" --out "$dir/none.st"
LC_ALL=C sed 's/"thalweg.loader.epoch":"1"/"thalweg.loader.epoch":"9"/' "$dir/split" >"$dir/epoch"
expect 1 'epoch: its entry "thalweg.loader.epoch" is damaged' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/epoch" \
    --out "$dir/none.st"
{ sed 1d "$dir/pics/labels.tsv"; head -n 1 "$dir/pics/labels.tsv"; } >"$dir/pics/turned.tsv"
expect 1 'split was trained with other texts than those of .*turned.tsv' "$ocr" train --labels "$dir/pics/turned.tsv" --resume "$dir/split" \
    --out "$dir/none.st"
sed 's#^#pics/#' "$dir/pics/labels.tsv" >"$dir/val.tsv"
{ sed 1d "$dir/val.tsv"; head -n 1 "$dir/val.tsv"; } >"$dir/val2.tsv"
expect 0 'paused' "$ocr" train --labels "$dir/pics/fewer.tsv" --val "$dir/val.tsv" --resume "$dir/val" --out "$dir/val2" --pause-after 1
expect 1 'val was trained with other texts than those of .*val2.tsv' "$ocr" train --labels "$dir/pics/fewer.tsv" --val "$dir/val2.tsv" \
    --resume "$dir/val" --out "$dir/none.st"
LC_ALL=C sed 's/"texts":/"taxts":/' "$dir/split" >"$dir/unknown"
expect 1 'unknown does not say which texts were put aside' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/unknown" --out "$dir/none.st"
# Names of a table that begin with / are the same from everywhere.
sed "s#^#$dir/pics/#" "$dir/pics/labels.tsv" >"$dir/pics/absolute.tsv"
expect 0 'paused' "$ocr" train --labels "$dir/pics/absolute.tsv" --model tiny --height 16 --epochs 3 --val-split 0.25 --out "$dir/far" \
    --pause-after 1
(cd "$dir/pics" && expect 0 'paused' "$ocr_path" train --labels absolute.tsv --resume "$dir/far" --out "$dir/far" --pause-after 1) || exit 1
# The same pictures in another folder are put aside as before.
expect 0 'paused' "$ocr" train --labels "$dir/mine/labels.tsv" --resume "$dir/split" --out "$dir/moved" --pause-after 1
expect 1 'copy was trained with --synth and none of its options: continue with the same' "$ocr" train --synth --preset scene \
    --resume "$dir/copy" --out "$dir/none.st"
[ ! -e "$dir/none.st" ] || fail 'what was refused was written all the same'

mkdir "$dir/a" "$dir/b"
printf 'one\ntwo\n' | tee "$dir/a/words" >"$dir/b/words"
printf 'three\n' >"$dir/b/more"
expect 0 'paused' "$ocr" train --synth --samples 16 --words "$dir/a/words" --model tiny --height 16 --epochs 3 --out "$dir/words" --pause-after 1
expect 0 'paused' "$ocr" train --synth --words "$dir/b/words" --resume "$dir/words" --out "$dir/words" --pause-after 1
expect 1 "words was trained with --synth --words 'words': continue with the same" "$ocr" train --synth \
    --words "$dir/b/words,$dir/b/more" --resume "$dir/words" --out "$dir/words"

# One training of a file at a time, also when both are stopped and killed.
set -- train --labels "$dir/pics/labels.tsv" --model tiny --height 16 --batch 4 --epochs 1000 --out "$dir/held"
ln -s held "$dir/alias"
"$ocr" "$@" --val-split 0.25 --log "$dir/held.csv" >"$dir/first" 2>&1 &
until [ -e "$dir/held.csv.lock" ]; do
    kill -0 $! 2>/dev/null || { cat "$dir/first"; fail 'it does not train'; }
    sleep 0.01
done
expect 1 'held: another training writes it; give this one another --out' "$ocr" "$@"
expect 1 'alias: another training writes it; give this one another --out' "$ocr" "$@" --out "$dir/alias"
expect 1 'held.best: another training writes it; give this one another --out' "$ocr" "$@" --out "$dir/held.best"
expect 1 'held.csv: another training writes it; give this one another --log' "$ocr" "$@" --out "$dir/other" --log "$dir/held.csv"
chmod 444 "$dir/held.lock" # as another user's is
expect 1 'held: another training writes it' "$ocr" "$@"
kill -9 $!
wait $!
[ -e "$dir/held.lock" ] || fail 'a killed training removed its lock'
rm -f "$dir/held"
expect 0 'paused' "$ocr" "$@" --pause-after 1
for f in held.lock other.lock other; do [ ! -e "$dir/$f" ] || fail "$f is left"; done
rm "$dir"/held.*.lock
# What takes a lock's name meanwhile is not removed with it.
expect 0 'paused' "$ocr" "$@" --out "$dir/other" --log "$dir/other.lock" --pause-after 1
grep -q '^epoch,' "$dir/other.lock" || fail 'the log was removed as a lock'
rm "$dir/other" "$dir/other.lock"
# What has the name of a lock and is none stays. A training goes on under another name of its own file.
printf 'text' >"$dir/other.lock"
expect 1 'other.lock: is in the way: a training locks --out with it' "$ocr" "$@" --out "$dir/other"
rm "$dir/other.lock"
mkfifo "$dir/other.lock"
expect 1 'other.lock: is in the way' timeout 60 "$ocr" "$@" --out "$dir/other"
rm "$dir/other.lock"
expect 0 'paused' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/./held" --out "$dir/alias" --pause-after 1
[ -h "$dir/alias" ] || fail 'a link was replaced'
[ ! -e "$dir/held.lock" ] || fail 'the lock of a link is left'
expect 2 'the best model, beside --resume, and --out are' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/held" --out "$dir/held.best"

# Stopped by a signal in the middle of an epoch, and resumed: the same bits, and a log without a gap.
set -- train --labels "$dir/pics/labels.tsv" --model tiny --height 16 --batch 4 --val-split 0.25 --augment light
epochs=$(few 40 10)
expect 0 'cer: ' "$ocr" "$@" --epochs "$epochs" --out "$dir/whole.st" --log "$dir/whole.csv"
"$ocr" "$@" --epochs "$epochs" --save-minutes 0.002 --out "$dir/cut.st" --log "$dir/cut.csv" >"$dir/out" 2>&1 &
while [ "$(wc -l 2>/dev/null <"$dir/cut.csv" || echo 0)" -lt 4 ]; do sleep 0.01; done
kill $!
wait $! && fail 'a training that a signal stopped ended well'
grep -q 'interrupted, and saved' "$dir/out" || { cat "$dir/out"; fail 'the signal lost the training'; }
expect 0 'cer: ' "$ocr" eval --model "$dir/cut.st" --labels "$dir/pics/labels.tsv"
expect 0 'cer: ' "$ocr" train --labels "$dir/pics/labels.tsv" --resume "$dir/cut.st" --out "$dir/cut.st" --log "$dir/cut.csv" \
    --report "$dir/cut.html"
same 'after a signal the weights are others' "$dir/whole.st" "$dir/cut.st"
for f in whole cut; do cut -d , -f 1-10 "$dir/$f.csv" >"$dir/$f.figures"; done
same 'after a signal the log is another' "$dir/whole.figures" "$dir/cut.figures"

grep -q 'Worst mistakes' "$dir/cut.html" || fail 'the report shows no mistakes'
grep -q '</html>' "$dir/cut.html" || fail 'the report has no end'
grep -q 'data:image/png;base64' "$dir/cut.html" || fail 'the report shows no pictures'
grep -q 'src="http' "$dir/cut.html" && fail 'the report needs something from elsewhere'

# Labelled and rendered pictures together, and fine-tuning with other characters.
expect 0 '96 an epoch' "$ocr" train --labels "$dir/pics/labels.tsv" --synth --mix 0.5 --val-split 0.25 --model tiny --height 16 \
    --epochs 1 --out "$dir/mixed"
head -n 40 "$dir/pics/labels.tsv" | sed "s#^#pics/#; s#\$#ä#" >"$dir/umlaut.tsv"
expect 0 'are known to it' "$ocr" train --labels "$dir/umlaut.tsv" --init "$dir/whole.st" --epochs 1 --patience 2 --val-split 0.2 \
    --out "$dir/tuned"
expect 1 'use the same --model' "$ocr" train --labels "$dir/umlaut.tsv" --init "$dir/whole.st" --model small --out "$dir/x"
expect 1 'use the same --model' "$ocr" train --labels "$dir/umlaut.tsv" --init "$dir/whole.st" --height 32 --out "$dir/x"
expect 1 'none' "$ocr" train --labels "$dir/umlaut.tsv" --init "$dir/none" --out "$dir/x"
expect 2 'recipe from the file' "$ocr" train --labels "$dir/umlaut.tsv" --resume "$dir/cut.st" --init "$dir/whole.st" --out "$dir/x"

# A net with little training reads nonsense, but reads.
expect 0 '^exact: [01]\.[0-9]*$' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv"
tail -n 1 "$dir/out" | grep -q '^cer: [0-9]\.[0-9][0-9][0-9][0-9]$' || fail 'the last line of eval is not the cer'
expect 0 'texts without a mistake' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --errors "$dir/wrong" --confusion
tail -n 1 "$dir/out" | grep -q '^cer: ' || fail 'with --errors the last line of eval is not the cer'
[ "$(find "$dir/wrong" -name '*.png' | wc -l)" -eq "$(wc -l <"$dir/wrong/mistakes.tsv")" ] || fail 'not a picture for each mistake'
grep -q '</html>' "$dir/wrong/index.html" || fail 'the page of mistakes has no end'

# Into the folder of the pictures themselves: they stay. What an earlier, worse run left goes, and nothing else.
cp -r "$dir/pics" "$dir/es"
touch "$dir/es/mistake-099999.png" "$dir/es/mistake-7.png" "$dir/es/mistake-0000001.png"
expect 0 'mistakes: [1-9]' "$ocr" eval --model "$dir/whole" --labels "$dir/es/labels.tsv" --errors "$dir/es"
for f in "$dir"/pics/*; do same "--errors has overwritten ${f##*/}" "$f" "$dir/es/${f##*/}"; done
[ ! -e "$dir/es/mistake-099999.png" ] || fail 'a mistake of an earlier run is still there'
for f in mistake-7 mistake-0000001; do [ -e "$dir/es/$f.png" ] || fail 'a picture of another naming was removed'; done
[ "$(find "$dir/es" -name 'mistake-0?????.png' | wc -l)" -eq "$(wc -l <"$dir/es/mistakes.tsv")" ] || fail 'not a picture for each mistake'
cp "$dir/whole" "$dir/wrong/index.html"
cp -r "$dir/wrong" "$dir/wrong.old"
expect 1 'index.html: is used, and --errors would' "$ocr" eval --model "$dir/wrong/index.html" --labels "$dir/pics/labels.tsv" --errors "$dir/wrong"
expect 1 'index.html: is used, and --errors would' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --errors "$dir/wrong" \
    --reliability "$dir/wrong/index.html"
expect 1 'mistakes.tsv: is used, and --errors would' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --errors "$dir/wrong" \
    --lexicon "$dir/wrong/mistakes.tsv"
expect 1 'mistakes.tsv: is used, and --errors would overwrite it' "$ocr" eval --model "$dir/whole" --labels "$dir/wrong/mistakes.tsv" --errors "$dir/wrong"
sed "s#^#$dir/wrong/#" "$dir/wrong/mistakes.tsv" | cut -f 1,2 >"$dir/wrong.tsv"
expect 1 'mistake-000001.png: is used, and --errors would overwrite it' "$ocr" eval --model "$dir/whole" --labels "$dir/wrong.tsv" --errors "$dir/wrong"
diff -r "$dir/wrong" "$dir/wrong.old" || fail 'what was refused was written all the same'
expect 0 'calibration error of words' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --reliability "$dir/plot.svg"
grep -q '</svg>' "$dir/plot.svg" || fail 'the reliability plot has no end'
expect 1 'none/plot.svg: cannot be written: No such' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --reliability "$dir/none/plot.svg"
expect 1 '/dev/full: cannot be written: No space' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --reliability /dev/full
expect 0 '"low":' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --json --mistakes
expect 1 'm.none/a/b: No such' "$ocr" eval --model "$dir/whole" --labels "$dir/pics/labels.tsv" --errors "$dir/m.none/a/b"
expect 0 "000001.png	" "$ocr" read --model "$dir/whole" "$dir/pics/000001.png"
awk -F '\t' 'NF != 3 || $3 !~ /^[01]\.[0-9][0-9][0-9][0-9]$/ { exit 1 }' "$dir/out" || fail 'read does not print path TAB text TAB confidence'
expect 1 'none.png' "$ocr" read --model "$dir/whole" "$dir/none.png" "$dir/pics/000001.png"
grep -q '000001.png	' "$dir/out" || fail 'read stopped at the unreadable picture'
printf 'junk' >"$dir/junk"
expect 1 'junk' "$ocr" read --model "$dir/junk" "$dir/pics/000001.png"
expect 1 'junk' "$ocr" read --model "$dir/whole" "$dir/junk"
echo 'crnn_ocr: all checks passed'
