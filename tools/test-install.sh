#!/bin/sh
# test-install.sh - is what `make install` leaves behind enough to write programs with, and does uninstall remove it?
#
# usage: tools/test-install.sh [MAKE-VARIABLE=VALUE..]      (BUILD=.., CC=.. and so on, handed to make)
#
# Installs into a temporary folder, builds programs in C and C++ against it with pkg-config, with the shared and the
# static library, in float and in double, one with a loss of its own, runs them, and uninstalls.

set -eu
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
prefix=$room/prefix
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
    # shellcheck disable=SC2046,SC2086
    "$@" $warn $(pkg-config --cflags "$package") -o "$room/$name-shared" $(pkg-config --libs "$package")
    # shellcheck disable=SC2046,SC2086
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
grep -rqF "$room" "$room/stage/usr/lib/pkgconfig" && fail 'DESTDIR got into the .pc files'

cat >"$room/user.c" <<'END'
#include <stdio.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

int main(void) {
    tw_ctx *ctx = tw_ctx_new(1);
    if (!ctx) return 1;
    const tw_real value[2] = {3, 4};
    const int dim[1] = {2};
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, value, 1, dim);
    tw_tensor *y = tw_sum(ctx, tw_mul(ctx, x, x), 0, NULL, false);
    if (tw_backward(ctx, y)) return 1;
    printf("version %s: |x|^2 = %g, its gradient [%g, %g] of %d bytes\n", tw_version(), (double)tw_item(y), (double)x->grad[0],
           (double)x->grad[1], (int)sizeof *x->grad);
    int wrong = tw_item(y) != 25 || x->grad[0] != 6 || x->grad[1] != 8;
    tw_ctx_free(ctx);
    return wrong;
}
END
cp "$room/user.c" "$room/user.cc"
# A loss of the user's own, in one file that knows extend.h only, checked by finite differences.
cat >"$room/check.c" <<'END'
#include <stdio.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

extern const tw_cost_layer log_cosh_cost;

static tw_tensor *loss(tw_ctx *ctx, tw_tensor *const *leaf, void *cost) {
    return tw_cost_apply(ctx, cost, leaf[0], &(tw_target){.tensor = leaf[1]});
}

int main(void) {
    tw_ctx *ctx = tw_ctx_new(1);
    double worst = 0, bound = sizeof(tw_real) == 8 ? 1e-6 : 1e-2;
    for (unsigned draw = 0; draw < 20; draw++) {
        tw_cost cost;
        tw_cost_problem p;
        tw_gradcheck_result r;
        tw_step_begin(ctx);
        if (tw_cost_of(ctx, &log_cosh_cost, draw % 2 ? "scale=1.5" : "reduction=none", &cost)) break;
        if (log_cosh_cost.sample(ctx, draw, cost.options, &p)) break;
        tw_real pred[64], target[64]; /* tw_gradcheck begins steps of its own */
        tw_gradcheck_leaf leaf[2] = {{.value = pred, .ndim = p.ndim}, {.value = target, .ndim = p.ndim}};
        size_t n = 1;
        for (int i = 0; i < p.ndim; i++) n *= (size_t)(leaf[0].dim[i] = leaf[1].dim[i] = p.dim[i]);
        for (size_t i = 0; i < n; i++) pred[i] = p.pred[i], target[i] = p.target[i];
        if (tw_gradcheck(ctx, loss, &cost, 2, leaf, 0, &r)) break;
        if (!(r.error <= worst)) worst = r.error;
    }
    printf("log_cosh: largest error of a gradient %.1e %s\n", worst, tw_errmsg(ctx));
    int failed = tw_error(ctx) || !(worst <= bound);
    tw_ctx_free(ctx);
    return failed;
}
END
both first thalweg "$cc" -std=c11 examples/first/main.c -lm
both c thalweg "$cc" -std=c11 "$room/user.c"
both c-double thalweg_f64 "$cc" -std=c11 "$room/user.c"
both own-loss thalweg "$cc" -std=c11 "$room/check.c" tests/util_log_cosh.c -lm
both own-loss-double thalweg_f64 "$cc" -std=c11 "$room/check.c" tests/util_log_cosh.c -lm
both c++ thalweg "$cxx" -std=c++11 "$room/user.cc"
both c++-double thalweg_f64 "$cxx" -std=c++11 "$room/user.cc"
# shellcheck disable=SC2046
"$cc" "$room/user.c" $(pkg-config --cflags thalweg_f64) -o "$room/mixed" $(pkg-config --libs thalweg) 2>"$room/out" &&
    fail 'a program compiled for double links with the float library'
grep -q 'tw_ctx_new_f64' "$room/out" || fail 'a mix-up of float and double fails for another reason'
for program in "$prefix"/bin/*; do
    "$program" --help >"$room/out" || fail "$program --help fails"
done

${MAKE:-make} -s uninstall PREFIX="$prefix" "$@"
left=$(files "$prefix")
[ -z "$left" ] || fail "uninstall leaves $left"
[ ! -e "$prefix/include/thalweg" ] || fail 'uninstall leaves include/thalweg'
[ ! -e "$prefix/share/doc/thalweg" ] || fail 'uninstall leaves share/doc/thalweg'
echo "test-install: $(wc -l <"$room/installed") files, all removed again"
