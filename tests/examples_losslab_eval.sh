#!/bin/sh
# examples_losslab_eval.sh - the commands of losslab that compute: eval, check, ctc, backprop, experiment.
#
# usage: tests/examples_losslab_eval.sh BUILD        a line a check; stops at the first that fails
set -u
lab=$1/losslab
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2034 # common.sh reads it
program=$lab
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

for c in eval check ctc backprop experiment; do
    expect 0 "Usage: losslab $c" "$lab" $c --help
    expect 2 'unknown option --nonsense' "$lab" $c --nonsense
done
# An option that lacks its value does not take the operand before it.
expect 2 '--reduction wants a value' "$lab" eval mse --input 1 --target 1 --reduction
expect 2 '-t wants a value' "$lab" eval mse -i 1 -t
expect 2 'unknown option --nonsense' "$lab" eval mse --nonsense -i
expect 0 'Usage: losslab eval' "$lab" eval mse --nonsense --help

# ---- eval: what it says for numbers computed by hand --------------------------------------------
says() { # JSON SPEC INPUT TARGET [OPTION]..
    want=$1 spec=$2 input=$3 target=$4
    shift 4
    got=$("$lab" eval "$spec" --input "$input" --target "$target" --json "$@") || fail "eval $spec"
    [ "$got" = "$want" ] || fail "eval $spec $input $target $*: $got, not $want"
    echo "ok: eval $spec --input '$input' --target '$target' $*"
}
says '{"loss": 2.5, "grad": [1, 2]}' mse '[1,2]' '[0,0]'
says '{"loss": 5, "grad": [2, 4]}' mse '[1,2]' '[0,0]' --reduction sum
says '{"loss": [1, 4], "grad": [2, 4]}' mse '[1,2]' '[0,0]' --reduction none
says '{"loss": [1, 4], "grad": [2, 4]}' mse:reduction=none '[1,2]' '[0,0]'
says '{"loss": 5, "grad": [2, 4]}' mse:reduction=none '[1,2]' '[0,0]' -r sum
says '{"loss": 5, "grad": [[2, 4]]}' mse '[[1,2]]' '[[0,0]]' -r batchmean
says '{"loss": 4, "grad": 4}' mse 3 1
says '{"loss": 4, "grad": 4}' mse 3 1 -r none
says '{"loss": 0.875, "grad": 0.5}' huber:delta=0.5 3 1
says '{"loss": [0, 2], "grad": [0, -1]}' mae '[5,-1]' '[5,1]' -r none
says '{"loss": [[[[[1]]]]], "grad": [[[[[2]]]]]}' mse '[[[[[1]]]]]' '[[[[[0]]]]]' -r none
says '{"loss": [1, Infinity, NaN], "grad": [2, -Infinity, NaN]}' mse '[1,2,NaN]' '[0,Infinity,0]' -r none
says '{"loss": Infinity, "grad": [-Infinity]}' mse '[-Infinity]' '[0]'
says '{"loss": 1.75126446, "grad": [[-0.167379522, 0.122364236, 0.0450152866], [0.0226392504, -0.47736075, 0.454721499]]}' \
    cross_entropy '[[2,1,0],[0,0,3]]' '[0,1]'
says '{"loss": 1.75126446, "grad": [[-0.167379522, 0.122364236, 0.0450152866], [0.0226392504, -0.47736075, 0.454721499]]}' \
    cross_entropy '[[2,1,0],[0,0,3]]' '[[1,0,0],[0,1,0]]'
says '{"loss": [0, 1], "grad": [[0, 0], [0, -1]]}' nll:ignore_index=0 '[[-2,-1],[-3,-1]]' '[0,1]' -r none
says '{"loss": [0], "grad": [[-1, 0]]}' nll '[[0,-Infinity]]' '[0]' -r none # not -0
says '{"loss": 2, "grad": [[0, -1]]}' nll '[[-1,-2]]' '[1]' -r sum
says '{"loss": 1.38629436, "grad": [-1, 0]}' kl_div '[-1.3862943611198906,0]' '[1e0,0]' -r sum
says '{"loss": [0, Infinity], "grad": [0, -1]}' bce_logits '[Infinity,-Infinity]' '[1,1]' -r none
says '{"loss": [0.693147181, 0, 0], "grad": [-2, -1, 1]}' bce '[0.5,1,0]' '[1,1,0]' -r none
# focal and balanced_ce: a target of the same shape is binary, indices are classes
says '{"loss": [0.173286795], "grad": [-0.298286795]}' focal '[0]' '[1]' -r none
says '{"loss": [0.173286795, 0.173286795], "grad": [[-0.298286795, 0.298286795], [0.298286795, -0.298286795]]}' \
    focal '[[0,0],[0,0]]' '[0,1]' -r none
says '{"loss": [0.0433216988], "grad": [[-0.0745716988, 0.0745716988]]}' focal:gamma=2,alpha=0.25 '[[0,0]]' '[0]' -r none
says '{"loss": 0, "grad": [0, 0]}' balanced_ce '[3,-100]' '[0,0]'
# ctc: an empty label is legal; one that does not fit is infinite with gradient 0
says '{"loss": [1.38629436], "grad": [[-0.5, 0.5], [-0.5, 0.5]]}' ctc '[[0,0],[0,0]]' '[]' -r none
says '{"loss": Infinity, "grad": [[0, 0], [0, 0]]}' ctc '[[0,0],[0,0]]' '[1,1]'
says '{"loss": 0, "grad": [[0, 0], [0, 0]]}' ctc:zero_infinity=1 '[[0,0],[0,0]]' '[1,1]'
says '{"loss": 0.287682072, "grad": [[-0.166666667, 0.166666667], [-0.166666667, 0.166666667]]}' ctc:blank=1 '[[0,0],[0,0]]' '[0]'
says '{"loss": 1, "grad": [2]}' mse ' [ 1.0e0 ] ' "
	[0]
"

printf '[1,\n 2]\n' >"$dir/input.json"
says '{"loss": 2.5, "grad": [1, 2]}' mse "@$dir/input.json" '[0,0]'
got=$(echo '[0,0]' | "$lab" eval mse --input "@$dir/input.json" --target - --json)
[ "$got" = '{"loss": 2.5, "grad": [1, 2]}' ] || fail "eval from stdin: $got"

# A byte order mark in front, as some editors write it; elsewhere it is a mistake that can be seen.
printf '\357\273\277[1,2]\n' >"$dir/marked.json"
says '{"loss": 2.5, "grad": [1, 2]}' mse "@$dir/marked.json" "$(printf '\357\273\277[0,0]')"
got=$("$lab" eval mse --input - --target '[0,0]' --json <"$dir/marked.json")
[ "$got" = '{"loss": 2.5, "grad": [1, 2]}' ] || fail "eval from stdin with a byte order mark: $got"

expect 0 'a probability and a class\|the mean of the terms' "$lab" eval cross_entropy --input '[[2,1,0]]' --target '[0]'
expect 0 'every term by itself' "$lab" eval ctc --input '[[2,1,0]]' --target '[]' -r none

# Bad data: a sentence that says where, and exit code 1.
bad() { # WORDS SPEC INPUT TARGET
    expect 1 "$1" "$lab" eval "$2" --input "$3" --target "$4" --json
    grep -q '"loss"' "$dir/out" && fail "an answer to bad data: $2 $3 $4"
}
bad 'equally long' mse '[[1,2],[3]]' '[[1,2],[3,4]]'
bad 'equally long' mse '[[1],[]]' '[[1],[]]'
bad 'here belongs a list' mse '[[1],2]' '[[1],[2]]'
bad 'here belongs a number' mse '[1,[2]]' '[1,2]'
bad 'not a string' mse '["1"]' '[1]'
bad 'not "null"' mse '[null]' '[1]'
bad 'not "true"' mse '[true]' '[1]'
bad 'not "nan"' mse '[nan]' '[1]'
bad 'not "{' mse '{"a":1}' '[1]'
bad 'not "+1"' mse '[+1]' '[1]'
bad 'begin with 0' mse '[01]' '[1]'
bad 'behind the point' mse '[1.]' '[1]'
bad 'has digits' mse '[1e]' '[1]'
bad 'fits into a double' mse '[1e999]' '[1]'
bad 'the end' mse '[1,2' '[1,2]'
bad 'the end' mse '' '[1]'
bad 'the end' mse '  ' '[1]'
bad 'not "]"' mse '[1,]' '[1]'
bad 'nothing follows' mse '[1] [2]' '[1]'
bad 'nothing follows' mse '1]' '[1]'
bad '--target: line 2, column 3' mse '[1]' '[1
 ,x]'
bad 'at most 5 deep' mse '[[[[[[1]]]]]]' '[[[[[[1]]]]]]'
says '{"loss": NaN, "grad": []}' mse '[]' '[]' # the mean over nothing
says '{"loss": 0, "grad": []}' huber '[]' '[]' -r sum
says '{"loss": [], "grad": []}' bce_logits '[]' '[]' -r none
bad 'empty list' nll '[]' '[]'
bad 'empty list' ctc '[[]]' '[]'
bad 'input is \[2\], --target \[3\]' mse '[1,2]' '[1,2,3]'
bad "of the input's shape" mse '[1,2]' '1'
bad 'indices \[N\]' nll '[[-1,-2]]' '[[0,1]]'
bad 'indices \[N\]' cross_entropy '[1,2]' '0'
bad 'indices \[N\]' focal '[[1,2],[3,4]]' '[0]'
bad 'input \[T,K\]' ctc '[1,2]' '[1]'
bad 'input \[T,K\]' ctc '[[1,2]]' '[[1]]'
bad 'whole numbers' cross_entropy '[[1,2]]' '[0.5]'
bad 'whole numbers' nll '[[1,2]]' '[NaN]'
bad 'whole numbers' ctc '[[1,2]]' '[1e30]'
bad 'outside 0..1' cross_entropy '[[1,2]]' '[2]'
bad 'outside 0..1' cross_entropy '[[1,2]]' '[-1]'
bad 'is the blank' ctc '[[1,2]]' '[0]'
bad 'outside 0..1' ctc '[[1,2]]' '[2]'
bad 'blank 5' ctc:blank=5 '[[1,2]]' '[1]'
bad 'no probability' bce '[1.5]' '[1]'
bad 'alpha has 3' 'focal:alpha=[1,2,3]' '[[1,2]]' '[1]'
bad 'cannot be opened' mse "@$dir/none" '[1]'
bad 'cannot be opened: Is a directory' mse "@$dir" '[1]'
head -c 300000 /dev/zero | tr '\0' '[' >"$dir/deep"
bad 'at most 5 deep' mse "@$dir/deep" '[1]'
for odd in '\0357\0273\0277:the character U+FEFF' '\0302\0240:the character U+00A0' '\0342\0200\0213:the character U+200B' \
    '\0360\0237\0230\0200:the character U+1F600' '\0377\0376:the byte 0xff' '\0342\0200:the byte 0xe2' '\0303:the byte 0xc3' \
    '\0177:the byte 0x7f' '\0033:the byte 0x1b'; do
    printf '\357\273\277[1,\n %b2]' "${odd%:*}" >"$dir/odd.json"
    bad "odd.json: line 2, column 2: .*, not ${odd#*:}$" mse "@$dir/odd.json" '[1]'
done
bad 'not "nul"' mse "$(printf '[nul\342\200\213l]')" '[1]'
head -c 1000 /dev/zero >"$dir/zeros"
bad '0x00' mse "@$dir/zeros" '[1]'
head -c 100000 /dev/zero | tr '\0' '1' >"$dir/digits"
bad '400 characters' mse "@$dir/digits" '[1]'
awk 'BEGIN { printf "["; for (i = 0; i < 200000; i++) printf "%s%d", i ? "," : "", i; printf "]" }' >"$dir/many"
"$lab" eval mse --input "@$dir/many" --target "@$dir/many" --json | cut -c1-30 | grep -q '"loss": 0, "grad": \[0' || fail 'eval of 200,000 numbers'

# Bad usage: exit code 2.
expect 2 'did you mean "mse"' "$lab" eval mze --input 1 --target 1
expect 2 'unknown option "foo"' "$lab" eval mse:foo=1 --input 1 --target 1
expect 2 'gamma' "$lab" eval focal:gamma=-1 --input 1 --target 1
expect 2 'which loss' "$lab" eval --input 1 --target 1
expect 2 'unexpected argument' "$lab" eval mse mae --input 1 --target 1
expect 2 '--input JSON is needed' "$lab" eval mse --target 1
expect 2 '--target JSON is needed' "$lab" eval mse --input 1
expect 2 'did you mean mean' "$lab" eval mse --input 1 --target 1 --reduction meen
expect 2 'both be read from stdin' "$lab" eval mse --input - --target -

# ---- check --------------------------------------------------------------------------------------------------------
expect 0 'checks, 0 failed' "$lab" check
! grep -q FAIL "$dir/out" || fail 'a failed check, and exit code 0'
for words in '^ctc:blank=2 ' 'misprint there' 'reproduced' '0.116115075' 'CTC against every single path' 'museum'; do
    grep -q -- "$words" "$dir/out" || fail "no \"$words\" in what check printed"
done
expect 0 '^huber:delta=10' "$lab" check huber
! grep -q '^mse' "$dir/out" || fail 'check of one loss checks others'
expect 2 'there is no loss' "$lab" check hubert
expect 2 'all variants' "$lab" check huber:delta=1

# ---- ctc, backprop ------------------------------------------------------------------------------------------------
picture() { # FILE: there, and of the kind its name says
    case $1 in
    *.svg) tail -c 100 "$1" | grep -q '</svg>' || fail "$1 is no SVG" ;;
    *.png) head -c 4 "$1" | grep -q PNG || fail "$1 is no PNG" ;;
    esac
}
expect 0 '19448 paths' "$lab" ctc state --out "$dir/ctc.svg"
grep -q 'B(path) *"state"' "$dir/out" || fail 'the best path is not read as the text'
picture "$dir/ctc.svg"
expect 0 'picture:' "$lab" ctc 'hello wörld' --frames 30 --seed 3 --out "$dir/ctc.png"
picture "$dir/ctc.png"
expect 0 'one by one: 1 paths' "$lab" ctc '' --frames 3 --out "$dir/empty.svg"
expect 0 'picture:' "$lab" ctc a --frames 1 --out "$dir/one.svg"
expect 1 'needs 3 frames' "$lab" ctc aa --frames 2
expect 1 'not UTF-8' "$lab" ctc "$(printf '\377')"
expect 1 'cannot be written' "$lab" ctc a --out "$dir/none/a.svg"
# A PNG that is too large is refused before anything is printed, and an SVG of that size is not.
long=$(awk 'BEGIN { for (i = 0; i < 400; i++) printf "%c", 97 + i % 2 }')
expect 1 "ctc: --out $dir/long.png: 8292 x 16436 pixels are too many for a PNG.*SVG, or .*shorter text and fewer frames" \
    "$lab" ctc "$long" --frames 400 --out "$dir/long.png"
[ "$(wc -l <"$dir/out")" -eq 1 ] || fail 'a picture that is too large is noticed too late'
expect 0 'picture:' "$lab" ctc "$long" --frames 400 --out "$dir/long.svg"

# What XML has no character for is U+FFFD in a drawing, and all others are there as they are.
text=$(printf 'a\001b\037<\357\277\276&\357\277\277\303\266\360\220\200\200')
shown=$(printf 'a\357\277\275b\357\277\275&lt;\357\277\275&amp;\357\277\275\303\266\360\220\200\200')
expect 0 'picture:' "$lab" ctc "$text" --out "$dir/odd.svg"
grep -q "^<title>.*label $shown over" "$dir/odd.svg" || fail 'what XML has no character for is not replaced'
! LC_ALL=C grep -q "$(printf '[\001\037]')" "$dir/odd.svg" || fail 'a control character in a drawing'
if command -v python3 >/dev/null; then
    python3 -c 'import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])' "$dir/odd.svg" || fail 'a drawing is no XML'
fi
expect 2 'which text' "$lab" ctc
expect 2 'wants an IMAGE' "$lab" ctc a --model "$dir/none"
expect 1 "$dir/none" "$lab" ctc a --model "$dir/none" "$dir/ctc.png"
expect 2 'contradict' "$lab" ctc a --frames 3 --model "$dir/none" "$dir/ctc.png"

expect 0 'PASS' "$lab" backprop --out "$dir/tape.svg" --dot "$dir/tape.dot"
picture "$dir/tape.svg"
grep -q 'softmax(z₂) − onehot' "$dir/tape.svg" || fail 'the chain rule is not on the edges'
grep -q 'digraph' "$dir/tape.dot" || fail 'no graph'
# Two outputs of one name: one would replace the other.
ln -s "$dir" "$dir/link"
for name in same.svg ./same.svg link/same.svg "../${dir##*/}/same.svg"; do
    expect 2 '--out and --dot are the same file' "$lab" backprop --out "$dir/same.svg" --dot "$dir/$name"
    [ ! -e "$dir/same.svg" ] || fail 'something is written all the same'
done
ln -s tape.svg "$dir/to-tape"
expect 2 'are the same file' "$lab" backprop --out "$dir/tape.svg" --dot "$dir/to-tape"
expect 1 'cannot be written' "$lab" backprop --out "$dir/none/tape.png"
expect 0 'digraph' "$lab" backprop --out "$dir/tape.svg" --dot /dev/stdout
for c in 'ctc a' backprop 'experiment saturation'; do # shellcheck disable=SC2086
    expect 2 'ends in .svg or .png' "$lab" $c --out "$dir/x.gif"
done
# What cannot be written is found before anything is computed.
mkdir "$dir/folder.svg"
for c in 'ctc a --out' 'backprop --out' 'experiment saturation --out' "backprop --out $dir/new.svg --dot"; do
    for out in none/x.svg folder.svg; do # shellcheck disable=SC2086
        expect 1 "^losslab ${c%% *}: $dir/$out: cannot be written" "$lab" $c "$dir/$out"
        [ "$(wc -l <"$dir/out")" -eq 1 ] || fail "$c finds out too late that it cannot write"
    done
done
[ ! -e "$dir/new.svg" ] || fail 'a picture of a step whose tape cannot be written'

# ---- experiments: the fast ones; the same numbers again ------------------------------------------------------------
expect 0 'ctc-plateau' "$lab" experiment list
expect 2 'did you mean outliers' "$lab" experiment outlier
expect 2 'which one' "$lab" experiment
for e in saturation outliers; do
    expect 0 '^conclusion: ' "$lab" experiment $e --out "$dir/$e.svg"
    picture "$dir/$e.svg"
    cp "$dir/$e.svg" "$dir/first.svg"
    expect 0 '^picture: ' "$lab" experiment $e --out "$dir/$e.svg"
    same "$e is another one the second time" "$dir/first.svg" "$dir/$e.svg"
done
echo 'losslab, computing: all checks passed'
