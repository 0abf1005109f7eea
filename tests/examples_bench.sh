#!/bin/sh
# examples_bench.sh - the programs of bench/ as their users meet them, with blocks too short to measure anything.
#
# usage: tests/examples_bench.sh BUILD        a line a check; stops at the first that fails
set -u
bench=$1/bench
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export TORCH_PYTHON=none # PyTorch is not what is tested

program=$bench/steps
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

names='w1 w1b256 w2 w2b w3 w3s w4a w4b w5a w5b w5c w7 w7d gfc gcnn' given=
if [ "${TW_TEST_SHARE:-1}" -gt 1 ]; then # a tool makes them too slow
    names='w1:N=2 w1b256:N=3 w2:N=2 w2b:N=2 w3:N=1,W=32 w3s:N=2,W=16 w4a:N=2,T=2 w4b:N=2,T=3 w5a:N=2 w5b:N=1 w5c:N=1,T=80,K=50'
    names="$names w7:N=1,W=5 w7d:N=2,W=7 gfc:N=4 gcnn:N=2"
    given=$names
fi
brief='--seconds 0.001 --blocks 1 --threads 2'

# ---- steps -----------------------------------------------------------------------------------------------------
expect 0 'Times training steps' "$bench/steps" --help
expect 2 'no workload is called "w9"' "$bench/steps" w9
for w in w1:Q=3 w1:N w1:T=3 w1:=3 'w1:,' w1:N= w1:N=8x w1:N=8.5; do expect 2 "^steps: \"$w\": .*the letters of this workload: N$" "$bench/steps" "$w"; done
for n in 0 -1 1000000 1000000000 99999999999999999999; do
    for p in steps compare busy roofline; do
        expect 2 "^$p: \"w1:N=$n\": the size N is out of range; 1 to 999999 are possible$" "$bench/$p" "w1:N=$n"
    done
done
expect 2 'of this workload: NTDH$' "$bench/steps" w4a:W=3
expect 2 '"gfc:N=999": N is a multiple of 2' "$bench/steps" gfc:N=999
expect 2 'did you mean --seconds' "$bench/steps" --secons 3
expect 2 '0.001' "$bench/steps" --seconds 0
expect 2 'contradict' "$bench/steps" --tsv --json
# shellcheck disable=SC2086
{
    expect 0 'sgemm peak' "$bench/steps" $brief w1:N=8 w4a:T=2 w5a
    expect 0 '"workload": "w1:N=8", "threads": 2, "batch": 8' "$bench/steps" $brief --json w1:N=8
    expect 0 '^w3s:N=2,W=16	2	2	' "$bench/steps" $brief --tsv w3s:N=2,W=16
}
[ "$(wc -l <"$dir/out")" -eq 2 ] || fail 'the values of one workload are not a head and a row'
[ "$(awk -F '\t' '{ print NF }' "$dir/out" | sort -u | wc -l)" -eq 1 ] || fail 'head and row differ in length'

# ---- the server --------------------------------------------------------------------------------------------------
printf '%s\n' 'block 0.001' 'prepare w9 0' 'prepare w1:N=4 0' 'block 0.001' facts memory hello 'prepare w5a:N=2 0' \
    'block 0.001' | "$bench/steps" --server --threads 1 >"$dir/out" || fail 'the server fails'
cut -d ' ' -f 1 "$dir/out" | tr '\n' ' ' >"$dir/words"
[ "$(cat "$dir/words")" = 'hello error error ready rate facts memory error ready rate ' ] || {
    cat "$dir/out"
    fail 'the server does not answer each line with what belongs to it'
}
grep -q '^facts 4 0 ' "$dir/out" || fail 'w1 has not four nodes, or calls the allocator once warm'
echo 'ok: the protocol of the server'

# ---- compare ------------------------------------------------------------------------------------------------------
# shellcheck disable=SC2086
expect 0 'ratio n/a' "$bench/compare" --quick --seconds 0.001 $given
sed 1d "$dir/out" | cut -d ' ' -f 1 | tr '\n' ' ' >"$dir/words"
[ "$(cat "$dir/words")" = "$names " ] || fail 'compare --quick does not print each workload once, in order'
[ "$(sed 1d "$dir/out" | grep -cvx '[^ ]* ratio n/a')" -eq 0 ] || fail 'there is more on a line than the ratio'
head -n 1 "$dir/out" | grep -q 'apt-get install python3-torch' || fail 'it is not said how the comparison is had'
expect 2 'no workload' "$bench/compare" --quick w9
for to in tsv png; do
    expect 2 '--quick prints ratios and writes nothing' "$bench/compare" --quick --$to "$dir/quick" w5a:N=2
done
# shellcheck disable=SC2086
expect 0 "written: $dir/b.tsv $dir/b.png" "$bench/compare" $brief --tsv "$dir/b.tsv" --png "$dir/b.png" w1:N=8 w5a:N=2
[ "$(wc -l <"$dir/b.tsv")" -eq 3 ] || fail 'the file has not a head and two rows'
[ -s "$dir/b.png" ] || fail 'no picture'
expect 1 'cannot be written' "$bench/compare" --seconds 0.001 --blocks 1 -t 1 --tsv "$dir/none/b" w5a:N=2

# A PyTorch for the test, twice as slow as the clock: the answers are the protocol's.
cat >"$dir/torch" <<'END'
#!/bin/sh
echo 'hello pytorch 9.9 of the test'
while read -r word rest; do
    case $word in prepare) echo 'ready 8' ;; block) echo 'rate 0.5' ;; *) echo "$word 1" ;; esac
done
END
chmod +x "$dir/torch"
TORCH_PYTHON=$dir/torch expect 0 '^w4a:T=2 ratio [0-9]*[.][0-9][0-9]$' "$bench/compare" --quick --seconds 0.001 w4a:T=2
head -n 1 "$dir/out" | grep -q '^pytorch 9.9 ' || fail 'the version of PyTorch is not named'
# shellcheck disable=SC2086
TORCH_PYTHON=$dir/torch expect 0 'written' "$bench/compare" $brief --png "$dir/c.png" w4a:T=2 w5a:N=2
printf '#!/bin/sh\necho hello pytorch 9.9\nread -r x\n' >"$dir/torch" # it ends when it is asked
TORCH_PYTHON=$dir/torch expect 0 'w4a:T=2 ratio n/a' "$bench/compare" --quick --seconds 0.001 w4a:T=2
TORCH_PYTHON=$dir/nothing expect 0 'ratio n/a' "$bench/compare" --quick --seconds 0.001 w4a:T=2

# ---- first_step -----------------------------------------------------------------------------------------------------
expect 0 'Usage: first_step' "$bench/first_step" --help
expect 0 'the first step of the MLP' "$bench/first_step" 1
for n in 0 -1 1001 3x x ''; do expect 2 'Usage: first_step' "$bench/first_step" "$n"; done

# ---- busy, scaling, roofline ----------------------------------------------------------------------------------------
expect 0 'thalweg  alone .* keeps' "$bench/busy" --seconds 0.01 --blocks 1 w4a:T=2
expect 2 'no workload' "$bench/busy" w9
expect 2 'no operands' "$bench/scaling" w1
expect 1 'cannot be written' "$bench/scaling" --tsv "$dir/none/s.tsv"
expect 0 'conv2d .* forward' "$bench/roofline" --steps 1 w2b:N=2
grep -q '^optimiser and' "$dir/out" || fail 'the optimiser is missing'
expect 2 'no workload' "$bench/roofline" w9

# ---- evaluation mode, data, trainings ---------------------------------------------------------------------------------
printf '%s\n' 'infer 0.001' 'prepare w2b:N=2 0' 'infer 0.001' 'block 0.001' 'infer 0.001' 'prepare w5a:N=2 0' \
    'infer 0.001' | "$bench/steps" --server --threads 1 | cut -d ' ' -f 1 | tr '\n' ' ' >"$dir/words"
[ "$(cat "$dir/words")" = 'hello error ready rate rate rate ready error ' ] || fail 'infer does not answer as it should'
expect 0 'w4a:T=2' "$bench/compare" --infer --seconds 0.001 --blocks 1 -t 1 w4a:T=2
expect 2 'pictures or texts' "$bench/data" words
expect 1 "$dir/none" "$bench/data" --data "$dir/none" pictures
expect 2 'which' "$bench/accuracy" --data "$dir"
expect 2 'DIR is needed' "$bench/accuracy" mnist
expect 1 "$dir" "$bench/accuracy" --data "$dir" captcha4

# Four captchas of noise: nothing is learned, but all of it runs.
for part in train test; do
    { printf '\000\000\010\003\000\000\000\100\000\000\000\030\000\000\000\110'
      bytes $((64 * 24 * 72)); } >"$dir/$part-images-idx3-ubyte"
    awk 'BEGIN { for (i = 0; i < 64; i++) printf "%d.png\tAB%d%d\n", i, i % 7, i % 5 }' >"$dir/$part-labels.tsv"
done
expect 0 'captcha4 to 0.9500' "$bench/accuracy" --data "$dir" --epochs 1 --tests 1 --png "$dir/a.png" --tsv "$dir/a.tsv" captcha4
[ "$(wc -l <"$dir/a.tsv")" -eq 2 ] || fail 'the curve has not a head and a row'
[ -s "$dir/a.png" ] || fail 'the curve is not drawn'
echo 'bench: all checks passed'
