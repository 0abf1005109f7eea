# common.sh - what the tests of the programs share; each sources it after it has set `dir`, a folder for its files.
# shellcheck shell=sh
# `program` is the program under test, written without its folder in what is printed.

fail() {
    echo "FAIL: $1"
    exit 1
}
# few N LEAST: N; or, where TW_TEST_SHARE=n says that a tool makes programs many times slower, N/n, but LEAST at least.
few() {
    part=$(($1 / ${TW_TEST_SHARE:-1}))
    if [ $part -lt "$2" ]; then part=$2; fi
    echo "$part"
}
# expect CODE WORDS COMMAND...: the exit code, and words in what it printed
expect() {
    code=$1 words=$2
    shift 2
    # shellcheck disable=SC2154 # dir and program are the caller's
    "$@" >"$dir/out" 2>&1 </dev/null
    got=$?
    [ $got -eq "$code" ] || { cat "$dir/out"; fail "exit code $got instead of $code: $*"; }
    grep -q -- "$words" "$dir/out" || { cat "$dir/out"; fail "no \"$words\" in what this printed: $*"; }
    # shellcheck disable=SC2154
    echo "ok: exit $code, \"$words\": $*" | sed "s#$dir/##g; s#$program#${program##*/}#"
}
same() { # WHY FILE FILE
    cmp -s "$2" "$3" || fail "$1"
}
# refuse_cut WHO FILE COMMAND..: given as its last argument this file, but cut short, the command names it and ends with 1
refuse_cut() {
    who=$1 whole=$2 size=$(wc -c <"$2")
    shift 2
    for n in 0 7 1000 $((size / 2)) $((size - 1)); do
        head -c "$n" "$whole" >"$dir/short"
        expect 1 "^$who: $dir/short: " "$@" "$dir/short"
    done
}
# bytes N: those of the shell, again and again. Where any will do; the program under test may be a script that runs it.
bytes() {
    sh=$(command -v sh)
    while cat "$sh" 2>/dev/null; do :; done | head -c "$1"
}
# idx_data FOLDER PART COUNT: a part (train or t10k) of a data set for mnist. Its labels are 1 to 7 in turn.
idx_data() {
    mkdir -p "$1"
    count=$(printf '\\0%03o' $(($3 >> 24 & 255)) $(($3 >> 16 & 255)) $(($3 >> 8 & 255)) $(($3 & 255)))
    { printf '\000\000\010\003%b\000\000\000\034\000\000\000\034' "$count"
      bytes $(($3 * 784)); } >"$1/$2-images-idx3-ubyte"
    { printf '\000\000\010\001%b' "$count"
      awk -v n="$3" 'BEGIN { for (i = 0; i < n; i++) printf "%c", i % 7 + 1 }'; } >"$1/$2-labels-idx1-ubyte"
}
