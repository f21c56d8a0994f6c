/* test_text.c - text is bounded, and its JSON is valid whatever bytes go in. */
#include "base/text.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_json(const char *name, const char *input, size_t len, const char *expected)
{
    char out[256];
    struct text text = text_on(out, sizeof out);
    text_append_json(&text, input, len);
    cr_assert_str_eq(text_terminate(&text), expected, "%s: %s, where %s was expected", name, out,
                     expected);
    cr_assert_not(text.overflowed);
}

Test(text, json_escapes_what_must_be_escaped)
{
    static const struct {
        const char *name, *input, *expected;
    } rows[] = {
        {"empty", "", "\"\""},
        {"plain", "GET /checkout", "\"GET /checkout\""},
        {"quote and backslash", "a\"b\\c", "\"a\\\"b\\\\c\""},
        {"slash stays", "</script>", "\"</script>\""},
        {"line ends and tab", "\r\n\t", "\"\\r\\n\\t\""},
        {"control characters", "\x01\x1f\b\f", "\"\\u0001\\u001f\\u0008\\u000c\""},
        {"delete", "\x7f", "\"\\u007f\""},
        {"the edges of plain text", " !#[]~", "\" !#[]~\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_json(rows[i].name, rows[i].input, strlen(rows[i].input), rows[i].expected);
    assert_json("a NUL in the middle", "a\0b", 3, "\"a\\u0000b\"");
}

Test(text, utf8_replaces_each_byte_that_is_none)
{
    static const struct {
        const char *name, *input, *expected;
    } rows[] = {
        {"empty", "", ""},
        {"plain, nothing escaped", "a\"\\\n", "a\"\\\n"},
        {"valid", "caf\xc3\xa9 \xf0\x9f\xab\x96", "caf\xc3\xa9 \xf0\x9f\xab\x96"},
        {"between", "a\xff" "b", "a\xef\xbf\xbd" "b"},
        {"cut off at the end", "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"},
        {"a surrogate", "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[64];
        struct text text = text_on(out, sizeof out);
        text_append_utf8(&text, rows[i].input, strlen(rows[i].input));
        cr_expect_str_eq(text_terminate(&text), rows[i].expected, "%s", rows[i].name);
    }
}

Test(text, json_keeps_valid_utf8)
{
    static const struct {
        const char *name, *input;
    } rows[] = {
        {"first of two bytes, U+0080", "\xc2\x80"},
        {"last of two bytes, U+07FF", "\xdf\xbf"},
        {"first of three bytes, U+0800", "\xe0\xa0\x80"},
        {"before the surrogates, U+D7FF", "\xed\x9f\xbf"},
        {"behind the surrogates, U+E000", "\xee\x80\x80"},
        {"last of three bytes, U+FFFF", "\xef\xbf\xbf"},
        {"first of four bytes, U+10000", "\xf0\x90\x80\x80"},
        {"the last of all, U+10FFFF", "\xf4\x8f\xbf\xbf"},
        {"words", "na\xc3\xafve caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\xab\x96"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "\"%s\"", rows[i].input);
        assert_json(rows[i].name, rows[i].input, strlen(rows[i].input), expected);
    }
}

#define R "\xef\xbf\xbd" /* U+FFFD, the replacement character */

Test(text, json_replaces_bytes_that_are_not_utf8)
{
    static const struct {
        const char *name, *input, *expected;
    } rows[] = {
        {"a lone continuation byte", "a\x80z", "\"a" R "z\""},
        {"overlong, two bytes", "\xc0\xaf", "\"" R R "\""},
        {"overlong, the last of them", "\xc1\xbf", "\"" R R "\""},
        {"overlong, three bytes", "\xe0\x9f\xbf", "\"" R R R "\""},
        {"overlong, four bytes", "\xf0\x8f\xbf\xbf", "\"" R R R R "\""},
        {"first surrogate, U+D800", "\xed\xa0\x80", "\"" R R R "\""},
        {"last surrogate, U+DFFF", "\xed\xbf\xbf", "\"" R R R "\""},
        {"beyond U+10FFFF", "\xf4\x90\x80\x80", "\"" R R R R "\""},
        {"a lead byte of no length", "\xf5\x80\x80\x80", "\"" R R R R "\""},
        {"five bytes", "\xf8\x88\x80\x80\x80", "\"" R R R R R "\""},
        {"FE and FF", "\xfe\xff", "\"" R R "\""},
        {"cut after one of two", "\xc3", "\"" R "\""},
        {"cut after two of three", "\xe2\x82", "\"" R R "\""},
        {"cut after three of four", "\xf0\x9f\xab", "\"" R R R "\""},
        {"interrupted by a quote", "\xe2\"\xac", "\"" R "\\\"" R "\""},
        {"valid goes on behind invalid", "\xff\xc3\xa9", "\"" R "\xc3\xa9\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_json(rows[i].name, rows[i].input, strlen(rows[i].input), rows[i].expected);
}

Test(text, json_does_not_read_past_a_cut_sequence)
{
    /* The missing bytes are there, just not part of the string. */
    assert_json("two", "\xc3\xa9", 1, "\"" R "\"");
    assert_json("three", "\xe2\x82\xac", 2, "\"" R R "\"");
    assert_json("four", "\xf0\x9f\xab\x96", 3, "\"" R R R "\"");
}

/* The code point at *@at, moved on behind it; -1 where it is not the shortest form of a scalar
 * value: decoded by arithmetic, unlike in what is tested. */
static long code_point_next(const unsigned char **at)
{
    static const long smallest[] = {0, 0x80, 0x800, 0x10000};
    unsigned char lead = *(*at)++;
    int more = lead < 0x80         ? 0
               : (lead >> 5) == 6  ? 1
               : (lead >> 4) == 14 ? 2
               : (lead >> 3) == 30 ? 3
                                   : -1;
    if (more < 0)
        return -1;
    long value = more == 0 ? lead : lead & (0x3f >> more);
    for (int i = 0; i < more; i++) {
        if ((**at & 0xc0) != 0x80)
            return -1;
        value = value << 6 | (*(*at)++ & 0x3f);
    }
    bool scalar = value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    return scalar && value >= smallest[more] ? value : -1;
}

static bool is_json_string(const unsigned char *at)
{
    if (*at++ != '"')
        return false;
    while (*at != '"') {
        long c = code_point_next(&at);
        if (c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (*at == 'u' && strspn((const char *)at + 1, "0123456789abcdef") >= 4)
            at += 5;
        else if (strchr("\"\\nrt", *at++) == NULL)
            return false;
    }
    return at[1] == '\0';
}

Test(text, json_finds_a_special_byte_wherever_it_stands)
{
    char input[48], expected[64];
    for (size_t len = 1; len <= sizeof input; len++)
        for (size_t at = 0; at < len; at++)
            for (int special = '"'; special; special = special == '"' ? '\\' : 0) {
                memset(input, '~', len);
                input[at] = (char)special;
                int written = snprintf(expected, sizeof expected, "\"%.*s\\%c%.*s\"", (int)at,
                                       input, special, (int)(len - at - 1), input + at + 1);
                cr_assert_lt(written, sizeof expected);
                assert_json("special", input, len, expected);
            }
}

Test(text, json_of_any_bytes_is_valid)
{
    srand(1);
    for (int round = 0; round < 50000; round++) {
        char input[24], out[sizeof input * 6 + 3];
        size_t len = (size_t)rand() % sizeof input;
        for (size_t i = 0; i < len; i++) /* many lead and continuation bytes, some plain ones */
            input[i] = (char)(rand() % 4 ? 0x80 | rand() : rand());
        struct text text = text_on(out, sizeof out);
        text_append_json(&text, input, len);
        cr_assert_not(text.overflowed);
        cr_assert(is_json_string((unsigned char *)text_terminate(&text)), "%s", out);
    }
}

static void append_one_of_each(struct text *text)
{
    text_append(text, "ab", 2);
    text_append_string(text, "cde");
    text_append_char(text, 'f');
    text_append_decimal(text, -1234567890);
    text_append_hex(text, (const uint8_t *)"\x01\xfe", 2);
    text_append_hex_number(text, 0xbeef);
    text_append_json(text, "\"\n\xc3\xa9\xff", 5);
}

Test(text, holds_a_prefix_at_every_capacity_and_never_writes_past_it)
{
    char whole[128], part[128];
    struct text all = text_on(whole, sizeof whole);
    append_one_of_each(&all);
    cr_assert_not(all.overflowed);
    for (size_t capacity = 0; capacity <= all.len + 1; capacity++) {
        memset(part, '#', sizeof part);
        struct text text = text_on(part, capacity);
        append_one_of_each(&text);
        cr_assert_eq(text.len, MIN(capacity, all.len));
        cr_assert_eq(text.overflowed, capacity < all.len, "capacity %zu", capacity);
        cr_assert_arr_eq(part, whole, text.len);
        for (size_t i = capacity; i < sizeof part; i++)
            cr_assert_eq(part[i], '#', "byte %zu written at capacity %zu", i, capacity);
    }
}

Test(text, what_fits_behind_an_overflow_is_left_out_too)
{
    char out[4];
    struct text text = text_on(out, sizeof out);
    text_append(&text, "abcdef", 6);
    text_append_char(&text, 'g');
    cr_assert_eq(text.len, 4);
    cr_assert_arr_eq(out, "abcd", 4);
    cr_assert(text.overflowed);
}

Test(text, decimals)
{
    static const int64_t values[] = {0,  1,   -1,        9,         10,        -10,
                                     99, 100, INT64_MAX, INT64_MIN, INT32_MIN, 1700000000000000};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char out[32], expected[32];
        struct text text = text_on(out, sizeof out);
        text_append_decimal(&text, values[i]);
        snprintf(expected, sizeof expected, "%" PRId64, values[i]);
        cr_assert_str_eq(text_terminate(&text), expected);
    }
}

Test(text, hex_numbers_and_bytes)
{
    static const uint64_t values[] = {0, 9, 10, 15, 16, 0xabcdef, UINT64_MAX, 1ULL << 63};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char out[32], expected[32];
        struct text text = text_on(out, sizeof out);
        text_append_hex_number(&text, values[i]);
        snprintf(expected, sizeof expected, "0x%" PRIx64, values[i]);
        cr_assert_str_eq(text_terminate(&text), expected);
    }
    char out[32];
    struct text text = text_on(out, sizeof out);
    text_append_hex(&text, (const uint8_t *)"\x00\x0f\xf0\xff\x9a", 5);
    cr_assert_str_eq(text_terminate(&text), "000ff0ff9a");
}

Test(text, the_nul_takes_the_last_byte_of_a_full_text)
{
    char out[4] = "####";
    struct text text = text_on(out, 3);
    text_append(&text, "abc", 3);
    cr_assert_not(text.overflowed);
    cr_assert_str_eq(text_terminate(&text), "ab");
    cr_assert(text.overflowed);
    cr_assert_eq(out[3], '#');
}
