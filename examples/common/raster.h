/* raster.h - filling outlines with exact area coverage. */
#ifndef EXAMPLES_RASTER_H
#define EXAMPLES_RASTER_H

/* Edges are added in any order; the sum at the end is the covered part of every pixel. Row stride is width + 2. */
typedef struct raster {
    int width, height;
    float *cell; /* [height][width + 2], zeroed before the first edge */
} raster;

void raster_edge(raster *r, float x0, float y0, float x1, float y1); /* y downwards, in pixels */
void raster_finish(const raster *r, float *coverage);                /* [height][width], values in [0,1] */

#endif
