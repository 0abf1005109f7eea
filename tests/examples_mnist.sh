#!/bin/sh
# examples_mnist.sh - the program mnist as its users meet it: exit codes, messages, the same bits for any number of
# threads and after a pause.
#
# usage: tests/examples_mnist.sh BUILD        a line a check; stops at the first that fails
set -u
mnist=$1/mnist
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

program=$mnist
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

pictures=$(few 3200 128) fewer=$(few 1280 64) tests=$(few 250 50)
idx_data "$dir/data" train "$pictures"
idx_data "$dir/data" t10k "$tests"
gzip "$dir/data/t10k-images-idx3-ubyte"
mv "$dir/data/t10k-labels-idx1-ubyte" "$dir/data/t10k-labels.idx1-ubyte"

expect 0 'train a network' "$mnist" --help
expect 2 'did you mean train' "$mnist" trian
expect 2 'train a network' "$mnist"
expect 0 'mnist (Thalweg) [0-9]' "$mnist" --version
[ ! -w /dev/full ] || expect 1 'No space left' sh -c "'$mnist' --help >/dev/full"
for c in train eval predict; do expect 0 '--model' "$mnist" $c --help; done
expect 2 'did you mean --epochs' "$mnist" train --epoks 3
expect 2 'wants a value' "$mnist" train --data
expect 2 'takes no value' "$mnist" train --augment=1
expect 2 'unknown option -z' "$mnist" train -z
expect 2 'unexpected argument "x"' "$mnist" train -- x
expect 2 'whole number' "$mnist" train --epochs zero
expect 2 'did you mean' "$mnist" train --model lenett
expect 2 'cross_entropy' "$mnist" train --loss cross_entropi
expect 2 'contradict' "$mnist" train --augment --no-augment
expect 2 'model FILE is needed' "$mnist" eval
expect 1 "$dir/none" "$mnist" train --data "$dir/none" --out "$dir/m"
expect 1 "$dir/none/m: cannot be written" "$mnist" train --data "$dir/data" --out "$dir/none/m"
expect 2 'gamma' "$mnist" train --optim adam:gamma=1
expect 2 'did you mean' "$mnist" train --schedule cosin
expect 1 'sequences' "$mnist" train --data "$dir/data" --loss ctc --out "$dir/m"

# 50 steps of each model, or a few: the same bits with one, two and three threads.
for m in mlp lenet cnn cnn-l; do
    [ $m = lenet ] && threads='1 2' || threads='1 2 3'
    for t in $threads; do
        expect 0 'test accuracy: 0\.' "$mnist" train --data "$dir/data" --model $m --epochs 1 --batch 64 --threads "$t" \
            --seed 7 --out "$dir/$m.$t"
        cmp -s "$dir/$m.1" "$dir/$m.$t" || fail "$m: one thread and $t threads give different weights"
    done
done

# What is read is not written, and two names not to one file.
expect 1 'train-images-idx3-ubyte: is used, and --out would overwrite it' "$mnist" train --data "$dir/data" --out "$dir/data/../data/train-images-idx3-ubyte"
expect 2 '--out and --log are the same file' "$mnist" train --data "$dir/data" --out "$dir/x" --log "$dir/x"
expect 2 '--model and --png are the same file' "$mnist" eval --data "$dir/data" --model "$dir/mlp.1" --png "$dir/mlp.1"
expect 1 'empty name' "$mnist" train --data "$dir/data" --out ''
expect 1 'nf/: cannot be written' "$mnist" train --data "$dir/data" --out "$dir/nf/"
same 'a refused command has changed a file' "$dir/mlp.1" "$dir/mlp.2"

# Paused and resumed is the same as never paused; dropout and augmentation draw on.
set -- train --data "$dir/data" --model mlp --epochs 3 --seed 9 --augment
expect 0 'test accuracy' "$mnist" "$@" --out "$dir/whole"
expect 0 'paused' "$mnist" "$@" --out "$dir/part" --pause-after 1 --log "$dir/log.csv"
expect 0 'right' "$mnist" eval --data "$dir/data" --model "$dir/part" # a checkpoint is a model

# What is not this training's checkpoint and data is refused, and nothing is written.
cp "$dir/part" "$dir/copy"
idx_data "$dir/fewer" train "$fewer"
idx_data "$dir/fewer" t10k "$tests"
expect 1 'other data than .*fewer: "pictures" was '"$pictures, and is $fewer now" "$mnist" train --data "$dir/fewer" --resume "$dir/copy" --out "$dir/x"
idx_data "$dir/other" train "$pictures"
idx_data "$dir/other" t10k "$tests"
printf '\377\377\377\377' | dd of="$dir/other/train-images-idx3-ubyte" bs=1 seek=99 conv=notrunc 2>/dev/null
expect 1 'other data than .*other: "mean" was' "$mnist" train --data "$dir/other" --resume "$dir/copy" --out "$dir/x"
refuse_cut 'mnist train' "$dir/part" "$mnist" train --data "$dir/data" --out "$dir/x" --resume
LC_ALL=C sed 's/"thalweg.checkpoint":"1"/"thalweg.checkpoint":"2"/' "$dir/part" >"$dir/later"
expect 1 'later: is a checkpoint of format 2; this library reads 1' "$mnist" train --data "$dir/data" --resume "$dir/later" --out "$dir/x"
LC_ALL=C sed 's/"model":"mlp"/"model":"cnn"/' "$dir/part" >"$dir/cnn.part"
expect 1 'cnn.part: ' "$mnist" train --data "$dir/data" --resume "$dir/cnn.part" --out "$dir/x"
LC_ALL=C sed 's/"loss":/"lost":/' "$dir/part" >"$dir/lost"
expect 1 'lost: no "loss" in its metadata; is it a checkpoint of mnist' "$mnist" train --data "$dir/data" --resume "$dir/lost" --out "$dir/x"
[ ! -e "$dir/x" ] || fail 'what was refused was written all the same'

expect 0 'test accuracy' "$mnist" train --data "$dir/data" --resume "$dir/part" --out "$dir/part" --log "$dir/log.csv"
cmp -s "$dir/whole" "$dir/part" || fail 'resuming gives other weights than never pausing'
[ "$(wc -l <"$dir/log.csv")" -eq 4 ] || fail 'the log has not a header and three rows'
for o in '--epochs 9' --no-augment --mirror; do # shellcheck disable=SC2086
    expect 2 'recipe from the file' "$mnist" train --resume "$dir/part" $o
done
expect 1 'checkpoint' "$mnist" train --data "$dir/data" --resume "$dir/whole" --out "$dir/x"

# Diverged: in a step, or in the last of an epoch, which only the test pictures show. What was saved before stays.
cp "$dir/whole" "$dir/kept"
set -- train --data "$dir/data" --model mlp --epochs 2 --optim sgd:lr=1e30 --schedule constant --out "$dir/kept"
expect 1 'epoch 1: the loss is [a-z]*: .*; a smaller learning rate may help$' "$mnist" "$@" --batch 64
expect 1 'epoch 1: the loss of the test pictures is not finite, .*not saved; a smaller' "$mnist" "$@" --batch "$pictures"
cmp -s "$dir/whole" "$dir/kept" || fail 'a training that diverged wrote its model'

# Data are not overwritten.
cp -r "$dir/data" "$dir/mine"
for f in t10k-images-idx3-ubyte.gz t10k-labels.idx1-ubyte; do
    f=$dir/mine/$f
    expect 1 "$f: is used, and --out would overwrite it" "$mnist" train --data "$dir/mine" --out "$f"
    expect 1 "$f: is used, and --log would overwrite it" "$mnist" train --data "$dir/mine" --out "$dir/x" --log "$f"
    expect 1 "$f: is used, and --png would overwrite it" "$mnist" eval --data "$dir/mine" --model "$dir/whole" --png "$f"
done
diff -r "$dir/data" "$dir/mine" || fail 'data were overwritten'
expect 2 '--resume and --log are the same file' "$mnist" train --data "$dir/data" --resume "$dir/copy" --out "$dir/x" --log "$dir/copy"
[ ! -e "$dir/x" ] || fail 'what was refused was written all the same'

expect 1 'none/log: cannot be written: No such' "$mnist" train --data "$dir/data" --out "$dir/x" --log "$dir/none/log"
# A descriptor may be written by two at once: it has no lock.
# shellcheck disable=SC2016
expect 0 '^epoch,' sh -c '"$@" --out "$0/x" --log /dev/stdout & "$@" --out "$0/y" --log /dev/stdout && wait $!' "$dir" \
    "$mnist" train --data "$dir/data" --model mlp --epochs 1

expect 0 'test accuracy: 0\.' "$mnist" eval --data "$dir/data" --model "$dir/whole" --png "$dir/c.png"
[ -s "$dir/c.png" ] || fail 'no picture of the confusion matrix'
expect 0 "c.png	[0-9]	[01]\\." "$mnist" predict --model "$dir/whole" "$dir/c.png"
expect 1 'none.png' "$mnist" predict --model "$dir/whole" "$dir/none.png" "$dir/c.png"
grep -q "c.png	" "$dir/out" || fail 'predict stopped at the unreadable picture'
printf 'junk' >"$dir/junk"
expect 1 'junk' "$mnist" eval --data "$dir/data" --model "$dir/junk"
expect 1 'none.model' "$mnist" eval --model "$dir/none.model"
! grep -q 'dataset-fashion-mnist' "$dir/out" || fail 'a missing model is blamed on missing data'
echo 'mnist: all checks passed'
