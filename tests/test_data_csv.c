/* test_data_csv.c - tables of numbers: what is accepted, what is wrong said with line and column, samples of rows. */
#include "util_files.h"

#include <limits.h>
#include <locale.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(data_csv, .init = begin, .fini = end);

static const tw_csv_options with_header = {.header = true};

static tw_csv load(const char *text, const tw_csv_options *options) {
    tw_csv csv;
    cr_assert_eq(tw_csv_load(ctx, write_text("a.csv", text), options, &csv), TW_OK, "%s", tw_errmsg(ctx));
    return csv;
}

static void check(const char *text, const tw_csv_options *options, size_t rows, int columns, const tw_real *want) {
    tw_csv csv = load(text, options);
    cr_assert(csv.rows == rows && csv.columns == columns, "%s: %zu x %d", text, csv.rows, csv.columns);
    for (size_t i = 0; i < rows * (size_t)columns; i++)
        cr_assert_eq(csv.value[i], want[i], "%s: %g", text, (double)csv.value[i]);
    tw_csv_free(&csv);
    cr_assert(!csv.value && !csv.rows);
}

Test(data_csv, what_is_accepted) {
    const tw_real two[] = {1, 2.5f, -3, 4e2f};
    check("1,2.5\n-3,4e2\n", NULL, 2, 2, two);
    check("1,2.5\n-3,4e2", NULL, 2, 2, two);
    check("\xef\xbb\xbf"
          "1,2.5\r\n\r\n\n  \n-3,400\r\n\r",
          NULL, 2, 2, two);
    check(" 1\t,\t2.5 \n -3 , +400.0E0", NULL, 2, 2, two);
    check("\"1\",\"2.5\"\n \"-3\" , \"400\"\n", NULL, 2, 2, two);
}

Test(data_csv, separators) {
    const tw_real two[] = {1, 2.5f, -3, 400};
    check("1;2.5\n-3;400\n", &(tw_csv_options){.separator = ';'}, 2, 2, two);
    check("1\t2.5\n -3 \t400\n", &(tw_csv_options){.separator = '\t'}, 2, 2, two);
    check("1|2.5\n-3|400\n", &(tw_csv_options){.separator = '|'}, 2, 2, two);
    check("1 2.5\n-3 400\n", &(tw_csv_options){.separator = ' '}, 2, 2, two);
    check(".5\n1.\n", NULL, 2, 1, (const tw_real[]){0.5f, 1});
    static const char no[] = "0e.-+\"\n\r";
    for (const char *c = no; *c; c++) {
        tw_csv csv;
        cr_assert_eq(tw_csv_load(ctx, "a.csv", &(tw_csv_options){.separator = *c}, &csv), TW_ERR_RANGE);
        assert_error(ctx, TW_ERR_RANGE, "cannot separate numbers");
    }
}

Test(data_csv, header_and_columns) {
    tw_csv csv = load("age, \"income, \"\"net\"\"\",age,\"two\nlines\",gr\xc3\xb6\xc3\x9f"
                      "e\n1,2,3,4,5\n\n\"6\",7,8,9,10\n",
                      &with_header);
    cr_assert(csv.rows == 2 && csv.columns == 5);
    cr_assert_str_eq(csv.name[1], "income, \"net\"");
    cr_assert_str_eq(csv.name[3], "two\nlines");
    cr_assert(csv.line[0] == 3 && csv.line[1] == 5);
    cr_assert_eq(tw_csv_column(ctx, &csv, "income, \"net\""), 1);
    cr_assert_eq(tw_csv_column(ctx, &csv,
                               "gr\xc3\xb6\xc3\x9f"
                               "e"),
                 4);
    cr_assert(tw_csv_column(ctx, &csv, "0") == 0 && tw_csv_column(ctx, &csv, "4") == 4);
    cr_assert(tw_csv_column(ctx, &csv, "-1") == 4 && tw_csv_column(ctx, &csv, "-5") == 0);
    static const struct {
        const char *column, *part;
    } bad[] = {{"age", "columns 0 and 2 are both called \"age\"; give a number"},
               {"5", "no column \"5\" among 5"},
               {"-6", "no column \"-6\" among 5"},
               {"", "no column \"\""},
               {"1x", "no column \"1x\""},
               {"99999999999999999999", "no column"},
               {"two\nline", "no column \"two?line\" among 5; did you mean \"two?lines\"?"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(tw_csv_column(ctx, &csv, bad[i].column), -1);
        assert_error(ctx, TW_ERR_RANGE, bad[i].part);
    }
    double mean, std;
    tw_csv_mean_std(&csv, 0, &mean, &std);
    cr_assert(mean == 3.5 && std == 2.5);
    for (int i = 0; i < 4; i++) {
        mean = std = 1;
        tw_csv_mean_std(&csv, (const int[]){-1, 5, INT_MIN, INT_MAX}[i], &mean, &std);
        cr_assert(isnan(mean) && isnan(std), "what tw_csv_column returns after an error is no column");
    }
    tw_csv_free(&csv);
    csv = load("3,1\n2,1\n1,1\n", &with_header); /* names may be digits, and come first */
    cr_assert(tw_csv_column(ctx, &csv, "1") == 1 && tw_csv_column(ctx, &csv, "3") == 0);
    tw_csv_free(&csv);
    csv = load("a,\"b\r\nc\"\r\n1,2\r\n", &with_header);
    cr_assert(csv.rows == 1 && csv.columns == 2);
    cr_assert_str_eq(csv.name[1], "b\r\nc");
    tw_csv_free(&csv);
    csv = load("a,b\n", &with_header);
    cr_assert(csv.rows == 0 && csv.columns == 2);
    tw_csv_mean_std(&csv, 1, &mean, &std);
    cr_assert(mean == 0 && std == 0);
    tw_csv_mean_std(&csv, 2, &mean, &std);
    cr_assert(isnan(mean) && isnan(std));
    tw_csv_free(&csv);
}

Test(data_csv, what_is_wrong) {
    static const struct {
        const char *text;
        bool header;
        const char *part;
    } cases[] = {
        {"", false, ": the file is empty"},
        {"\n  \n\r\n", true, ": the file is empty"},
        {"a,b\n1,2\n", false, ":1: column 0: \"a\" is no number; is this line a header?"},
        {"a,b\n1,2\n3,\n", true, ":3: column 1 (\"b\"): the value is missing (\"\")"},
        {"a,b\n1,2\n,3\n", true, ":3: column 0 (\"a\"): the value is missing"},
        {"a,b\n1,2\n3,NA\n", true, ":3: column 1 (\"b\"): the value is missing (\"NA\")"},
        {"1,NaN\n", false, ":1: column 1: the value is missing (\"NaN\")"},
        {"1,2\n3,\"\"\n", false, ":2: column 1: the value is missing"},
        {"1,2\n3,inf\n", false, ":2: column 1: \"inf\" is no number"},
        {"1,2\n3,0x10\n", false, "\"0x10\" is no number"},
        {"1,2\n3,1e\n", false, "\"1e\" is no number"},
        {"1,2\n3,1.2.3\n", false, "\"1.2.3\" is no number"},
        {"1,2\n3,.\n", false, "\".\" is no number"},
        {"1,2\n3,1 2\n", false, "\"1 2\" is no number"},
        {"1,2\n3,1e400\n", false, ":2: column 1: \"1e400\" is too large a number"},
        {"1,2\n3,-2e308\n", false, "too large"},
        {"1,2\n3\n", false, ":2: 1 fields where the first row has 2"},
        {"1,2\n\n3,4,5\n", false, ":3: 3 fields where the first row has 2"},
        {"1,2\n3,4,x\n", false, ":2: 3 fields"},
        {"a,b\n1,2,\n", true, ":2: 3 fields where the header has 2"},
        {"a,b\n1,\"2\n\n3,4\n", true, ":2: the quote that begins in this line has no end"},
        {"1,\"2\"x\n", false, ":1: something follows a closing quote"},
        {"a,b\n1,\xff\n", true, ":2: column 1 (\"b\"): \"?\" is no number"},
        {"a\xff,b\n1,2\n", true, ":1: the name of column 0 is not UTF-8"},
        {"1,2\r3,4\r", false, ":1: column 1: \"2?3\" is no number"},
        {"a,b\r1,2\r3,4\r", true, ":1: the name of column 1 has a CR; lines end with LF or CRLF, not with CR alone"},
        {"1,2\n3,\x1b[31m\n", false, "\"?[31m\" is no number"},
        {"1,2\n3,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", false,
         "aaa..\" is no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_csv csv;
        const char *path = write_text("bad.csv", cases[i].text);
        tw_err err = tw_csv_load(ctx, path, &(tw_csv_options){.header = cases[i].header}, &csv);
        assert_sentence(ctx, err, TW_ERR_FORMAT, path, cases[i].part);
        cr_assert(!csv.rows && !csv.value && !csv.name && !csv.path && !csv.memory);
    }
    tw_csv csv;
    const char *path = write_file("zero.csv", "1,2\n3,\0\n", 8);
    assert_sentence(ctx, tw_csv_load(ctx, path, NULL, &csv), TW_ERR_FORMAT, path, ":2: a NUL byte");
    assert_sentence(ctx, tw_csv_load(ctx, "/nowhere.csv", NULL, &csv), TW_ERR_IO, "/nowhere.csv", "cannot be opened");
    if (sizeof(tw_real) == 4) {
        path = write_text("large.csv", "1e39\n");
        assert_sentence(ctx, tw_csv_load(ctx, path, NULL, &csv), TW_ERR_FORMAT, path, "too large");
    }
}

/* Numbers have a point, whatever the process's locale says: a comma, or a character of two bytes. */
Test(data_csv, locale) {
    static const char *const other[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "fa_IR.UTF-8"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (setlocale(LC_NUMERIC, other[i]))
            check("1.5;2\n", &(tw_csv_options){.separator = ';'}, 1, 2, (const tw_real[]){1.5f, 2});
    setlocale(LC_NUMERIC, "C");
}

/* Any change of a byte: a table or a sentence, and no byte outside the file's is looked at. */
Test(data_csv, random_damage) {
    static const char good[] = "a,\"b\"\"c\",d\r\n1,2,3\n\"4\",5.5,6e1\n\n7,8,\"9\"\n", bytes[] = "\",\n\r 1x\xff.";
    char bad[sizeof good];
    const char *path = write_text("damaged.csv", "");
    for (unsigned i = 0; i < 3000; i++) {
        size_t size = 1 + tw_random_bits(1, i) % (sizeof good - 1);
        memcpy(bad, good, sizeof good);
        for (unsigned k = 0; k < 3; k++)
            bad[tw_random_bits(2, 3 * i + k) % size] = bytes[tw_random_bits(3, 3 * i + k) % (sizeof bytes - 1)];
        FILE *out = fopen(path, "wb");
        cr_assert(out && fwrite(bad, 1, size, out) == size && !fclose(out));
        tw_csv csv;
        if (tw_csv_load(ctx, path, &(tw_csv_options){.header = i % 2}, &csv)) {
            cr_assert_null(strchr(tw_errmsg(ctx), '\n'));
            tw_error_clear(ctx);
        }
        tw_csv_free(&csv);
    }
}

/* ---- rows as samples -------------------------------------------------------------------------------------- */

static const char flowers[] = "id,length,width,kind,weight\n"
                              "10,1,20,0,0.5\n"
                              "11,2,30,2,1.5\n"
                              "12,3,40,1,2.5\n"
                              "13,6,50,0,-3.5\n"
                              "14,8,60,1,4.5\n";

static const tw_batch *first_batch(tw_loader *loader) {
    const tw_batch *b;
    cr_assert_not_null(loader, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_loader_next(loader, &b), TW_OK, "%s", tw_errmsg(ctx));
    return b;
}

Test(data_csv, classes) {
    tw_csv csv = load(flowers, &with_header);
    double mean[5], std[5];
    for (int c = 0; c < 5; c++) tw_csv_mean_std(&csv, c, &mean[c], &std[c]);
    const char *const kind[] = {"kind"}, *const rest[] = {"id", "-1"};
    tw_dataset data;
    cr_assert_eq(tw_dataset_csv(ctx, &csv,
                                &(tw_csv_dataset_options){.target = kind,
                                                          .targets = 1,
                                                          .classes = 3,
                                                          .ignore = rest,
                                                          .ignored = 2,
                                                          .mean = mean,
                                                          .std = std},
                                &data),
                 TW_OK, "%s", tw_errmsg(ctx));
    for (int thread = 0; thread < 2; thread++) {
        data.in_memory = !thread;
        tw_loader *loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 3});
        const tw_batch *b = first_batch(loader);
        cr_assert(b->n == 3 && b->dim[1] == 1 && b->dim[2] == 1 && b->dim[3] == 2);
        cr_assert(b->label.n == 3 && b->label.v[0] == 0 && b->label.v[1] == 2 && b->label.v[2] == 1);
        cr_assert(b->target.n == 0 && b->label_length.n == 0);
        cr_assert_float_eq((double)b->x[2], (2 - mean[1]) / std[1], 1e-6);
        cr_assert_float_eq((double)b->x[3], (30 - mean[2]) / std[2], 1e-6);
        b = first_batch(loader);
        cr_assert(b->n == 2 && b->index[1] == 4 && b->label.v[1] == 1);
        tw_loader_free(loader);
    }
    tw_dataset_free(&data);
    tw_csv_free(&csv);
}

Test(data_csv, numbers_to_predict) {
    tw_csv csv = load(flowers, &with_header);
    const char *const target[] = {"weight", "1"}, *const ignore[] = {"id"};
    tw_dataset data;
    cr_assert_eq(tw_dataset_csv(
                     ctx, &csv,
                     &(tw_csv_dataset_options){.target = target, .targets = 2, .ignore = ignore, .ignored = 1}, &data),
                 TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(data.count == 5 && data.targets == 2 && data.max_width == 2);
    tw_loader *loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 4, .shuffle = true, .seed = 3});
    const tw_batch *b;
    int seen = 0;
    while (!tw_loader_next(loader, &b) && b)
        for (int i = 0; i < b->n; i++, seen++) {
            const tw_real *row = csv.value + b->index[i] * 5;
            cr_assert(b->x[2 * i] == row[2] && b->x[2 * i + 1] == row[3]);
            cr_assert(b->target.v[2 * i] == row[4] && b->target.v[2 * i + 1] == row[1]);
            cr_assert(b->target.n == 2 * (size_t)b->n && b->label.n == 0);
        }
    cr_assert_eq(seen, 5);
    tw_loader_free(loader);
    tw_dataset_free(&data);

    cr_assert_eq(tw_dataset_csv(ctx, &csv, NULL, &data), TW_OK, "nothing to predict");
    loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 5});
    b = first_batch(loader);
    cr_assert(b->n == 5 && b->dim[3] == 5 && b->x[24] == 4.5f && b->label.n == 0 && b->target.n == 0);
    tw_loader_free(loader);
    tw_dataset_free(&data);
    tw_csv_free(&csv);
}

Test(data_csv, datasets_that_cannot_be) {
    tw_csv csv = load(flowers, &with_header);
    tw_dataset data;
    const char *const kind[] = {"kind"}, *const weight[] = {"weight"}, *const twice[] = {"kind", "3"},
                      *const unknown[] = {"lenght"}, *const all[] = {"0", "1", "2", "3", "4"};
    const double bad_std[] = {1, 1, -1, 1, 1};
    const struct {
        tw_csv_dataset_options options;
        const char *part;
    } cases[] = {
        {{.target = kind, .targets = 1, .classes = 2}, ":3: column 3: 2 is no class; those are 0 .. 1"},
        {{.target = weight, .targets = 1, .classes = 2}, ":2: column 4: 0.5 is no class"},
        {{.target = twice, .targets = 2}, ": column 3 is named twice"},
        {{.target = kind, .targets = 1, .ignore = kind, .ignored = 1}, ": column 3 is named twice"},
        {{.target = twice, .targets = 2, .classes = 3}, "a class is one target"},
        {{.classes = 3}, ": a class is one target, not 0"},
        {{.targets = -1}, ": targets -1, classes 0 or ignored 0 is negative"},
        {{.ignored = -2}, ": targets 0, classes 0 or ignored -2 is negative"},
        {{.target = unknown, .targets = 1}, "no column \"lenght\" among 5; did you mean \"length\"?"},
        {{.target = all, .targets = 5}, "no column is left as a feature"},
        {{.target = all, .targets = 6}, "6 targets among 5 columns"},
        {{.std = bad_std}, "the standard deviation of column 2 cannot be -1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tw_err err = tw_dataset_csv(ctx, &csv, &cases[i].options, &data);
        assert_sentence(ctx, err, TW_ERR_RANGE, csv.path, cases[i].part);
        cr_assert(!data.get && !data.user);
    }
    tw_csv_free(&csv);
    cr_assert_eq(tw_dataset_csv(ctx, &csv, NULL, &data), TW_ERR_STATE);
    assert_error(ctx, TW_ERR_STATE, "the table was not loaded");
}

/* A dataset of targets, in which nothing is a label. */
static tw_err square(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    (void)stream, (void)message, (void)size;
    sample->x[0] = (tw_real)i;
    sample->width = 1;
    sample->target[0] = (tw_real)(i * i);
    sample->label_length = *(int *)user;
    return TW_OK;
}
Test(data_csv, targets_of_ones_own) {
    int length = 0;
    tw_dataset data =
        {.count = 7, .channels = 1, .height = 1, .max_width = 1, .targets = 1, .user = &length, .get = square};
    tw_loader *loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 7});
    const tw_batch *b = first_batch(loader);
    for (int i = 0; i < 7; i++) cr_assert(b->x[i] == i && b->target.v[i] == i * i);
    tw_loader_free(loader);
    length = 1;
    loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 7});
    cr_assert_eq(tw_loader_next(loader, &b), TW_ERR_RANGE);
    assert_error(ctx, TW_ERR_RANGE, "label length outside");
    tw_loader_free(loader);
    data.targets = -1;
    cr_assert_null(tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 7}));
    tw_error_clear(ctx);
    data.targets = 0;
    cr_assert_null(tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 7}), "neither labels nor targets");
}
