#!/bin/sh
# examples_losslab.sh - the program losslab as its users meet it: what it says about each loss, its pictures, its site.
#
# usage: tests/examples_losslab.sh BUILD        a line a check; stops at the first that fails
set -u
lab=$1/losslab
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
program=$lab
export COLUMNS=100
# shellcheck source=tests/common.sh
. "$(dirname "$0")/common.sh"

expect 0 'list ' "$lab" --help
expect 0 'losslab (Thalweg) [0-9]' "$lab" --version
expect 2 'did you mean list' "$lab" lisst
expect 2 'Usage' "$lab"
for c in list show plot report; do
    expect 0 "Usage: losslab $c" "$lab" $c --help
    expect 2 'unknown option --nonsense' "$lab" $c --nonsense
done
expect 2 'unexpected argument "x"' "$lab" list x
[ ! -w /dev/full ] || expect 1 'No space left' sh -c "'$lab' list >/dev/full"
for c in show plot; do
    expect 2 'which loss' "$lab" $c
    expect 2 'one loss at a time' "$lab" $c mse mae
    expect 2 'did you mean "focal"' "$lab" $c focl
    expect 2 'gamma' "$lab" $c focal:gama=1
    expect 2 'gamma' "$lab" $c focal:gamma=-1
    expect 2 'gamma' "$lab" $c focal:gamma=x
done
expect 2 'which folder' "$lab" report

expect 0 'compares with sequences' "$lab" list
losses=$("$lab" list | grep '^[a-z]')
[ "$(echo "$losses" | wc -l)" -ge 12 ] || fail 'list names fewer losses than there are'

# A PNG begins with its signature; an SVG is one element, and text in it stays text.
is_png() { [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] || fail "$1 is no PNG"; }
is_svg() {
    [ "$(head -c 4 "$1")$(tail -n 1 "$1")" = '<svg</svg>' ] || fail "$1 is no SVG"
    grep -q '<text' "$1" || fail "$1 has no text"
    ! grep -qi 'nan\b\|="-\?inf' "$1" || fail "$1 has a number that is none"
}
for l in $losses; do
    expect 0 '^PASS: on 20 random problems' "$lab" show "$l"
    grep -q '^Worked through' "$dir/out" || fail "$l has no example"
    grep -q 'gradient of' "$dir/out" || fail "the example of $l has no gradient"
    if LC_ALL=C grep -q "$(printf '\033')" "$dir/out"; then fail "$l: colours without a terminal"; fi
    expect 0 "$l.svg" "$lab" plot "$l" --out "$dir/$l.svg"
    is_svg "$dir/$l.svg"
    expect 0 "$l.png" "$lab" plot "$l" --out "$dir/$l.png"
    is_png "$dir/$l.png"
done
lab_path=$(cd "$(dirname "$lab")" && pwd)/losslab
expect 0 '^mse.svg' sh -c "cd '$dir' && rm mse.svg && '$lab_path' plot mse"
is_svg "$dir/mse.svg"

# Numbers of the book.
expect 0 '1.6667' "$lab" show mse
expect 0 '−0.75527' "$lab" show cross_entropy
expect 0 'delta.*0.5 *1 ' "$lab" show huber:delta=0.5
expect 0 '0.64267' "$lab" show ctc
for spec in cross_entropy:form=probs cross_entropy:label_smoothing=0.1 'cross_entropy:class_weight=[1,2,3,4]' \
    'focal:alpha=[.2,.8]' focal:alpha=.25 ctc:blank=2 ctc:blank=100 ctc:form=log_probs kl_div:q_form=probs \
    'bce_logits:pos_weight=[1,2]' 'balanced_ce:beta=[.1,.2,.3]' nll:ignore_index=0; do
    expect 0 PASS "$lab" show "$spec"
done
expect 0 'gamma=3.svg' "$lab" plot focal:gamma=3 --out "$dir/gamma=3.svg"
grep -q 'focal:gamma=3' "$dir/gamma=3.svg" || fail 'the curve of the options given is missing'
expect 2 'ends in .svg or .png' "$lab" plot mse --out "$dir/x.jpg"
expect 1 "$dir/none/x.svg: cannot be written" "$lab" plot mse --out "$dir/none/x.svg"
expect 1 "$dir/none/x.png: cannot be written" "$lab" plot mse --out "$dir/none/x.png"
mkdir "$dir/folder.svg"
expect 1 "$dir/folder.svg: cannot be written" "$lab" plot mse --out "$dir/folder.svg"

# A pipe gets what is written once, and is not opened before.
mkfifo "$dir/pipe"
cat "$dir/pipe" >"$dir/read" &
expect 0 'tape for Graphviz' timeout 60 "$lab" backprop --out "$dir/b.svg" --dot "$dir/pipe"
wait $!
grep -q '^digraph' "$dir/read" || fail 'the tape did not go through the pipe'
expect 2 'IMAGE and --out are the same file' "$lab" ctc a --model "$dir/none" "$dir/gamma=3.svg" --out "$dir/gamma=3.svg"

expect 0 'site/index.html' "$lab" report "$dir/site"
expect 0 'site/index.html' "$lab" report "$dir/site"
expect 1 'cannot be made' "$lab" report "$dir/none/site"
expect 1 'mse.svg/index.html: cannot be written' "$lab" report "$dir/mse.svg"
mkdir -p "$dir/taken/index.html" # the page that is written last
expect 1 'taken/index.html: cannot be written' "$lab" report "$dir/taken"
[ "$(ls "$dir/taken")" = index.html ] || fail 'report finds out too late that it cannot write'
for l in $losses; do
    grep -q "href=\"$l.html\"" "$dir/site/index.html" || fail "the index has no link to $l"
    grep -q 'class="pass">PASS' "$dir/site/$l.html" || fail "the page of $l has no check"
    grep -q '<svg' "$dir/site/$l.html" || fail "the page of $l has no picture"
done
site=$dir/site
for p in backprop.html ctc-explained.html museum.html museum.html#wrong-losses museum.html#worked-numbers; do
    grep -q "href=\"$p\"" "$site/index.html" || fail "the index has no link to $p"
done
for p in backprop ctc-explained ctc; do
    grep -q 'class="picture"' "$site/$p.html" || fail "the page $p lacks its large picture"
done
grep -q '&ldquo;tcat&rdquo;.*the likelier text is &ldquo;cat&rdquo;' "$site/ctc-explained.html" ||
    fail 'the page on CTC does not say what greedy reads'
grep -q 'href="ctc.html"' "$site/ctc-explained.html" || fail 'the page on CTC has no link to the loss'
grep -q 'href="ctc-explained.html#forward"' "$site/ctc.html" || fail 'the loss ctc has no link to the page on CTC'
grep -q 'href="cross_entropy.html#' "$site/backprop.html" || fail 'backpropagation has no link to the loss'
[ "$(grep -c 'class="pass"' "$site/museum.html")" -ge 60 ] || fail 'the museum shows too few outcomes'
! grep -q '>FAIL' "$site/museum.html" || fail 'the museum shows a failure'
grep -q '>misprint there<' "$site/museum.html" || fail 'the museum shows no misprint'
# Every link of the site leads to a page of the site, and to a place in it; nothing is fetched from elsewhere.
for page in "$site"/*.html; do
    grep -o 'href="[^"]*' "$page" | sed 's/href="//' | grep -v '^http' | sort -u >"$dir/links"
    while read -r to; do
        file=${to%%#*}
        file=$site/${file:-${page##*/}}
        [ -f "$file" ] || fail "${page##*/} links to $to, which is not there"
        case $to in
            *'#'*) grep -q "id=\"${to#*#}\"" "$file" || fail "${page##*/} links to $to, a place that is not there" ;;
        esac
    done <"$dir/links"
    ! grep -q '<script\|<link\|src=\|url(' "$page" || fail "${page##*/} needs something from elsewhere"
    [ "$(grep -o ' id="[^"]*"' "$page" | sort | uniq -d)" = '' ] || fail "${page##*/} has two places of one name"
done
echo 'losslab: all checks passed'
