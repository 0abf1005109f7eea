#!/bin/sh
# worked.sh - recomputes the worked numbers of the Markdown files with `losslab eval`.
#
# usage: tools/worked.sh LOSSLAB [FILE.md..]
#
# A comment before a table or paragraph says what its numbers come from:
#
#     <!-- worked: huber:delta=1 --input [0,1,3] --target [0,0,0] --reduction none -->
#
# Every list of numbers in the loss and the gradient that `losslab eval` gives for these arguments must stand in the
# block below (up to the next blank line): one number after another, or down a column of a table. `worked loss:` and
# `worked grad:` ask for one of the two, `--times C` multiplies what is asked for, several comments may share a block.
#
# A number in the text is right when the computed one, rounded to as many decimals, is that number: 0.67, -4/3 (exact),
# 2.06·10⁻⁹, 99 800, ∞. One that is not exact has at least two digits, so that 1 does not stand for 0.6652.

set -uf
if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo 'usage: tools/worked.sh LOSSLAB [FILE.md..]' >&2
    exit 2
fi
losslab=$1
shift
# shellcheck disable=SC2046 # no name here holds a space
[ $# -gt 0 ] || set -- $(find . -name '*.md' ! -path './build/*' ! -path './.git/*' | sed 's/^\.\///' | sort)
status=0
count=0

# The block below line $2 of file $1, with numbers in ASCII: −4 as -4, ∞ as Infinity, 2·10⁻⁹ as 2E-9, 10⁴ as 1E4.
block() {
    sed -n "$2,\$p" "$1" | awk '/^<!--/ && !found { next } { found = 1 } /^ *$/ { exit } { print }' |
        sed 's/−/-/g; s/∞/Infinity/g; s/[*`]/ /g
             s/⁻/^-/g; s/⁰/^0/g; s/¹/^1/g; s/²/^2/g; s/³/^3/g; s/⁴/^4/g; s/⁵/^5/g; s/⁶/^6/g; s/⁷/^7/g; s/⁸/^8/g; s/⁹/^9/g
             s/·10^/E/g; s/\([^0-9.E]\)10^/\11E/g; s/^10^/1E/
             :exponent
             s/\(E[-0-9]*\)^\([-0-9]\)/\1\2/; t exponent
             s/\^[-0-9]//g'
}

# Reads what losslab printed, then the block. Prints what is missing.
compare() {
    awk -v asked="$1" -v times="$2" '
        function abs(x) { return x < 0 ? -x : x }

        # ---- the text: number i of list s is token[s, i], and length[s] of them
        function significant(t) {
            sub(/E.*/, "", t)
            gsub(/[-.]/, "", t)
            sub(/^0+/, "", t)
            return length(t)
        }
        function decimals(t,    d) {
            d = t ~ /E/ ? substr(t, index(t, "E") + 1) : 0
            sub(/E.*/, "", t)
            return (t ~ /\./ ? length(t) - index(t, ".") : 0) - d
        }
        function scan(text, s,    before, t) {
            before = " "
            while (text != "") {
                if (before !~ /[A-Za-z0-9_.]/ &&
                    match(text, /^-?(Infinity|[0-9]+(\.[0-9]+)?(E-?[0-9]+)?)/)) {
                    t = substr(text, 1, RLENGTH)
                    text = substr(text, RLENGTH + 1)
                    while (t ~ /^-?[1-9][0-9]*$/ && text ~ /^ [0-9][0-9][0-9]([^0-9]|$)/) {
                        t = t substr(text, 2, 3)
                        text = substr(text, 5)
                    }
                    if (t !~ /E|y/ && match(text, /^\/[0-9]+/)) {
                        t = t substr(text, 1, RLENGTH)
                        text = substr(text, RLENGTH + 1)
                    }
                    token[s, ++size[s]] = t
                    before = "0"
                } else {
                    before = substr(text, 1, 1)
                    text = substr(text, 2)
                }
            }
        }

        # ---- does a token stand for a computed number?
        function value(t,    part) {
            if (t ~ /Infinity/) return t ~ /^-/ ? -1e300 : 1e300
            if (split(t, part, "/") == 2) return part[1] / part[2]
            return t + 0
        }
        function equal(t, x,    off) {
            off = abs(value(t) - x)
            if (off <= 1e-8 * abs(x) || (abs(x) < 1e-13 && value(t) == 0)) return 1
            if (t ~ /[\/y]/ || significant(t) < 2) return 0
            return off <= 0.5 * 10 ^ -decimals(t) * (1 + 1e-9)
        }
        function stands(n, x,    s, first, i) {
            for (s in size)
                for (first = 1; first + n - 1 <= size[s]; first++) {
                    for (i = 1; i <= n && equal(token[s, first + i - 1], x[i]); i++);
                    if (i > n) return 1
                }
            return 0
        }
        function check(what, list,    n, x, i, text, one) {
            gsub(/[][ ]/, "", list)
            n = split(list, x, ",")
            for (i = 1; i <= n; i++) {
                x[i] = value(x[i]) * times
                text = text " " (x[i] >= 1e299 ? "Infinity" : x[i] <= -1e299 ? "-Infinity" : sprintf("%.9g", x[i]))
            }
            if (stands(n, x)) return
            for (i = 1; i <= n; i++) {
                one[1] = x[i]
                if (!stands(1, one)) {
                    split(text, x, " ")
                    print "the " what " is" text ", and " x[i] " is not below"
                    return
                }
            }
            print "the " what " is" text ", and these numbers are not side by side below"
        }
        # Each innermost list by itself; a number alone is one.
        function check_all(what, json) {
            if (json !~ /\[/) { check(what, json); return }
            while (match(json, /\[[^][]*\]/)) {
                check(what, substr(json, RSTART, RLENGTH))
                json = substr(json, RSTART + RLENGTH)
            }
        }

        NR == 1 { answer = $0; next }
        {
            scan($0, "block")
            if ($0 ~ /^\|/) {
                n = split($0, cell, "|")
                for (i = 2; i < n; i++) scan(cell[i], "column " i)
            }
        }
        END {
            at = index(answer, ", \"grad\": ")
            loss = substr(answer, length("{\"loss\": ") + 1, at - length("{\"loss\": ") - 1)
            grad = substr(answer, at + length(", \"grad\": "))
            sub(/}$/, "", grad)
            if (asked != "grad") check_all("loss", loss)
            if (asked != "loss") check_all("gradient", grad)
        }'
}

for file; do
    comments=$(grep -n '^<!-- worked' "$file")
    [ -n "$comments" ] || continue
    while IFS= read -r comment; do
        line=${comment%%:*}
        text=${comment#*:<!-- worked}
        asked=$(printf '%s' "${text%%:*}" | tr -d ' ')
        text=${text#*:}
        times=1
        case $text in *' --times '*) times=${text##* --times }; times=${times%% *}; text=${text%% --times *} ;; esac
        # shellcheck disable=SC2086 # the words of the comment are the arguments
        answer=$("$losslab" eval ${text%-->} --json 2>&1) || asked=failed
        case $asked in
            '' | loss | grad)
                found=$({ printf '%s\n' "$answer"; block "$file" $((line + 1)); } | compare "$asked" "$times") ||
                    found='awk failed'
                ;;
            failed) found=$answer ;;
            *) found="\"worked $asked\": it is worked, worked loss or worked grad" ;;
        esac
        count=$((count + 1))
        [ -z "$found" ] || { printf '%s\n' "$found" | sed "s|^|$file:$line: |"; status=1; }
    done <<END
$comments
END
done
[ $status = 0 ] && echo "docs: worked examples: $count, all right"
exit $status
