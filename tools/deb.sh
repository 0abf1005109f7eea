#!/bin/sh
# deb.sh - makes Debian packages of what has been built; `make deb` runs it.
#
# usage: tools/deb.sh OUT       (the folder that gets the packages; all in it is replaced)
#
# dpkg-buildpackage leaves its results beside the tree it works in, and its traces inside. So it works in OUT/tree, which
# holds nothing but debian/; debian/rules takes the rest from here.

set -eu
out=${1:?usage: tools/deb.sh OUT}
SOURCE=$(cd "$(dirname "$0")/.." && pwd)
export SOURCE

mkdir -p "$out"
rm -rf "${out:?}/tree"
rm -f "${out:?}"/*thalweg*.deb "${out:?}"/thalweg_*
mkdir "$out/tree"
cp -R "$SOURCE/debian" "$out/tree"
cd "$out/tree"
# -d: what is needed to compile has been seen to, and without BLAS that is less than debian/control lists.
if ! dpkg-buildpackage -b -us -uc -d >../log 2>&1; then
    cat ../log
    exit 1
fi
cd ..
rm -rf "${PWD:?}/tree"
ls -l ./*.deb
