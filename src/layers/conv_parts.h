/* conv_parts.h - dw and db of a convolution in parts, one for each chunk of work, added up in their order: the same
 * bits whichever thread made which. */
#ifndef TW_CONV_PARTS_H
#define TW_CONV_PARTS_H

#include "layers/conv_columns.h"

typedef struct tw__conv_parts {
    int chunks;
    tw_real *dw; /* [chunks][O,K] */
    double *db;  /* [chunks][O][TW__SUM_LANES]: lanes that are to be added up, too */
} tw__conv_parts;

/* Bytes of scratch they take. */
size_t tw__conv_parts_room(const tw__conv *s, int chunks);
/* From the scratch; false when there is no memory. */
bool tw__conv_parts_new(tw_ctx *ctx, const tw__conv *s, int chunks, tw__conv_parts *p);
/* The gradients that are wanted. */
void tw__conv_parts_add(const tw__conv *s, const tw__conv_parts *p, const tw__conv_grads *g);

#endif
