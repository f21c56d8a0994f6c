#include "view/html_columns.h"
#include "view/html_pack.h"
#include "view/trace_list.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* What a browser's atob() makes of it. Returns its length. */
static size_t base64_decode(const char *text, size_t len, uint8_t *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t count = 0;
    cr_assert_eq(len % 4, 0);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;
        size_t letter_count = 4;
        for (size_t j = 0; j < 4; j++) {
            const char *letter = memchr(letters, text[i + j], 64);
            letter_count -= text[i + j] == '=';
            cr_assert(letter || (text[i + j] == '=' && i + 4 == len));
            bits = bits << 6 | (letter ? (uint32_t)(letter - letters) : 0);
        }
        for (size_t j = 0; j + 1 < letter_count; j++)
            out[count++] = (uint8_t)(bits >> (16 - 8 * j));
    }
    return count;
}

static void round_trip(const char *bytes, size_t len)
{
    char *text;
    size_t text_len;
    FILE *out = open_memstream(&text, &text_len);
    cr_assert_eq(html_pack(bytes, len, out), 0);
    fclose(out);
    uint8_t *packed = malloc(text_len + 4), *back = malloc(len + 1);
    uLongf back_len = len + 1;
    size_t packed_len = base64_decode(text, text_len, packed);
    cr_assert_eq(uncompress(back, &back_len, packed, packed_len), Z_OK);
    cr_assert_eq(back_len, len);
    cr_expect_eq(memcmp(back, bytes, len), 0);
    free(packed);
    free(back);
    free(text);
}

Test(view_html, what_is_packed_comes_back)
{
    enum { LEN = 300000 };
    char *bytes = malloc(LEN);
    uint32_t seed = 1;
    for (size_t i = 0; i < LEN; i++)
        bytes[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
    for (size_t len = 0; len < 20; len++)
        round_trip(bytes, len);
    round_trip(bytes, LEN); /* several pieces */
    memset(bytes, 'a', LEN);
    round_trip(bytes, LEN);
    free(bytes);
}

static char *printed(struct html_columns *columns)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cr_assert_eq(html_columns_print(columns, out), 0);
    fclose(out);
    html_columns_free(columns);
    return text;
}

Test(view_html, equal_values_are_kept_once)
{
    static const char line[] =
        "{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\",\"spanId\":\"cb3c1c71a3c1f46a\",\"name\":\"GET\","
        "\"timestamp\":1005,\"duration\":7,\"kind\":\"CLIENT\",\"status\":{\"code\":\"OK\"},"
        "\"attributes\":{\"a\":\"GET\",\"b\":12,\"c\":-1},\"events\":[{\"name\":\"e\",\"timestamp\":1003}]}\n";
    struct html_columns columns;
    cr_assert_eq(html_columns_begin(&columns, 1000), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(html_columns_add(&columns, line, sizeof line - 1), 0);
    char *text = printed(&columns);
    cr_expect_str_eq(text,
                     "\"values\":[\"0af7651916cd43dd8448eb211c80319c\",\"GET\",\"CLIENT\",\"OK\",null,[\"a\",\"b\",\"c\"],-1,"
                     "\"e\",[]],\"trace\":[0,0],\"id\":\"cb3c1c71a3c1f46acb3c1c71a3c1f46a\","
                     "\"parent\":\"                                \",\"name\":[1,1],\"kind\":[2,2],\"status\":[3,3],"
                     "\"message\":[4,4],\"start\":[5,5],\"duration\":[7,7],\"resource\":[4,4],"
                     "\"details\":[4,5,3,24,13,1,7,-2,8,0,4,5,3,24,13,1,7,-2,8,0]");
    free(text);
}

Test(view_html, no_span_at_all_is_still_json)
{
    struct html_columns columns;
    cr_assert_eq(html_columns_begin(&columns, 0), 0);
    cr_assert_neq(html_columns_add(&columns, "{}", 2), 0);
    char *text = printed(&columns);
    cr_expect(strstr(text, "\"values\":[],\"trace\":[],\"id\":\"\""));
    free(text);
}

Test(view_html, a_page_has_the_failed_and_the_slow_first)
{
    struct trace_entry entries[] = {
        {.span_count = 40, .total_us = 10},
        {.span_count = 40, .total_us = 30},
        {.span_count = 500, .total_us = 50},
        {.span_count = 10, .total_us = 5, .error_count = 1},
    };
    struct trace_list list = {.entries = entries, .count = 4};
    cr_assert_eq(trace_list_select_spans(&list, 60), 0);
    cr_expect_eq(list.shown_count, 2);
    cr_expect(entries[3].is_shown && entries[1].is_shown && !entries[2].is_shown && !entries[0].is_shown);
    entries[3].error_count = entries[1].is_shown = entries[3].is_shown = false;
    list.shown_count = 0;
    cr_assert_eq(trace_list_select_spans(&list, 60), 0);
    cr_expect(entries[2].is_shown && list.shown_count == 1, "the first of all, however large");
}
