#!/bin/sh
# man.sh - writes the manual page of one of the programs, from its own --help and that of its commands.
#
# usage: tools/man.sh PROGRAM [OTHER..] >PAGE.1        (the other programs, for SEE ALSO)
#
# Nothing that --help says stands here a second time. A variable of the environment is listed if its name is in the program.

set -eu
program=${1:?usage: tools/man.sh PROGRAM [OTHER..]}
shift
name=$(basename "$program")
# The words of its help are run as its commands, so it must be one of ours.
case $("$program" --version </dev/null) in
    "$name (Thalweg) "*) ;;
    *) echo "man.sh: $program is not a program of Thalweg" >&2; exit 1 ;;
esac

# Help to man(7): running text is filled, indented lines stay as they are, options become tagged paragraphs.
roff() {
    awk '
        function text(s) {
            gsub(/\\/, "\\e", s)
            gsub(/-/, "\\-", s)
            gsub(/`/, "\\(ga", s)
            gsub(/\047/, "\\(aq", s)
            return s ~ /^[.]/ ? "\\&" s : s
        }
        function literal(on) { if (on != is_literal) print (is_literal = on) ? ".nf" : ".fi" }
        /^  (-[A-Za-z],|   ) --/ { # "  -m, --model FILE            what it is"; the name may be longer than its column
            literal(0)
            match($0, /--[^ ]+( [^ ]+)?/)
            tag = substr($0, 3, RSTART + RLENGTH - 3)
            rest = substr($0, RSTART + RLENGTH)
            sub(/^ +/, "", tag)
            sub(/^ +/, "", rest)
            print ".TP\n.B " text(tag) (rest != "" ? "\n" text(rest) : "")
            options = 1
            next
        }
        options && /^          / { sub(/^ +/, ""); print text($0); next }
        /^$/ { literal(0); next }
        /^ / { if (!is_literal) print ".PP"; literal(1); print text($0); next }
        { if (is_literal) print ".PP"; literal(0); options = 0; print text($0) }
        END { literal(0) }'
}

help=$("$program" --help)
commands=$(printf '%s\n' "$help" | awk '/^  [a-z]/ { print $1 }')
# The first sentence of its help says what it is.
about=$(printf '%s\n' "$help" | sed -n '2s/[.:].*//p')
version=$("$program" --version | sed 's/.* //')

printf '.\\" Made by tools/man.sh from what the program says of itself.\n'
printf '.TH %s 1 "" "Thalweg %s" "User Commands"\n' "$(printf '%s' "$name" | tr 'a-z_' 'A-Z_')" "$version"
printf '.SH NAME\n%s \\- %s\n' "$name" "$(printf '%s' "$about" | awk '{ print tolower(substr($0, 1, 1)) substr($0, 2) }' | sed 's/-/\\-/g')"
echo '.SH SYNOPSIS'
for command in $commands; do
    printf '.B %s %s\n%s\n.br\n' "$name" "$command" \
        "$("$program" "$command" --help | sed -n "1s/^Usage: $name [a-z]* *//p" | sed 's/\\/\\e/g; s/-/\\-/g; s/^\./\\\&./')"
done
printf '.B %s\n\\-\\-version\n' "$name"
echo '.SH DESCRIPTION'
printf '%s\n' "$help" | sed '1d; $d' | roff
echo '.SH COMMANDS'
for command in $commands; do
    printf '.SS %s %s\n' "$name" "$command"
    "$program" "$command" --help | sed 1d | roff
done
echo '.SH EXIT STATUS'
printf '.TP\n.B 0\nall went well\n.TP\n.B 1\nit failed, and stderr says why\n.TP\n.B 2\nthe command line was wrong\n'
echo '.SH ENVIRONMENT'
variable() { # variable NAME WHAT
    if grep -qa "$1" "$program"; then printf '.TP\n.B %s\n%s\n' "$1" "$2"; fi
}
variable TW_THREADS 'how many threads a command uses that is not told with \-\-threads: 1 .. 256'
variable TW_ISA 'the best instruction set to be used: base, avx2 or avx512'
variable TW_LOG '1: says on stderr which algorithms were chosen'
variable THALWEG_MODELS 'the folder of the model that comes with the program'
variable NO_COLOR 'any value: no colours on a terminal'
echo '.SH SEE ALSO'
for other in "$@"; do
    [ "${other##*/}" = "$name" ] || printf '.BR %s (1)\n' "${other##*/}"
done
