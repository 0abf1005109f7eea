/* thalweg/data.h - files of examples, and the loader that makes batches of them.
 *
 * Everything here returns a tw_err and leaves one sentence naming file and place in the context. A failed call
 * leaves its result empty. What is read from files, and the loader, use malloc, not the context's allocator. */
#ifndef THALWEG_DATA_H
#define THALWEG_DATA_H

#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- IDX files (the format of MNIST), raw or gzipped -------------------------------------------------- */
typedef struct tw_idx {
    int ndim;
    int dim[TW_MAX_DIMS]; /* dim[0] is the number of items */
    uint8_t *data;        /* unsigned bytes, row-major */
    size_t size;
    char *path; /* where it came from, for messages; NULL: nowhere */
} tw_idx;
/* Reads path. The header is not trusted: memory grows with what the file really holds. Only unsigned bytes (type
 * 0x08); bytes missing or left over, damaged gzip data and anything else are FORMAT. */
TW_API TW_MUST_CHECK tw_err tw_idx_load(tw_ctx *ctx, const char *path, tw_idx *idx);
/* Looks in dir for stem as NAME, NAME.gz with both `-idx3-ubyte` and `.idx3-ubyte` spellings: stem
 * "train-images", ndim 3. On failure the message lists what was tried. */
TW_API TW_MUST_CHECK tw_err tw_idx_find(tw_ctx *ctx, const char *dir, const char *stem, int ndim, tw_idx *idx);
TW_API void tw_idx_free(tw_idx *idx);
/* Mean and standard deviation of all bytes / 255; 0 and 0 when there are none. */
TW_API void tw_idx_mean_std(const tw_idx *idx, double *mean, double *std);

/* ---- pictures ------------------------------------------------------------------------------------------ */
typedef struct tw_image {
    int width, height, channels; /* 1 gray, 3 RGB, 4 RGBA */
    uint8_t *data;               /* [height][width][channels] */
} tw_image;
typedef struct tw_box { /* a part of a picture, in pixels from its upper left corner */
    int x, y, width, height;
} tw_box;
/* PNG, JPEG, BMP, GIF (its first picture), PGM and PPM (P5, P6), at most 2^27 pixels. channels 1, 3, 4, or 0: as in the
 * file (gray with alpha gives 4). 16 bits a channel become 8; samples of PGM and PPM are scaled so that their maxval
 * is white, as is what is above it. A JPEG file is turned as the orientation in its EXIF block says. Where RGB is
 * wanted, alpha is laid over white; where gray is wanted, over white or black, whichever is farther from what can be
 * seen, so that white letters on nothing stay visible. Gray is the luminance of BT.601. A file that ends before its
 * picture does, and one whose header announces more than the file can hold, are FORMAT. */
TW_API TW_MUST_CHECK tw_err tw_image_load(tw_ctx *ctx, const char *path, int channels, tw_image *image);
/* The same from a file's bytes in memory; name is for messages. */
TW_API TW_MUST_CHECK tw_err tw_image_decode(tw_ctx *ctx, const char *name, const void *bytes, size_t size, int channels,
                                            tw_image *image);
TW_API TW_MUST_CHECK tw_err tw_image_save_png(tw_ctx *ctx, const char *path, const tw_image *image);
/* The same bytes in memory; *bytes is to be freed with free. */
TW_API TW_MUST_CHECK tw_err tw_image_encode_png(tw_ctx *ctx, const tw_image *image, uint8_t **bytes, size_t *size);
TW_API TW_MUST_CHECK tw_err tw_image_new(tw_ctx *ctx, int width, int height, int channels, uint8_t fill,
                                         tw_image *image);
/* To exactly width x height: bilinear when growing, a triangle of twice the scale when shrinking (what Pillow calls
 * BILINEAR), each channel on its own. */
TW_API TW_MUST_CHECK tw_err tw_image_resize(tw_ctx *ctx, const tw_image *from, int width, int height, tw_image *to);
/* To `height` rows (0: as it is) with the aspect kept, but at most max_width columns (0: any). */
TW_API TW_MUST_CHECK tw_err tw_image_fit(tw_ctx *ctx, const tw_image *from, int height, int max_width, tw_image *to);
/* x [channels][height][width] = (pixel / 255 - mean) / std; std 0 means 1. */
TW_API void tw_image_to_reals(const tw_image *image, double mean, double std, tw_real *x);
TW_API void tw_image_free(tw_image *image);

/* ---- labels.tsv: path TAB UTF-8 text, split at the first TAB, one picture a line ------------------------ */
typedef struct tw_tsv_row {
    const char *path; /* joined with the TSV's folder unless absolute */
    const char *text;
    int line;         /* 1-based, for messages */
    const char *name; /* the path as it stands in the file */
} tw_tsv_row;
typedef struct tw_tsv {
    tw_tsv_row *row;
    size_t n;
    const char *path; /* of the TSV itself, for messages */
    void *memory;     /* private */
} tw_tsv;
/* LF and CRLF, a UTF-8 byte order mark, empty lines and empty texts are accepted; a line without TAB, an empty path, a
 * NUL byte or invalid UTF-8 is FORMAT, with the line and the byte in it. */
TW_API TW_MUST_CHECK tw_err tw_tsv_load(tw_ctx *ctx, const char *path, tw_tsv *tsv);
TW_API void tw_tsv_free(tw_tsv *tsv);

/* ---- CSV: a table of numbers ----------------------------------------------------------------------------- */
typedef struct tw_csv_options {
    bool header;    /* the first line holds the columns' names */
    char separator; /* 0: a comma; any character that stands in no number: ';' '\t' '|' ' ' */
} tw_csv_options;
typedef struct tw_csv {
    size_t rows;
    int columns;
    tw_real *value;    /* [rows][columns] */
    const char **name; /* [columns]; NULL: there was no header */
    size_t *line;      /* [rows] 1-based, for messages */
    char *path;
    void *memory; /* private */
} tw_csv;
/* Reads path; options NULL: no header, commas. Fields may stand in double quotes, with "" for one of them inside (RFC
 * 4180); spaces around a field, LF and CRLF, a UTF-8 byte order mark and empty lines are accepted. Numbers are decimal,
 * with a point. A missing value (an empty field, NA, nan, ..), one that is no finite number, too many or too few fields
 * in a row, a quote without end, and lines that end with CR alone are FORMAT, with file, line and column. */
TW_API TW_MUST_CHECK tw_err tw_csv_load(tw_ctx *ctx, const char *path, const tw_csv_options *options, tw_csv *csv);
TW_API void tw_csv_free(tw_csv *csv);
/* The index of a column given by its name, or by its number: 0 is the first, -1 the last. What is no name and no number
 * is RANGE, with the nearest name suggested, and so is a name that two columns have; then -1 is returned. */
TW_API int tw_csv_column(tw_ctx *ctx, const tw_csv *csv, const char *column);
/* Mean and standard deviation of a column, 0 .. columns - 1; 0 and 0 when there are no rows. Of another number, such as
 * the -1 of a tw_csv_column that failed, both are NaN. */
TW_API void tw_csv_mean_std(const tw_csv *csv, int column, double *mean, double *std);

/* ---- .npy: an array of NumPy's --------------------------------------------------------------------------- */
typedef struct tw_npy {
    int ndim;
    int dim[TW_MAX_DIMS];
    size_t size;
    tw_real *data;    /* row-major, also when the file is not */
    int32_t *integer; /* the same when the file has integers (or bools) that all fit; otherwise NULL */
    char *path;
} tw_npy;
/* Versions 1 to 3 of the format, in C and in Fortran order: f4 and f8; i1 to i8, u1 to u8, b1. Integers that tw_real
 * cannot hold are rounded in data. Other types, the other byte order, more than 5 dimensions, a number too large for
 * tw_real, bytes missing or left over are FORMAT. Memory is taken when the file has been found to hold what its header
 * announces. */
TW_API TW_MUST_CHECK tw_err tw_npy_load(tw_ctx *ctx, const char *path, tw_npy *npy);
/* Writes version 1, C order, f4 or in double f8. */
TW_API TW_MUST_CHECK tw_err tw_npy_save(tw_ctx *ctx, const char *path, const tw_real *data, int ndim, const int *dim);
TW_API void tw_npy_free(tw_npy *npy);

/* ---- datasets and the loader -----------------------------------------------------------------------------
 * A dataset gives sample i as a picture [C,H,width] with a label (a class or a sequence of symbols), with numbers to
 * predict (targets), with both, or with neither (.sequences = true, .max_label = 0: an autoencoder's, which predicts x
 * itself; all its labels are empty). get is called from the loader's own thread (one call at a time, up to one batch
 * ahead; but see in_memory), with a random stream (extend.h) that depends on the loader's seed, the epoch and i only:
 * augmentation drawn from it does not depend on threads. Two loaders of one dataset have two threads; the ready-made
 * datasets below allow that. */
typedef struct tw_sample {
    tw_real *x;       /* room for C * H * max_width; get writes [C][H][width], tightly */
    int width;        /* in: max_width; out: the sample's own */
    int32_t *label;   /* room for max_label */
    int label_length; /* out; classes: 1; 0 when max_label is 0 */
    tw_real *target;  /* room for the dataset's targets, all to be written */
} tw_sample;
typedef struct tw_dataset {
    size_t count;
    int channels, height, max_width;
    int max_label;  /* longest label; 1 for classes, 0 for targets alone */
    bool sequences; /* labels are sequences: the batch has label_lengths. With max_label 0 and no targets: neither */
    void *user;
    int (*width)(void *user, size_t i); /* for bucketing, roughly; NULL: all the same */
    /* On failure returns an error and writes a sentence into message[size]. */
    tw_err (*get)(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size);
    void (*free)(void *user); /* what tw_dataset_free calls; may be NULL */
    /* Sample i will be wanted soon: a good moment to bring it nearer. May be NULL. */
    void (*prefetch)(void *user, size_t i);
    /* True: get is quick, for it only copies or converts what lies in memory, and get and prefetch may be called by
     * several threads at once. Then the context's threads make a batch in tw_loader_next, instead of another thread
     * beside the step before it. The batches are the same. */
    bool in_memory;
    int targets; /* numbers to predict, a sample */
} tw_dataset;
/* Calls dataset->free and empties the struct. */
TW_API void tw_dataset_free(tw_dataset *dataset);

/* Ready-made datasets of gray pictures: scaled as tw_image_fit does, then (pixel / 255 - mean) / std. Those of IDX
 * files are in_memory. */
typedef struct tw_picture_options {
    int height;       /* rows after scaling; 0: as they are, and then all of one height */
    int max_width;    /* wider ones are squeezed to it; 0: any width */
    double mean, std; /* std 0: 1 */
    /* Of picture files: which part of a picture, decoded and gray, is used. NULL: all of it. With it every file is
     * decoded when the dataset is made, for its width. Called from the loader's thread, too. */
    tw_box (*crop)(const tw_image *gray);
} tw_picture_options;
/* IDX images [n,H,W] with IDX labels [n], each below `classes`. Both are borrowed and must outlive the dataset. */
TW_API TW_MUST_CHECK tw_err tw_dataset_classes(tw_ctx *ctx, const tw_idx *images, const tw_idx *labels, int classes,
                                               const tw_picture_options *options, tw_dataset *dataset);
/* IDX images [n,H,W] with sequences, laid out as in a tw_batch: label holds them one after another, label_length one
 * number a sample. images is borrowed, the labels are copied. After this nothing is allocated any more. */
TW_API TW_MUST_CHECK tw_err tw_dataset_texts(tw_ctx *ctx, const tw_idx *images, tw_labels label, tw_labels label_length,
                                             const tw_picture_options *options, tw_dataset *dataset);
/* Picture files: row i of files is sample i with its sequence. Every file's header is read here, its pixels each time
 * the sample is wanted. files is borrowed and must outlive the dataset, the labels are copied. */
TW_API TW_MUST_CHECK tw_err tw_dataset_files(tw_ctx *ctx, const tw_tsv *files, tw_labels label, tw_labels label_length,
                                             const tw_picture_options *options, tw_dataset *dataset);

/* Rows of a table: the features are its columns in their order, without targets and ignored ones, as a picture [1,1,D].
 * The dataset is in_memory. csv is borrowed and must outlive it. */
typedef struct tw_csv_dataset_options {
    const char *const *target; /* columns to predict, by name or number as in tw_csv_column .. */
    int targets;               /* .. so many: tw_batch.target [n,targets]; 0: there is nothing to predict */
    int classes;               /* above 0: the one target is a class 0 .. classes - 1, in tw_batch.label */
    const char *const *ignore; /* columns that are left out .. */
    int ignored;               /* .. so many */
    const double *mean, *std;  /* [columns] of the table: features are (x - mean) / std; NULL: 0, 1; std 0: 1 */
} tw_csv_dataset_options;
TW_API TW_MUST_CHECK tw_err tw_dataset_csv(tw_ctx *ctx, const tw_csv *csv, const tw_csv_dataset_options *options,
                                           tw_dataset *dataset);

typedef struct tw_loader_options {
    int batch; /* samples a batch; the last of an epoch may be smaller */
    uint64_t seed;
    bool shuffle;
    bool drop_last;     /* leave out a smaller last batch */
    int buckets;        /* 0: none; else batches hold samples of like width, from windows of this many batches */
    int width_multiple; /* 0 or 1: none; batch widths are rounded up to it */
    tw_real pad;        /* value right of a narrower sample */
    bool no_thread;     /* prepare batches in tw_loader_next instead of ahead in a thread */
} tw_loader_options;
typedef struct tw_batch {
    int n;                  /* samples */
    const tw_real *x;       /* [n,C,H,W], W the widest */
    int dim[4];             /* n, C, H, W */
    tw_labels width;        /* [n] each sample's own width */
    tw_labels label;        /* classes [n], or the sequences one after another */
    tw_labels label_length; /* [n]; {NULL,0} for classes */
    const size_t *index;    /* [n] which samples of the dataset */
    tw_reals target;        /* [n, targets] */
} tw_batch;
typedef struct tw_loader tw_loader;
typedef struct tw_loader_position { /* where a loader is: the next batch to come */
    int64_t epoch, batch;
} tw_loader_position;

/* dataset is borrowed and must outlive the loader. Room for the largest batch is taken here; next allocates nothing. */
TW_API TW_MUST_CHECK tw_loader *tw_loader_new(tw_ctx *ctx, const tw_dataset *dataset, const tw_loader_options *options);
TW_API void tw_loader_free(tw_loader *loader);
TW_API size_t tw_loader_batches(const tw_loader *loader); /* in an epoch */
/* The next batch of the epoch, borrowed until the next call; *batch NULL at the epoch's end (the call after that
 * begins the next epoch). An error of the dataset names the sample; the position stays where it was. */
TW_API TW_MUST_CHECK tw_err tw_loader_next(tw_loader *loader, const tw_batch **batch);
/* Seeking to what tell said gives the very batches that would have followed, also in another process. */
TW_API tw_loader_position tw_loader_tell(const tw_loader *loader);
TW_API TW_MUST_CHECK tw_err tw_loader_seek(tw_loader *loader, tw_loader_position position);

#ifdef __cplusplus
}
#endif
#endif
