#!/bin/sh
# deps.sh - installs the Debian packages of the named lists, if any is missing.
#
# usage: tools/deps.sh LIST...       (build, blas, test, demo, mnist, bench, lint, fuzz, valgrind, cover, install, deb, root,
#                                 fonts)
#
# When everything is there this takes a few milliseconds and prints nothing. Otherwise it prints the apt-get command
# and runs it, with sudo when not root; where it cannot, it says what to type and fails.

set -u
fonts=/usr/share/fonts
fashion=/usr/share/datasets/fashion-mnist
print_en=$(dirname "$0")/../examples/crnn_ocr/print_en/packages.txt # the list `fonts`

# list  how to see that it is there                       the packages that bring it
table() {
    cat <<END
build   command ${CC:-cc}                                       $compiler
build   command pkg-config                                      pkg-config
build   module  zlib                                            zlib1g-dev
build   module  stb                                             libstb-dev
build   module  libcjson                                        libcjson-dev
build   module  libutf8proc                                     libutf8proc-dev
build   module  fontconfig                                      libfontconfig-dev
build   module  freetype2                                       libfreetype-dev
blas    module  openblas                                        libopenblas-dev
test    module  criterion                                       libcriterion-dev
test    command strace                                          strace
root    file    /usr/sbin/debootstrap                           debootstrap
demo    file    $fonts/truetype/dejavu                          fonts-dejavu-core
demo    file    $fonts/truetype/liberation                      fonts-liberation
demo    file    $fonts/truetype/crosextra/Carlito-Regular.ttf   fonts-crosextra-carlito
demo    file    $fonts/truetype/crosextra/Caladea-Regular.ttf   fonts-crosextra-caladea
demo    file    $fonts/opentype/cabin                           fonts-cabin
demo    file    $fonts/opentype/dosis                           fonts-dosis
demo    file    $fonts/opentype/quattrocento                    fonts-quattrocento
demo    file    $fonts/opentype/didot                           fonts-gfs-didot
demo    file    $fonts/truetype/fonts-oldstandard               fonts-oldstandard
demo    file    $fonts/truetype/anonymous-pro                   fonts-anonymous-pro
demo    file    $fonts/opentype/b612                            fonts-b612
demo    file    $fonts/opentype/play                            fonts-play
demo    file    $fonts/opentype/fonts-prociono                  fonts-prociono
demo    file    $fonts/opentype/ebgaramond                      fonts-ebgaramond
demo    file    $fonts/truetype/beteckna                        fonts-beteckna
demo    file    $fonts/truetype/adf/UniversalisADFStd-Regular.otf fonts-adf-universalis
demo    file    $fonts/truetype/adf/GilliusADF-Regular.otf      fonts-adf-gillius
demo    file    $fonts/truetype/tuffy                           fonts-tuffy
demo    file    $fonts/opentype/jura                            fonts-jura
demo    file    $fonts/truetype/oxygen                          fonts-oxygen
demo    file    $fonts/truetype/averia-gwf                      fonts-averia-sans-gwf
demo    file    $fonts/truetype/rufscript                       fonts-rufscript
demo    file    $fonts/truetype/breip                           fonts-breip
demo    file    $fonts/truetype/open-sans                       fonts-open-sans
demo    file    $fonts/truetype/gentium-basic                   fonts-sil-gentium-basic
demo    file    $fonts/truetype/inconsolata                     fonts-inconsolata
demo    file    $fonts/opentype/cantarell                       fonts-cantarell
demo    file    $fonts/opentype/comic-neue                      fonts-comic-neue
mnist   file    $fashion/train-images-idx3-ubyte.gz             dataset-fashion-mnist
test    file    $fonts/truetype/wqy/wqy-microhei.ttc         fonts-wqy-microhei
bench   file    $fonts/truetype/dejavu                          fonts-dejavu-core
lint    command clang-format                                    clang-format
lint    command clang                                           clang
lint    command cppcheck                                        cppcheck
lint    command g++                                             g++
lint    command shellcheck                                      shellcheck
valgrind command valgrind                                       valgrind
valgrind file   /usr/lib/debug/.build-id                        libc6-dbg
cover   command gcovr                                           gcovr
fuzz    command clang                                           clang
fuzz    file    /usr/share/doc/libclang-rt-14-dev               libclang-rt-14-dev
install command cmake                                           cmake
install command g++                                             g++
deb     command dpkg-buildpackage                               dpkg-dev
deb     command dh                                              debhelper
END
    sed -n 's|^/|fonts file /|p' "$print_en"
}
case "${CC:-cc}" in
    *clang*) compiler='clang libc6-dev' ;;
    *) compiler='gcc libc6-dev' ;;
esac
lists=" $* "

# The packages that are missing, on one line. The modules are first asked for all together, for that is fast.
missing() {
    modules=$(table | while read -r list kind what packages; do
        case "$lists" in *" $list "*) [ "$kind" = module ] && printf '%s ' "$what" ;; esac
    done)
    # shellcheck disable=SC2086
    pkg-config --exists $modules 2>/dev/null && all_modules=yes || all_modules=no
    table | while read -r list kind what packages; do
        case "$lists" in *" $list "*) ;; *) continue ;; esac
        case "$kind" in
            command) command -v "${what%% *}" >/dev/null ;;
            module) [ "$all_modules" = yes ] || pkg-config --exists "$what" 2>/dev/null ;;
            file) [ -e "$what" ] ;;
        esac || printf '%s ' "$packages"
    done
}

need=$(missing)
[ -z "$need" ] && exit 0

install="apt-get install -y --no-install-recommends ${need% }"
if ! command -v apt-get >/dev/null; then
    echo "deps: this system has no apt-get; please install what Debian calls: $need" >&2
    echo 'deps: (make DEPS= .. goes on without looking)' >&2
    exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: some packages are missing; as root, type: apt-get update && $install" >&2
        exit 1
    fi
    sudo='sudo '
    [ -t 0 ] || sudo='sudo -n ' # nobody is there to type a password
fi
echo "deps: ${sudo}apt-get update && ${sudo}$install"
export DEBIAN_FRONTEND=noninteractive
# One unreachable source must not stop the others, so the update may fail.
# shellcheck disable=SC2086
${sudo}apt-get update </dev/null
# shellcheck disable=SC2086
if ! ${sudo}$install </dev/null; then
    echo "deps: that did not work; as root, type: apt-get update && $install" >&2
    exit 1
fi
need=$(missing)
if [ -n "$need" ]; then
    echo "deps: installed, but still not found: what $need should bring (is CC=${CC:-cc} right?)" >&2
    exit 1
fi
