#!/bin/sh
# clean_root.sh - runs inside a fresh Debian that has nothing but its base: do the packages install, work, and go away?
#
# tools/test-deb.sh puts it there, in the folder /thalweg-test, with the packages, a picture (985.png) and first.c.

set -eu
cd /thalweg-test
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

fail() {
    echo "clean root: $1" >&2
    exit 1
}
quietly() { # quietly COMMAND..: its output only when it fails
    "$@" >log 2>&1 </dev/null || { cat log; fail "$* fails"; }
}
install() { quietly apt-get install -y --no-install-recommends "$@"; }
ours() { find / -xdev -path /thalweg-test -prune -o -path /var/log -prune -o -iname '*thalweg*' -print; }

mount -t proc proc /proc # programs find their models by /proc/self/exe
[ -z "$(ours)" ] || fail 'the root is not clean'
quietly apt-get update

install ./thalweg-tools_*.deb
said=$(crnn_ocr read 985.png) || fail 'crnn_ocr reads nothing'
case $said in
    *985*) echo "clean root: crnn_ocr read: $said" ;;
    *) fail "crnn_ocr read answers $said" ;;
esac
losslab eval mse --input '[1,2]' --target '[0,0]' >log || fail 'losslab eval fails'
mnist --version
for program in crnn_ocr losslab mnist; do
    gzip -dc /usr/share/man/man1/$program.1.gz | grep -q "^\.TH" || fail "$program has no manual page"
done

install gcc libc6-dev pkg-config ./libthalweg0_*.deb ./libthalweg-dev_*.deb
for library in thalweg thalweg_f64; do
    # shellcheck disable=SC2046
    quietly cc first.c $(pkg-config --cflags --libs $library) -lm -o first
    echo "clean root: first with lib$library.so: $(./first | tail -n 1)"
done
# What the package recommends is what linking with the archives takes.
# shellcheck disable=SC2046
install $(dpkg-query -W -f '${Recommends}' libthalweg-dev | tr -d ,)
for library in thalweg thalweg_f64; do
    # shellcheck disable=SC2046
    quietly cc first.c $(pkg-config --static --cflags --libs $library | sed "s/-l$library /-l:lib$library.a /") -lm -o first
    echo "clean root: first with lib$library.a: $(./first | tail -n 1)"
done

quietly apt-get purge -y libthalweg0 libthalweg-dev thalweg-tools
[ -z "$(ours)" ] || fail "a purge leaves $(ours)"
echo 'clean root: all removed again'
