/* test_utf8.c - what is UTF-8 and what is not, at every length: pieces of 8 and 16 bytes are looked at at once. */
#include "base/utf8.h"

#include "base/text.h"
#include "support/guarded.h"
#include "support/random.h"
#include "support/utf8_check.h"

#include <criterion/criterion.h>
#include <string.h>

Test(utf8, one_bad_byte_is_found_wherever_it_is)
{
    char bytes[80];
    for (size_t len = 0; len < sizeof bytes; len++) {
        memset(bytes, 'x', sizeof bytes);
        cr_assert_eq(utf8_repaired_len(guarded(bytes, len), len), len);
        for (size_t at = 0; at < len; at++) {
            bytes[at] = (char)0x80;
            cr_assert_eq(utf8_repaired_len(guarded(bytes, len), len), len + 2, "%zu of %zu", at, len);
            cr_assert_not(utf8_is_valid(guarded(bytes, len), len));
            bytes[at] = 'x';
        }
    }
}

Test(utf8, valid_sequences_stay)
{
    static const char *const rows[] = {"", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf",
                                       "caf\xc3\xa9 \xe2\x82\xac", "plain and then more than sixteen \xf0\x9f\xab\x96"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect(utf8_is_valid(rows[i], strlen(rows[i])), "%s", rows[i]);
}

Test(utf8, each_byte_of_no_sequence_becomes_a_replacement)
{
    static const struct {
        const char *name, *input, *expected;
    } rows[] = {
        {"overlong", "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"a surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"beyond the last", "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut off", "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},
        {"between good ones", "\xc3\xa9\xff\xc3\xa9", "\xc3\xa9\xef\xbf\xbd\xc3\xa9"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        struct text text = text_on(out, sizeof out);
        text_append_utf8(&text, rows[i].input, strlen(rows[i].input));
        cr_expect_str_eq(text_terminate(&text), rows[i].expected, "%s", rows[i].name);
    }
}

Test(utf8, the_length_told_is_the_length_written)
{
    uint64_t seed = 1;
    char bytes[40], out[3 * sizeof bytes];
    for (int i = 0; i < 100000; i++) {
        size_t len = random_below(&seed, sizeof bytes);
        for (size_t at = 0; at < len; at++) /* what sequences are made of, mostly */
            bytes[at] = (char)(random_chance(&seed, 2) ? 0x80 | random_below(&seed, 0x40) : random_next(&seed) | 0xc0);
        const char *input = guarded(bytes, len);
        struct text text = text_on(out, sizeof out);
        text_append_utf8(&text, input, len);
        cr_assert_eq(text.len, utf8_repaired_len(input, len));
        cr_assert(utf8_is_all(out, text.len));
        cr_assert_eq(utf8_is_valid(input, len), utf8_is_all(input, len));
    }
}
