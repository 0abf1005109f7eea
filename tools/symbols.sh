#!/bin/sh
# symbols.sh - do the shared libraries export exactly what tools/symbols.txt lists: the programs' interface to them?
#
# usage: tools/symbols.sh check BUILD      prints what differs and fails
#        tools/symbols.sh write BUILD      writes the list again: new names get the present version
#        tools/symbols.sh debian           the list as dpkg-gensymbols wants it
#
# A line is `NAME VERSION`, the version in which the name first appeared. The double library has the same names but for
# those that base.h renames. A name that has gone breaks programs linked with the library: then the SONAME must change.

set -eu
mode=${1:-} build=${2:-}
list=$(dirname "$0")/symbols.txt
base=$(dirname "$0")/../include/thalweg/base.h
export LC_ALL=C

version() { sed -n 's/^#define TW_VERSION "\(.*\)"/\1/p' "$base"; }
renamed=$(sed -n 's/^#define \(tw_[a-z0-9_]*\) \(tw_[a-z0-9_]*_f64\)$/s,^\1 ,\2 ,;/p' "$base")
listed() { # listed LIBRARY: its lines
    if [ "$1" = libthalweg_f64 ]; then sed "$renamed" "$list" | sort; else sort "$list"; fi
}
exported() { nm -D --defined-only "$build/$1.so" | awk '{ print $NF }' | sort; }

case $mode in
    check)
        status=0
        for lib in libthalweg libthalweg_f64; do
            listed $lib | awk '{ print $1 }' >"$build/symbols.listed"
            exported $lib >"$build/symbols.exported"
            comm -23 "$build/symbols.listed" "$build/symbols.exported" |
                sed "s/^/$lib.so: exported no longer, but in tools\/symbols.txt: /"
            comm -13 "$build/symbols.listed" "$build/symbols.exported" |
                sed "s/^/$lib.so: exported, but not in tools\/symbols.txt (make symbols adds it): /"
            cmp -s "$build/symbols.listed" "$build/symbols.exported" || status=1
        done
        exit $status
        ;;
    write)
        exported libthalweg | awk -v version="$(version)" -v list="$list" '
            BEGIN { while ((getline line < list) > 0) { split(line, word, " "); since[word[1]] = word[2] } }
            { print $1, $1 in since ? since[$1] : version }' >"$build/symbols.new"
        cp "$build/symbols.new" "$list"
        ;;
    debian)
        soname=$(version)
        for lib in libthalweg libthalweg_f64; do
            echo "$lib.so.${soname%%.*} libthalweg${soname%%.*} #MINVER#"
            listed $lib | sed 's/^\([^ ]*\) /  \1@Base /'
        done | sed 's/^  / /'
        ;;
    *) echo 'usage: tools/symbols.sh check|write BUILD | debian' >&2; exit 2 ;;
esac
