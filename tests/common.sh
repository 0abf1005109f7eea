# common.sh - what the tests of the programs share; each sources it after it has set `dir`, a folder for its files.
# shellcheck shell=sh
# `program` is the program under test, written without its folder in what is printed.

fail() {
    echo "FAIL: $1"
    exit 1
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
