#!/bin/sh
# run.sh - runs one fuzz target and says in a line how it went; `make fuzz` calls it.
#
# usage: tests/fuzz/run.sh BUILD TARGET SECONDS      (0: the corpus only)
#
# New inputs that reach new code are kept in BUILD/corpus/TARGET, those that break something in BUILD/found.

set -eu
build=${1:?usage: tests/fuzz/run.sh BUILD TARGET SECONDS} target=${2:?} seconds=${3:?}
mkdir -p "$build/corpus/$target" "$build/found"
if [ "$seconds" = 0 ]; then limit=-runs=0; else limit=-max_total_time=$seconds; fi
dictionary=tests/fuzz/$target.dict
[ ! -e "$dictionary" ] || limit="$limit -dict=$dictionary"
# shellcheck disable=SC2086
if ! "$build/fuzz-$target" $limit -timeout=20 -rss_limit_mb=3000 -artifact_prefix="$build/found/$target-" -print_final_stats=1 \
    "$build/corpus/$target" "tests/fuzz/corpus/$target" >"$build/$target.log" 2>&1; then
    tail -n 40 "$build/$target.log"
    echo "fuzz $target: BROKEN; the input is the newest $build/found/$target-*"
    exit 1
fi
echo "fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log") inputs, nothing found"
