#!/bin/sh
# test-deb.sh - are the Debian packages good: for CMake, for lintian, and in a clean root where nothing else is?
#
# usage: tools/test-deb.sh OUT       (the folder with the packages, build/deb)
#
# The clean root needs root, debootstrap and a minute or two; without them that part is skipped, and the last line says so.
# What is downloaded for it stays in OUT (root.tar, archives/). MIRROR names another mirror than Debian's own.

set -eu
out=$(cd "${1:?usage: tools/test-deb.sh OUT}" && pwd)
cd "$(dirname "$0")/.."
room=$(mktemp -d)
# Nothing is mounted there but in a namespace that is gone with its processes; and should it be, it is not entered.
trap 'rm -rf --one-file-system "${room:?}"' EXIT

fail() {
    echo "test-deb: $1" >&2
    exit 1
}
quietly() { # quietly COMMAND..: its output only when it fails
    "$@" >"$room/log" 2>&1 </dev/null || { cat "$room/log"; fail "$1 fails"; }
}

mkdir "$room/packages" "$room/unpacked"
for name in libthalweg0 libthalweg-dev thalweg-tools; do
    set -- "$out/${name}"_*.deb
    if [ $# != 1 ] || [ ! -e "$1" ]; then fail "$out should hold one $name"; fi
    cp "$1" "$room/packages"
    dpkg-deb -x "$1" "$room/unpacked"
done

version=$(sed -n 's/^#define TW_VERSION "\(.*\)"/\1/p' include/thalweg/base.h)
quietly cmake -S tests/installed -B "$room/cmake" -DCMAKE_PREFIX_PATH="$room/unpacked/usr" -DWANTED="$version"
quietly cmake --build "$room/cmake"
quietly ctest --test-dir "$room/cmake"
echo 'test-deb: CMake finds the unpacked packages, shared and static'
if command -v lintian >/dev/null; then
    quietly lintian --allow-root --fail-on error "$room"/packages/*.deb
    echo 'test-deb: lintian finds no error'
fi

# ---- the clean root --------------------------------------------------------------------------------------
skip() {
    echo "test-deb: SKIPPED the clean root: $1"
    exit 0
}
[ "$(id -u)" = 0 ] || skip 'it takes root'
command -v debootstrap >/dev/null || skip 'debootstrap is not installed'
unshare --mount --pid --fork true 2>/dev/null || skip 'this system allows no namespaces'
# The packages are for the release they were built on.
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
if ! grep -qx 'ID=debian' /etc/os-release || [ -z "$suite" ]; then skip 'this is no release of Debian'; fi

if [ ! -e "$out/root.tar" ]; then
    quietly debootstrap --variant=minbase "$suite" "$room/fresh" "${MIRROR:-http://deb.debian.org/debian}"
    tar -C "$room/fresh" --one-file-system -cf "$out/root.tar.new" .
    mv "$out/root.tar.new" "$out/root.tar"
fi
root=$room/root
mkdir "$root"
tar -C "$root" -xf "$out/root.tar"
[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mkdir "$root/thalweg-test"
cp "$room"/packages/*.deb examples/first/main.c examples/crnn_ocr/samples/000005.png tests/installed/clean_root.sh "$root/thalweg-test"
mv "$root/thalweg-test/main.c" "$root/thalweg-test/first.c"
mv "$root/thalweg-test/000005.png" "$root/thalweg-test/985.png"
mkdir -p "$out/archives"
find "$out/archives" -name '*.deb' -exec cp -t "$root/var/cache/apt/archives" {} +
status=0
unshare --mount --pid --fork --kill-child chroot "$root" /bin/sh /thalweg-test/clean_root.sh || status=$?
find "$root/var/cache/apt/archives" -name '*.deb' -exec cp -t "$out/archives" {} +
[ $status = 0 ] || fail 'the packages are not good for a clean root'
echo 'test-deb: the packages work in a clean root'
