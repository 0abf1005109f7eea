#!/bin/sh
# embed.sh - prints a C file that holds the given chapters of the book, for programs that are installed without it.
#
# usage: tools/embed.sh FILE..

set -eu
echo '/* Made by tools/embed.sh. */'
echo '#include <stddef.h>'
echo '#include "examples/losslab/chapters.h"'
i=0
for f; do
    printf 'static const unsigned char text%d[] = {\n' $i
    od -An -v -tu1 "$f" | sed 's/  */,/g; s/^,//; s/$/,/'
    echo '0};'
    i=$((i + 1))
done
echo 'const chapter chapters[] = {'
i=0
for f; do
    case $f in
        docs/losses/*) name=${f##*/} ;;
        *) name=../${f##*/} ;;
    esac
    printf '{"%s", (const char *)text%d},\n' "${name%.md}" $i
    i=$((i + 1))
done
echo '{NULL, NULL}};'
