#!/bin/sh
# examples_worked.sh - tools/worked.sh, which recomputes the numbers of the book, notices a wrong one.
#
# usage: tests/examples_worked.sh BUILD        a line a check; stops at the first that fails
set -u
lab=$1/losslab
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
program=$(dirname "$0")/../tools/worked.sh
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

page() { # COMMENT LINE..
    printf '%s\n' 'Text with a 7.' '' "<!-- $1 -->" >"$dir/page.md"
    shift
    printf '%s\n' "$@" '' 'And 7 again.' >>"$dir/page.md"
}
right() { page "$@"; expect 0 'worked examples: 1, all right' "$program" "$lab" "$dir/page.md"; }
wrong() { # WORDS COMMENT LINE..
    words=$1
    shift
    page "$@"
    expect 1 "page.md:3: $words" "$program" "$lab" "$dir/page.md"
}
mse='mse --input [1,2,5] --target [1,4,4]'

# ---- numbers are found in a row, in a column, in a sentence; rounded, as fractions, with Unicode signs ----
right "worked: $mse" '| loss | 5/3 | | |' '| gradient | 0 | −4/3 | **0.667** |'
right "worked grad: $mse" '| | g | 9 |' '|---|---|---|' '| a | 0 | 9 |' '| b | −1.33 | 9 |' '| c | 2/3 | 9 |'
right "worked loss: $mse --reduction none" 'The terms are 0, 4' 'and 1.'
right "worked loss: $mse --times 3" 'Their sum, 5.'
right 'worked: huber:delta=2 --input [-1e6] --target [0] --reduction none' 'l = 1 999 998, slope −2'
right 'worked loss: nll --input [[-1e4],[-Infinity],[-2.06e-9]] --target [0,0,0] --reduction none' '10⁴ | ∞ | 2.06·10⁻⁹'

# ---- and what is not there, not in this order, or too coarse is named ----
wrong 'the gradient is 0 -1.33333333 0.666666667, and 0.666666667 is not below' "worked grad: $mse" '0 −4/3 2/5'
wrong 'the gradient is .* not side by side below' "worked grad: $mse" '0 2/3 −4/3'
wrong 'the gradient is .* and -1.33333333 is not below' "worked grad: $mse" '0 4/3 2/3'
wrong 'the gradient is .* and -1.33333333 is not below' "worked grad: $mse" '0 −1 2/3'
wrong 'the loss is 1.66666667, and 1.66666667 is not below' "worked loss: $mse" 'x1.67 and 1.677'
wrong 'the loss is 7, and 7 is not below' 'worked loss: mae --input 7 --target 0' 'No number.'
wrong 'losslab eval: there is no loss "mea"; did you mean "mae"?' 'worked: mea --input 1 --target 0' '1 1'
wrong '"worked both": it is' "worked both: $mse" '1'
expect 2 'usage' "$program"
echo 'examples_worked: all checks passed'
