/* typeface.h - outlines of text in the system's sans-serif font, for pictures made of pixels. */
#ifndef LOSSLAB_TYPEFACE_H
#define LOSSLAB_TYPEFACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct typeface typeface;
/* Found by fontconfig. NULL: a sentence is in error[size]. */
typeface *typeface_open(bool bold, char *error, size_t size);
void typeface_close(typeface *f);
double typeface_width(const typeface *f, double size, const char *text);

/* Calls edge for every straight piece of the outlines of text, whose baseline begins at 0,0; y downwards. */
typedef void (*typeface_edge)(void *user, double x0, double y0, double x1, double y1);
void typeface_draw(const typeface *f, double size, const char *text, typeface_edge edge, void *user);

#endif
