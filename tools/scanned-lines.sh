#!/bin/sh
# scanned-lines.sh - how well a model reads clean scanned pages, on a set that is fixed.
#
# usage: tools/scanned-lines.sh MODEL [BUILD [DIR]]        ./build; DIR keeps the pages and lines
#
# Prose (the licences that every Debian has) is set at 10 points in six typefaces of print_en/test_families.txt, which
# print-en never saw, by Pango and Cairo: nothing here was drawn by the program that trains. Each page of 25 lines, at
# 300 dots an inch, becomes a scan: it lies a little askew, its ink is gray and its paper not white, it is blurred, noisy
# and saved as a JPEG. It is cut at the line pitch, without looking, so that a line may show a neighbour's edge. All of
# this stood fixed before any model read it. Needs pango1.0-tools, imagemagick, texlive-fonts-extra, fonts-vollkorn and
# fonts-clear-sans.
set -eu
model=${1:?usage: tools/scanned-lines.sh MODEL [BUILD [DIR]]}
ocr=${2:-build}/crnn_ocr
dir=${3:-$(mktemp -d)}
[ $# -ge 3 ] || trap 'rm -rf "$dir"' EXIT
pages=4 lines=25 margin=60
for tool in pango-view convert; do
    command -v $tool >/dev/null || { echo "$tool is not there: apt-get install pango1.0-tools imagemagick" >&2; exit 1; }
done

mkdir -p "$dir/pages" "$dir/lines"
dir=$(cd "$dir" && pwd)
# TeX's fonts are not where Pango looks by itself.
cat >"$dir/fonts.conf" <<EOF
<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>/usr/share/texlive/texmf-dist/fonts/opentype</dir>
<dir>/usr/share/texlive/texmf-dist/fonts/truetype</dir><cachedir>$dir/fontcache</cachedir></fontconfig>
EOF
export FONTCONFIG_FILE="$dir/fonts.conf"

cd /usr/share/common-licenses
cat GPL-3 Apache-2.0 MPL-2.0 GFDL-1.3 LGPL-2.1 Artistic | LC_ALL=C tr -s ' \t\n' ' ' | fold -s -w 64 |
    sed 's/^ *//; s/ *$//' | LC_ALL=C grep -x '[ -~]\{30,\}' >"$dir/prose"
cd - >/dev/null

n=0
: >"$dir/labels.tsv"
for family in Merriweather Spectral Vollkorn Eczar 'Clear Sans' 'Atkinson Hyperlegible'; do
    fc-match -f '%{family}\n' "$family" | grep -q "$family" || { echo "the font $family is not there" >&2; exit 1; }
    page=0
    while [ $page -lt $pages ]; do
        name=$(echo "$family" | tr -d ' ')-$page
        sed -n "$((n * lines + 1)),$((n * lines + lines))p" "$dir/prose" >"$dir/text"
        pango-view -q --no-display --dpi=300 --font="$family 10" --margin=$margin --hinting=none \
            -o "$dir/pages/$name.png" "$dir/text"
        # askew by -0.15 to 0.15 degrees, some ink darker, some scanners less sharp
        askew=$(echo "$n" | awk '{ print ($1 * 7 % 11 - 5) * 0.03 }')
        ink=$((n * 5 % 7 * 4)) paper=$((86 + n * 3 % 5 * 3)) soft=$(echo "$n" | awk '{ print 0.6 + $1 * 3 % 4 * 0.2 }')
        convert "$dir/pages/$name.png" -colorspace Gray -background white -distort SRT "$askew" -blur "0x$soft" \
            +level "$ink%,$paper%" -seed $((n + 1)) -attenuate 0.12 +noise Gaussian -quality 80 "$dir/pages/$name.jpg"
        size=$(identify -format '%w %h' "$dir/pages/$name.jpg")
        convert "$dir/pages/$name.jpg" -crop "$(echo "$size" | awk -v m=$margin -v n=$lines \
            '{ printf "%dx%d+0+%d", $1, $2 - 2 * m, m }')" +repage -crop "1x$lines@" +repage "$dir/lines/$name-%02d.png"
        i=0
        while read -r line; do
            printf 'lines/%s-%02d.png\t%s\n' "$name" $i "$line" >>"$dir/labels.tsv"
            i=$((i + 1))
        done <"$dir/text"
        n=$((n + 1)) page=$((page + 1))
    done
done
"$ocr" eval --model "$model" --labels "$dir/labels.tsv"
