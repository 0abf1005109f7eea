#!/bin/sh
# docs.sh - keeps the code in the Markdown files equal to the tested source, and their links alive.
#
# usage: tools/docs.sh check     fails when a quoted block differs from its source, or a relative link leads nowhere
#        tools/docs.sh write     rewrites the quoted blocks
#
# A comment before a fenced block names what the block quotes:
#
#     <!-- quote: examples/first/main.c -->                the whole file
#     <!-- quote: src/losses/mse.c#mse_backward -->        the function of that name, or
#                                                          the lines between "quote: NAME" and "end quote" comments
#
# The block's common indentation is that of the margin, whatever it is in the source.

set -u
mode=${1:-}
case $mode in
    check | write) ;;
    *) echo 'usage: tools/docs.sh check|write' >&2; exit 2 ;;
esac
files=$(find . -name '*.md' ! -path './build/*' ! -path './.git/*' | sed 's/^\.\///' | sort)
new=$(mktemp) || exit 1
trap 'rm -f "$new"' EXIT
status=0

# Copies a Markdown file, each quoted block replaced by its source. Complains on stderr.
quote() {
    awk '
        function complain(why) { print FILENAME ":" FNR ": " why | "cat >&2"; failed = 1 }
        function print_lines(n, line,    i, first, indent, least) {
            for (first = 1; first <= n && line[first] ~ /^ *$/; first++);
            while (n >= first && line[n] ~ /^ *$/) n--
            least = 1000
            for (i = first; i <= n; i++)
                if (line[i] !~ /^ *$/) { match(line[i], /^ */); if (RLENGTH < least) least = RLENGTH }
            for (i = first; i <= n; i++) print substr(line[i], least + 1)
            return n - first + 1
        }
        # Prints what source names; 0 when there is no such thing. Marker comments are never printed.
        function print_source(source,    part, path, name, line, n, text, on) {
            split(source, part, "#")
            path = part[1]; name = part[2]; n = 0; on = name == ""
            while ((getline text < path) > 0) {
                if (text ~ end_mark) { if (name != "") on = 0 }
                else if (text ~ begin_mark) { if (text ~ ("quote: " name "( |$)")) on = 1 }
                else if (on) line[++n] = text
            }
            close(path)
            if (n == 0 && name != "") { # no marker: a definition that begins at the margin and ends with a brace there
                while ((getline text < path) > 0) {
                    if (!on && text ~ ("^[A-Za-z].*[ *]" name "(\\(|$| [={])") && text !~ /;$/) on = 1
                    if (on && text !~ begin_mark && text !~ end_mark) line[++n] = text
                    if (on && (text ~ /^}/ || (n == 1 && text ~ /}$/))) break
                }
                close(path)
            }
            return n ? print_lines(n, line) : 0
        }
        BEGIN {
            begin_mark = "^ *(/[*/]|#) *quote: [A-Za-z0-9_-]+"
            end_mark = "^ *(/[*/]|#) *end quote"
        }
        /^<!-- quote: [^ ]+ -->$/ { print; source = $3; next }
        source != "" && /^```/ {
            print
            if (!print_source(source)) complain("nothing to quote: " source)
            while ((more = getline) > 0 && !/^```/);
            if (more <= 0) complain("the block is not closed")
            source = ""
            print
            next
        }
        source != "" && !/^$/ { complain("a code block must follow the quote comment"); source = "" }
        { print }
        END { exit failed }
    ' "$1"
}

# Prints the relative links of a Markdown file that lead nowhere.
links() {
    awk -v OFS='\t' '
        /^ *```/ { code = !code; next }
        code { next }
        {
            text = $0
            gsub(/`[^`]*`/, "", text)
            while (match(text, /\]\([^) ]*/) || match(text, /(src|href)="[^"]*/)) {
                to = substr(text, RSTART, RLENGTH)
                sub(/^(\]\(|(src|href)=")/, "", to)
                text = substr(text, RSTART + RLENGTH)
                if (to !~ /^[a-z]+:/) print FNR, to
            }
        }
    ' "$1" | while IFS='	' read -r line to; do
        path=${to%%#*}
        if [ -z "$path" ]; then path=$1; else path=$(dirname "$1")/$path; fi
        if [ ! -e "$path" ]; then
            echo "$1:$line: the link leads nowhere: $to"
        elif [ "${to#*#}" != "$to" ] && ! headings "$path" | grep -qxF -e "${to#*#}"; then
            echo "$1:$line: no such heading: $to"
        fi
    done
}

# The anchors that a Markdown file's headings get.
headings() {
    awk '/^ *```/ { code = !code; next }
        !code && /^#+ / {
            sub(/^#+ /, ""); gsub(/[`*.,:;!?()"'\''\/\[\]&+=<>|#$%^~{}\\]/, "")
            gsub(/ /, "-"); print tolower($0)
        }' "$1"
}

for f in $files; do
    if ! quote "$f" >"$new"; then
        status=1
    elif ! cmp -s "$new" "$f"; then
        if [ "$mode" = write ]; then
            cat "$new" >"$f" && echo "docs: rewrote the quotes of $f"
        else
            echo "$f: a quoted block differs from its source (make docs-quote rewrites it):"
            diff "$f" "$new" | sed 's/^/    /'
            status=1
        fi
    fi
    dead=$(links "$f")
    if [ -n "$dead" ]; then
        printf '%s\n' "$dead"
        status=1
    fi
done
[ $status = 0 ] && echo "docs: no problems"
exit $status
