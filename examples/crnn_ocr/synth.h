/* synth.h - rendered text for training: what is asked for, made ready, and a dataset that draws it.
 *
 * Sample i of an epoch is drawn from its own stream and nothing is stored. */
#ifndef CRNN_OCR_SYNTH_H
#define CRNN_OCR_SYNTH_H

#include "fonts.h"
#include "presets.h"
#include "words.h"

#include <thalweg/data.h>

/* As on the command line; NULL: the default. */
typedef struct synth_options {
    const char *preset;  /* "scene"; default: "light" */
    const char *set;     /* changes of its knobs: "blur=0.5:0:2,rotation=0" */
    const char *fonts;   /* families: "DejaVu*,Carlito", or "@FILE" with one a line, and / begins a line
                            that names a folder with more fonts; default: all */
    const char *deny;    /* families left out, in the same form */
    const char *folders; /* folders with more fonts, separated by commas */
    const char *words;   /* word lists, separated by commas; default: invented words */
    const char *without; /* a file of texts never drawn */
    const char *pattern; /* all texts are drawn from this pattern (pattern.h) */
} synth_options;

/* These options for a table of a command line (../common/cli.h); used by `train --synth` and by `synth`. */
enum { SYNTH_OPTIONS = 8 };
struct cli_option; /* an array of SYNTH_OPTIONS */
void synth_cli_options(synth_options *o, struct cli_option *table);
bool synth_options_given(const synth_options *o); /* is any of them not NULL? */
struct cli_command;
void synth_options_check(const struct cli_command *command,
                         const synth_options *o); /* do they contradict each other? */
/* Those that are given, as on a command line, files without their folders; to be freed. NULL: out of memory. */
char *synth_options_text(const synth_options *o);

/* What pictures are drawn from. Borrowed pointers are fine for those who fill it themselves. */
typedef struct synth_source {
    const font_set *fonts;
    const word_source *words;
    synth_recipe recipe;
    int missing; /* families asked for by name of which no face was found */
    void *owned; /* private: what synth_source_free frees */
} synth_source;
/* Reads fonts and words for the characters of the alphabet. except: texts never drawn, or NULL. Unless TW_OK, nothing
 * needs freeing. */
tw_err synth_source_open(tw_ctx *ctx, const synth_options *o, const tw_alphabet *alphabet, const char *const *except,
                         synth_source *source);
void synth_source_free(synth_source *source);

/* count pictures of gray values 0..1, height pixels high. source is borrowed. */
tw_err synth_dataset(tw_ctx *ctx, const synth_source *source, size_t count, int height, tw_dataset *dataset);

/* The same pictures every time, drawn from seed: picture i is the same however many there are. With texts (NULL at the
 * end; of the alphabet), sample i shows text i % n, and count counts rounds of all texts. */
tw_err synth_fixed_dataset(tw_ctx *ctx, const synth_source *source, const char *const *texts, size_t count,
                           uint64_t seed, int height, tw_dataset *dataset);

#endif
