/* image.h - pictures without a context, for the loader's thread: errors are written as sentences. */
#ifndef TW_DATA_IMAGE_H
#define TW_DATA_IMAGE_H

#include "tensor/message.h"

#include <thalweg/data.h>

/* A header may claim any size: nothing is decoded, and nothing allocated, beyond this. */
enum { TW__MAX_PIXELS = 1 << 27 };
/* 1 x 1 to TW__MAX_PIXELS in all. */
bool tw__image_size_ok(int width, int height);
/* 1, 3 or 4. */
bool tw__image_channels_ok(int channels);
/* A path in these sentences is no longer than this. */
enum { TW__SHOWN_PATH = 256 };
tw_err tw__image_read(const char *path, int channels, tw_image *image, char *message, size_t size);
/* Width and height from the file's header, as tw__image_read gives them. */
tw_err tw__image_measure(const char *path, int *width, int *height, char *message, size_t size);
tw_err tw__image_scale(const tw_image *from, int width, int height, tw_image *to, char *message, size_t size);
/* The columns of a picture that is brought to `height` rows with its aspect kept. */
int tw__image_fit_width(int width, int height, int to_height, int max_width);

#endif
