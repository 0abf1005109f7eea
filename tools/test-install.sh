#!/bin/sh
# test-install.sh - is what `make install` leaves behind enough to write programs with, and does uninstall remove it?
#
# usage: tools/test-install.sh [MAKE-VARIABLE=VALUE..]      (BUILD=.., CC=.. and so on, handed to make)
#
# Installs into a temporary folder, builds programs in C and C++ against it with pkg-config, with the shared and the
# static library, in float and in double, one with a loss of its own, and with CMake; runs them; compares the manual pages
# with what the programs say of their options; and uninstalls.
# shellcheck disable=SC2086,SC2046,SC2013   # compilers (ccache gcc), flags and commands are split on purpose

set -eu
room=$(mktemp -d)
trap 'rm -rf "${room:?}"' EXIT
prefix=$room/prefix
version=$(sed -n 's/^#define TW_VERSION "\(.*\)"/\1/p' include/thalweg/base.h)
cc=${CC:-cc}
cxx=${CXX:-c++}
warn='-Wall -Wextra -Wpedantic -Werror'
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"

fail() {
    echo "test-install: $1" >&2
    exit 1
}
files() { (cd "$1" && find . ! -type d | sort); }

# Builds a program with the shared and with the static library and runs both.
both() { # both NAME PACKAGE COMPILER FLAG.. SOURCE
    name=$1 package=$2
    shift 2
    "$@" $warn $(pkg-config --cflags "$package") -o "$room/$name-shared" $(pkg-config --libs "$package")
    "$@" $warn $(pkg-config --cflags "$package") -o "$room/$name-static" \
        $(pkg-config --static --libs "$package" | sed "s|-l$package |$prefix/lib/lib$package.a |")
    readelf -d "$room/$name-shared" | grep -q "NEEDED.*lib$package\.so\.[0-9]*\]" || fail "$name does not need the SONAME"
    ! readelf -d "$room/$name-static" | grep -q 'NEEDED.*libthalweg' || fail "$name is not static"
    for how in shared static; do
        "$room/$name-$how" >"$room/out" 2>&1 || { cat "$room/out"; fail "$name ($how) fails"; }
        [ -s "$room/out" ] || fail "$name ($how) prints nothing"
        echo "test-install: $name ($how): $(tail -n 1 "$room/out")"
    done
}

${MAKE:-make} -s install PREFIX="$prefix" "$@"
${MAKE:-make} -s install PREFIX=/usr DESTDIR="$room/stage" "$@"
files "$prefix" >"$room/installed"
files "$room/stage/usr" | cmp -s - "$room/installed" || fail 'DESTDIR changes what is installed'
grep -rqF "$room" "$room/stage/usr/lib" --include='*.pc' --include='*.cmake' && fail 'DESTDIR got into the .pc or CMake files'

cp tests/installed/user.c "$room/user.cc"
both first thalweg $cc -std=c11 examples/first/main.c -lm
both c thalweg $cc -std=c11 tests/installed/user.c
both c-double thalweg_f64 $cc -std=c11 tests/installed/user.c
both own-loss thalweg $cc -std=c11 tests/installed/check.c tests/util_log_cosh.c -lm
both own-loss-double thalweg_f64 $cc -std=c11 tests/installed/check.c tests/util_log_cosh.c -lm
both c++ thalweg $cxx -std=c++11 "$room/user.cc"
both c++-double thalweg_f64 $cxx -std=c++11 "$room/user.cc"
$cc tests/installed/user.c $(pkg-config --cflags thalweg_f64) -o "$room/mixed" $(pkg-config --libs thalweg) 2>"$room/out" &&
    fail 'a program compiled for double links with the float library'
grep -q 'tw_ctx_new_f64' "$room/out" || fail 'a mix-up of float and double fails for another reason'

# The staged tree has been moved, as it were: its files must find each other where they lie. From there, and from the prefix.
for where in "$prefix" "$room/stage/usr"; do
    for step in "-S tests/installed -B $room/cmake -DCMAKE_PREFIX_PATH=$where -DWANTED=$version" "--build $room/cmake"; do
        CC=$cc CXX=$cxx cmake $step >"$room/out" 2>&1 || { cat "$room/out"; fail "cmake $step"; }
    done
    ctest --test-dir "$room/cmake" >"$room/out" || { cat "$room/out"; fail 'programs made with CMake fail'; }
    echo "test-install: CMake: $(grep 'tests passed' "$room/out")"
    rm -rf "${room:?}/cmake"
done

for program in "$prefix"/bin/*; do
    name=${program##*/}
    "$program" --help >"$room/out" || fail "$name --help fails"
    page=$prefix/share/man/man1/$name.1
    [ -e "$page" ] || fail "$name has no manual page"
    for command in $(sed -n 's/^  \([a-z]*\) .*/\1/p' "$room/out"); do
        "$program" "$command" --help >"$room/help" </dev/null || fail "$name $command --help fails"
        grep -o -e '--[a-z][a-z-]*' "$room/help" | sort -u >"$room/options"
        awk -v begin=".SS $name $command" '/^[.]S/ { on = $0 == begin } on' "$page" | sed 's/\\-/-/g' |
            grep -o -e '--[a-z][a-z-]*' | sort -u | cmp -s - "$room/options" || fail "the manual page lacks options of $name $command"
    done
done

${MAKE:-make} -s uninstall PREFIX="$prefix" "$@"
left=$(files "$prefix")
[ -z "$left" ] || fail "uninstall leaves $left"
[ ! -e "$prefix/include/thalweg" ] || fail 'uninstall leaves include/thalweg'
[ ! -e "$prefix/share/doc/thalweg" ] || fail 'uninstall leaves share/doc/thalweg'
[ ! -e "$prefix/lib/cmake/Thalweg" ] || fail 'uninstall leaves lib/cmake/Thalweg'
echo "test-install: $(wc -l <"$room/installed") files, all removed again"
