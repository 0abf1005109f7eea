/* phrases.c - see phrases.h. */
#include "phrases.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- invented words ------------------------------------------------------------------------------------
 * A syllable is an onset, a vowel and an ending; what is listed twice comes twice as often. */

static const char *const onsets[] = {
    "b",  "b",  "c",   "c",  "c",  "d",  "d",  "d",  "f",  "f",  "g",  "g",  "h",  "h",  "h",  "j",  "k",
    "l",  "l",  "l",   "m",  "m",  "m",  "n",  "n",  "n",  "p",  "p",  "p",  "qu", "r",  "r",  "r",  "s",
    "s",  "s",  "t",   "t",  "t",  "v",  "v",  "w",  "w",  "x",  "y",  "z",  "bl", "br", "ch", "ch", "cl",
    "cr", "dr", "fl",  "fr", "gl", "gr", "kn", "ph", "pl", "pr", "sc", "sh", "sk", "sl", "sm", "sn", "sp",
    "st", "st", "str", "sw", "th", "th", "tr", "tw", "wh", "wr", "",   "",   "",   ""};
static const char *const vowels[] = {"a",  "a",  "a",  "a",  "e",  "e",  "e",  "e",  "e", "i",  "i",
                                     "i",  "i",  "o",  "o",  "o",  "o",  "u",  "u",  "y", "ai", "au",
                                     "ea", "ee", "ei", "ie", "oa", "oo", "ou", "ow", "ue"};
static const char *const endings[] = {"",   "",   "",   "",   "",   "",   "",   "",   "",   "b",   "c",  "d",
                                      "d",  "f",  "g",  "k",  "l",  "l",  "m",  "m",  "n",  "n",   "n",  "p",
                                      "r",  "r",  "r",  "s",  "s",  "t",  "t",  "v",  "w",  "x",   "z",  "ck",
                                      "ct", "ff", "ft", "gh", "ld", "ll", "lt", "mp", "nd", "ng",  "nk", "nt",
                                      "pt", "rd", "rk", "rm", "rn", "rt", "sh", "ss", "st", "tch", "tt", "zz"};
static const char *const suffixes[] = {"ing",  "ed",  "er",   "s",   "ly",  "ion", "tion", "ness",
                                       "able", "ful", "ment", "est", "ity", "al",  "ive"};

void phrase_invented(dice *d, char text[PHRASE_BYTES]) {
    size_t size = 25;
    int syllables = dice_chance(d, 0.35) ? 1 : dice_chance(d, 0.6) ? 2 : 3;
    text[0] = 0;
    for (int i = 0; i < syllables; i++) {
        size_t n = strlen(text);
        const char *onset = PICK(d, onsets), *vowel = PICK(d, vowels), *ending = PICK(d, endings);
        snprintf(text + n, size - n, "%s%s%s", onset, vowel, ending);
    }
    if (dice_chance(d, 0.25)) {
        size_t n = strlen(text);
        snprintf(text + n, size - n, "%s", PICK(d, suffixes));
    }
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

static void put(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(char *text, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(text, PHRASE_BYTES, format, list);
    va_end(list);
}

void phrase_digits(dice *d, char text[PHRASE_BYTES]) {
    int n = 1 + dice_below(d, 8);
    for (int i = 0; i < n; i++) text[i] = (char)('0' + dice_below(d, 10));
    text[n] = 0;
}

/* Of n digits, the first not 0. */
static int number_of(dice *d, int n) {
    int low = 1;
    while (--n > 0) low *= 10;
    return low + dice_below(d, 9 * low);
}

void phrase_number(dice *d, char text[PHRASE_BYTES]) {
    static const char *const units[] = {"kg", "g",  "ml", "cm", "mm", "km", "mph", "lb",
                                        "oz", "ft", "GB", "V",  "W",  "Hz", "px",  "m"};
    static const char *const money[] = {"$", "$", "$", "EUR ", "USD ", "Rs. ", "Rs "};
    int small = number_of(d, 1 + dice_below(d, 3)), cents = dice_below(d, 100);
    switch (dice_below(d, 14)) {
    case 0:
    case 1:
    case 2:
    case 3: phrase_digits(d, text); break;
    case 4: put(text, "%d", number_of(d, 1 + dice_below(d, 4))); break;
    case 5: put(text, "%s%d.%02d", PICK(d, money), small, cents); break;
    case 6: put(text, "%s%d", PICK(d, money), dice_chance(d, 0.5) ? small : small * 10); break;
    case 7: put(text, "%d.%02d", small, cents); break;
    case 8: put(text, "%d,%03d", small, dice_below(d, 1000)); break;
    case 9: put(text, "%d%%", dice_chance(d, 0.7) ? 5 * (1 + dice_below(d, 20)) : small); break;
    case 10: put(text, "%d%s%s", small, dice_chance(d, 0.3) ? " " : "", PICK(d, units)); break;
    case 11: put(text, "%s%d", dice_chance(d, 0.5) ? "#" : "No. ", small); break;
    case 12: {
        static const char *const ends[] = {"th", "st", "nd", "rd"};
        int n = dice_chance(d, 0.7) ? small % 100 : small, last = n % 10;
        put(text, "%d%s", n, n / 10 % 10 == 1 || last > 3 ? "th" : ends[last]);
        break;
    }
    default: put(text, "%d%c%d", small, "-/+x:."[dice_below(d, 6)], number_of(d, 1 + dice_below(d, 3))); break;
    }
}

void phrase_date(dice *d, char text[PHRASE_BYTES]) {
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    int day = 1 + dice_below(d, 31), month = 1 + dice_below(d, 12), year = 1900 + dice_below(d, 130);
    int hour = dice_below(d, 24), minute = dice_below(d, 60);
    const char *name = months[month - 1];
    char between = "/.-"[dice_below(d, 3)];
    switch (dice_below(d, 10)) {
    case 0: put(text, "%02d%c%02d%c%d", day, between, month, between, year); break;
    case 1: put(text, "%d%c%d%c%02d", day, between, month, between, year % 100); break;
    case 2: put(text, "%d-%02d-%02d", year, month, day); break;
    case 3: put(text, "%d %s %d", day, name, year); break;
    case 4: put(text, "%s %d, %d", name, day, year); break;
    case 5: put(text, "%.3s %d", name, dice_chance(d, 0.5) ? day : year); break;
    case 6: put(text, "%d", year); break;
    case 7: put(text, "%s", dice_chance(d, 0.5) ? name : PICK(d, days)); break;
    case 8:
        put(text, "%d:%02d%s", 1 + hour % 12, minute, dice_chance(d, 0.5) ? "am" : dice_chance(d, 0.5) ? "PM" : " pm");
        break;
    default: put(text, "%02d:%02d", hour, minute); break;
    }
}

void phrase_phone(dice *d, char text[PHRASE_BYTES]) {
    int a = number_of(d, 3), b = number_of(d, 3), c = dice_below(d, 10000);
    switch (dice_below(d, 6)) {
    case 0: put(text, "%d-%d-%04d", a, b, c); break;
    case 1: put(text, "(%d) %d-%04d", a, b, c); break;
    case 2: put(text, "%d.%d.%04d", a, b, c); break;
    case 3: put(text, "%d-%04d", b, c); break;
    case 4: put(text, "+%d %d %d", 1 + dice_below(d, 99), a, 10000 * b + c); break;
    default: put(text, "0%d %d%04d", a, b, c); break;
    }
}

void phrase_code(dice *d, char text[PHRASE_BYTES]) {
    static const char *const shapes[] = {"AA00 AAA", "AAA 000", "AAA-0000", "A00",        "A0",      "00A",
                                         "AA-00-AA", "000AAA",  "A000",     "AA00AA0000", "0000-AA", "A-0",
                                         "AA0",      "0A0 A0A", "AAA000",   "AA 0000",    "AAA",     "AA"};
    char *to = text;
    for (const char *c = PICK(d, shapes); *c; c++)
        *to++ = *c == 'A' ? (char)('A' + dice_below(d, 26)) : *c == '0' ? (char)('0' + dice_below(d, 10)) : *c;
    *to = 0;
}

void phrase_address(dice *d, const char *const word[3], char text[PHRASE_BYTES]) {
    static const char *const ends[] = {"com", "com", "com", "org", "net",  "co.uk",
                                       "de",  "in",  "edu", "io",  "info", "us"};
    const char *end = PICK(d, ends);
    switch (dice_below(d, 6)) {
    case 0: put(text, "www.%.16s.%s", word[0], end); break;
    case 1: put(text, "%.20s.%s", word[0], end); break;
    case 2: put(text, "%.10s@%.12s.%s", word[0], word[1], end); break;
    case 3: put(text, "http://%.14s.%s", word[0], end); break;
    case 4: put(text, "%.12s.%s/%.8s", word[0], end, word[1]); break;
    default: put(text, "%c%.14s", "@#"[dice_below(d, 2)], word[0]); break;
    }
    for (char *c = text; *c; c++) *c = (char)tolower((unsigned char)*c);
}
