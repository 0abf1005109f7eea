/* message.h - what is kept of an error's sentence, and shown of what it quotes. */
#ifndef TW_MESSAGE_H
#define TW_MESSAGE_H

#include <stddef.h>

/* What is quoted may come from a file: a message is one line of UTF-8, and steers no terminal. Control characters
 * (U+0001 to U+001F, U+007F to U+009F) and bytes that are no UTF-8 become '?'. */
void tw__message_clean(char *text);
/* At most size - 1 bytes, size being 16 or more: a longer text loses its middle, for it begins with a place and ends
 * with a reason. */
const char *tw__message_shorten(const char *from, char *to, size_t size);

#endif
