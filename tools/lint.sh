#!/bin/sh
# lint.sh - the rules of this project that a program can check; `make lint` runs it after building the library.
#
# usage: tools/lint.sh BUILD      (the folder that holds libthalweg.a and libthalweg.so)
#
# Prints a line for each violation and fails if there was one. CC and CXX are honoured.
# shellcheck disable=SC2086   # lists of files and flags are split on purpose; no name here holds a space

set -u
build=${1:?usage: tools/lint.sh BUILD}
cc=${CC:-cc}
cxx=${CXX:-c++}
c_files=$(find include src examples bench tests -name '*.[ch]' | sort)
headers=$(find include/thalweg -name '*.h' | sort)

# Length of files and lines, words, spaces, the comment at the top.
text() {
    awk '
        FNR == 1 && !/^\/\*/ { print FILENAME ":1: a file begins with a comment that says what it is" }
        FNR == 601 { print FILENAME ": more than 600 lines; it holds two things" }
        length($0) > 120 { print FILENAME ":" FNR ": longer than 120 columns" }
        /\t/ { print FILENAME ":" FNR ": a tab" }
        /[ \r]$/ { print FILENAME ":" FNR ": space at the end of the line" }
        /(^|[^A-Za-z_])(TODO|FIXME|XXX|HACK)([^A-Za-z_]|$)/ { print FILENAME ":" FNR ": unfinished business" }
    ' $c_files
    grep -nE -e '-Ofast|-ffast-math' Makefile $c_files | sed 's/:.*/: fast-math breaks infinities, and CTC lives on them/'
}

# Dependencies go one way: tensor <- layers, losses, optim <- data, model, text <- examples. A folder sees private
# headers of its own and of lower folders, and public headers up to its own height; programs see only public ones.
# Each foreign library is seen by one folder.
includes() {
    awk '
        BEGIN {
            height["base"] = height["tensor"] = height["extend"] = 1
            height["layers"] = height["losses"] = height["optim"] = 2
            height["data"] = height["model"] = height["text"] = 3
            height["thalweg"] = 4
            home["zlib"] = home["stb"] = "^(src/data|tests)/"
            home["cJSON"] = "^(src/model|examples)/"
            home["utf8proc"] = "^src/text/"
            home["cblas"] = home["immintrin"] = "^src/tensor/"
            home["pthread"] = "^(src/tensor/parallel[.]c|src/data/|tests/)"
            home["stb_truetype"] = home["fontconfig"] = "^examples/"
        }
        function bad(why) { print FILENAME ":" FNR ": includes " name ": " why }
        !/^ *# *include/ { next }
        {
            name = $0
            sub(/^[^<"]*[<"]/, "", name)
            sub(/[>"].*/, "", name)
            split(FILENAME, at, "/")
            split(name, to, "/")
            from = at[1] == "src" && at[2] in height ? height[at[2]] : 9
        }
        to[1] == "thalweg" {
            sub(/[.]h$/, "", to[2])
            sub(/[.]h$/, "", at[3])
            if (at[1] == "include") from = at[3] == "extend" ? 2 : height[at[3]]
            if (height[to[2]] > from) bad("that stands above it")
            next
        }
        at[1] == "include" && name !~ /^(std[a-z]*|string)[.]h$/ { bad("public headers need only the standard ones") }
        to[1] in height && name ~ /[/]/ {
            if (at[1] == "examples" || at[1] == "bench") bad("a private header; programs use the public ones")
            if (at[1] == "src" && to[1] != at[2] && height[to[1]] >= from) bad("that does not stand below it")
            next
        }
        {
            base = name
            sub(/.*\//, "", base)
            sub(/[.]h$/, "", base)
            if (!(base in home) && base ~ /^stb/) base = "stb"
            if (base in home && FILENAME !~ home[base]) bad("its place is " home[base])
        }
    ' $c_files
}

# Every header compiles alone; the public ones also as C++ and for double.
compiles() { # compiles HEADER COMPILER FLAG..
    header=$1
    shift
    said=$(printf '#include "%s"\n' "${header#*/}" | "$@" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude -Isrc - 2>&1) ||
        printf '%s: does not compile alone with %s\n%s\n' "$header" "$*" "$said"
}
standalone() {
    for h in $headers $(find src -name '*.h'); do compiles "$h" $cc -std=c11 -D_GNU_SOURCE -x c; done
    for h in $headers; do
        compiles "$h" $cc -std=c11 -DTW_DOUBLE -x c
        compiles "$h" $cxx -std=c++11 -x c++
    done
}

# What is exported is declared, what is declared exists and is tested, and all of it begins with tw_.
without() { # without A B: the words of A that are not in B
    printf '%s\n' "$1" | awk -v b="$2" 'BEGIN { n = split(b, w); while (n) have[w[n--]] } $1 != "" && !($1 in have)'
}
names() {
    declared=$(sed -n 's/^TW_API [^(]*[ *]\(tw_[a-z0-9_]*\)(.*/\1/p' $headers | sort)
    exported=$(nm -D --defined-only "$build/libthalweg.so" | awk '{ print $NF }' | sort)
    tested=$(find tests -name '*.c' -exec cat {} + | tr -cs 'a-z0-9_' '[\n*]' | sort -u)
    without "$declared" "$exported" | sed 's/^/include: declared but not in libthalweg.so: /'
    without "$exported" "$declared" | sed 's/^/libthalweg.so: exported but not declared: /'
    without "$declared" "$tested" | sed 's/^/tests: no test calls /'
    tools/symbols.sh check "$build"
    nm -g --defined-only "$build/libthalweg.a" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^tw_/ { print "libthalweg.a: an external name without tw_: " $3 }'
}

# A library reports: it never exits, prints, or keeps anything outside a context (isa.o remembers what the
# processor can do; stb_image in decode.o has a few words per thread of which only the last reason is used).
manners() {
    nm -A -u "$build/libthalweg.a" 2>/dev/null | awk '
        $NF ~ /^(exit|_exit|abort|printf|puts|putchar|perror|stdout|stderr|rand|srand|strtok|setlocale)$/ {
            sub(/:[^:]*$/, "", $1)
            print $1 ": the library uses " $NF
        }'
    objdump -t "$build/libthalweg.a" 2>/dev/null | awk '
        / file format / { object = $1; next }
        object !~ /^(isa|decode)[.]o:$/ && NF > 3 && $(NF - 2) ~ /^[.]t?(data|bss)$/ && $NF !~ /^[.]/ {
            print object " keeps a variable outside every context: " $NF
        }'
}

version() {
    number() { sed -n "s/^#define TW_VERSION_$1 //p" include/thalweg/base.h; }
    [ "$(sed -n 's/^#define TW_VERSION "\(.*\)"/\1/p' include/thalweg/base.h)" = \
        "$(number MAJOR).$(number MINOR).$(number PATCH)" ] || echo 'base.h: TW_VERSION is not made of its three numbers'
    for lib in thalweg thalweg_f64; do
        objdump -p "$build/lib$lib.so" | grep -q "SONAME *lib$lib.so.$(number MAJOR)$" ||
            echo "lib$lib.so: the SONAME is not lib$lib.so.$(number MAJOR)"
    done
    grep -q "^thalweg ($(sed -n 's/^#define TW_VERSION "\(.*\)"/\1/p' include/thalweg/base.h))" debian/changelog ||
        echo 'debian/changelog: lacks the version of base.h'
}

other_tools() {
    clang-format --dry-run $c_files 2>&1 | sed -n 's/:.*code should be clang-formatted.*/: not as "make format" leaves it/p' |
        sort -u
    # What is suppressed it gets wrong here, and compilers and sanitizers get right.
    wrong=$(printf -- '--suppress=%s ' memleak uninitvar legacyUninitvar ctuuninitvar uninitStructMember invalidFunctionArg)
    cppcheck --quiet --std=c11 --language=c --enable=warning --inline-suppr $wrong -Iinclude -Isrc -Iexamples \
        -DTW_ISA=base --template='{file}:{line}: {message} [{id}]' src examples bench 2>&1
    shellcheck tools/*.sh tools/roofline tests/*.sh tests/*/*.sh .ci/run
}

found=$(for check in text includes standalone names manners version other_tools; do $check; done)
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    echo "lint: $(printf '%s\n' "$found" | wc -l) lines of problems"
    exit 1
fi
echo 'lint: no problems'
