/* conv_lines.c - what of conv_lines.h is done once a call. */
#include "layers/conv_lines.h"

tw__conv_lines tw__conv_lines_of(const tw__conv *s, tw_act act, int pool_h, int pool_w) {
    tw__conv_lines l = {.N = s->N, .O = s->O, .OH = s->OH, .OW = s->OW, .act = act};
    l.pool_h = pool_h > 0 ? pool_h : 1;
    l.pool_w = pool_w > 0 ? pool_w : 1;
    l.PH = l.OH / l.pool_h;
    l.PW = l.OW / l.pool_w;
    return l;
}
