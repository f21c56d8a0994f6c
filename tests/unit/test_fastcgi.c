/* test_fastcgi.c - records, parameters and answers' heads are told the same however their bytes arrive. */
#include "wire/cgi_head.h"
#include "wire/fastcgi.h"
#include "wire/fastcgi_params.h"

#include "support/fastcgi_bytes.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

struct log {
    char text[1 << 14];
    size_t len;
};

static void log_add(struct log *log, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log->len += (size_t)vsnprintf(log->text + log->len, sizeof log->text - log->len, format, arguments);
    va_end(arguments);
    cr_assert_lt(log->len, sizeof log->text);
}

static struct fastcgi_bytes g_input;

/* ---- records ---- */

/* Pieces of one record's content are told as one. */
static void event_note(struct log *log, const struct fastcgi_event *event, size_t *stream_end)
{
    bool is_continued = event->type == FASTCGI_STREAM && event->offset == *stream_end && log->len;
    if (event->type == FASTCGI_STREAM && !is_continued)
        log_add(log, "|%d.%d@%d ", event->record_type, event->request_id, (int)event->offset);
    if (event->type == FASTCGI_STREAM) {
        log_add(log, "%.*s", (int)event->len, event->bytes);
        *stream_end = event->offset + event->len;
    } else if (event->type == FASTCGI_STREAM_END) {
        log_add(log, "|%d.%d.end@%d", event->record_type, event->request_id, (int)event->offset);
    } else if (event->type == FASTCGI_END) {
        log_add(log, "|end.%d=%d", event->request_id, event->protocol_status);
    } else if (event->type != FASTCGI_MORE) {
        log_add(log, event->type == FASTCGI_BEGIN ? "|begin.%d" : "|invalid", event->request_id);
    }
}

static enum fastcgi_event_type feed(struct fastcgi_parser *parser, struct log *log, const char *bytes, size_t len)
{
    static size_t stream_end;
    const char *input = guarded(bytes, len);
    struct fastcgi_event event = {.type = FASTCGI_MORE};
    for (size_t at = 0; event.type != FASTCGI_INVALID;) {
        at += fastcgi_next(parser, input + at, len - at, &event);
        event_note(log, &event, &stream_end);
        if (event.type == FASTCGI_MORE)
            return event.type;
    }
    return event.type;
}

static const char *records_of(size_t split)
{
    static struct log log;
    struct fastcgi_parser parser;
    log.len = 0;
    fastcgi_init(&parser);
    if (feed(&parser, &log, g_input.bytes, split) != FASTCGI_INVALID)
        feed(&parser, &log, g_input.bytes + split, g_input.len - split);
    return log.text;
}

Test(fastcgi, records_split_at_every_byte)
{
    g_input.len = 0;
    fastcgi_add_begin(&g_input, 258);
    fastcgi_add_record(&g_input, 9, 0, "abc", 3, 5); /* a management record */
    fastcgi_add_record(&g_input, FASTCGI_PARAMS, 258, "params", 6, 2);
    fastcgi_add_record(&g_input, FASTCGI_PARAMS, 258, "", 0, 7);
    fastcgi_add_record(&g_input, 7, 258, "standard error", 14, 0);
    fastcgi_add_record(&g_input, 200, 258, "later", 5, 0);
    fastcgi_add_record(&g_input, FASTCGI_STDOUT, 258, "out", 3, 0);
    fastcgi_add_end(&g_input, 258, 2);
    for (size_t split = 0; split <= g_input.len; split++)
        cr_assert_str_eq(records_of(split), "|begin.258|4.258@40 params|4.258.end@48|6.258@106 out|end.258=2",
                         "split at %zu", split);
}

Test(fastcgi, what_is_no_record_is_invalid_for_good)
{
    static const struct {
        const char *name, *header;
    } rows[] = {{"version", "\2\1\0\1\0\10\0\0"}, {"begin", "\1\1\0\1\0\11\0\0"}, {"end", "\1\3\0\1\0\7\0\0"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        g_input.len = 0;
        fastcgi_add(&g_input, rows[i].header, FASTCGI_HEADER_LEN);
        fastcgi_add_begin(&g_input, 1);
        for (size_t split = 0; split <= g_input.len; split++)
            cr_assert_str_eq(records_of(split), "|invalid", "%s", rows[i].name);
    }
}

Test(fastcgi, the_first_header_tells_a_connection)
{
    static const struct {
        const char *header;
        size_t len;
        bool is_known;
    } rows[] = {{"\1\1\0\1\0\10\0\0", 8, true},  {"\1\1\0\1\0\10\0", 7, false},    {"\1\1\1\0\0\10\3\0\0\1", 10, true},
                {"\1\1\0\0\0\10\0\0", 8, false}, {"\1\4\0\1\0\10\0\0", 8, false}, {"\1\1\0\1\1\10\0\0", 8, false},
                {"GET / HT", 8, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_assert_eq(fastcgi_recognise(guarded(rows[i].header, rows[i].len), rows[i].len), rows[i].is_known, "%zu", i);
}

Test(fastcgi, content_that_goes_by_unseen)
{
    struct fastcgi_parser parser;
    struct fastcgi_event event;
    struct log log = {.len = 0};
    g_input.len = 0;
    fastcgi_add_record(&g_input, FASTCGI_STDIN, 1, "123456", 6, 2);
    fastcgi_init(&parser);
    cr_assert_not(fastcgi_skip(&parser, 1, &event));
    feed(&parser, &log, g_input.bytes, FASTCGI_HEADER_LEN + 1);
    cr_assert_not(fastcgi_skip(&parser, 6, &event), "the padding is no content");
    cr_assert(fastcgi_skip(&parser, 5, &event));
    cr_assert(event.type == FASTCGI_STREAM && event.record_type == FASTCGI_STDIN && event.len == 5);
    cr_assert_not(fastcgi_skip(&parser, 1, &event));
    feed(&parser, &log, g_input.bytes + FASTCGI_HEADER_LEN + 6, 2);
    cr_assert_eq(parser.offset, g_input.len);
    feed(&parser, &log, "\1\5\0\1\0\0\0\0", FASTCGI_HEADER_LEN);
    cr_assert_str_eq(log.text, "|5.1@8 1|5.1.end@16");
}

/* ---- parameters ---- */

static void pairs_feed(struct fastcgi_params *params, struct log *log, const char *bytes, size_t len, uint64_t offset)
{
    const char *input = guarded(bytes, len);
    struct fastcgi_pair pair;
    for (size_t at = 0;;) {
        at += fastcgi_params_next(params, input + at, len - at, offset + at, &pair);
        if (!pair.is_complete)
            break;
        log_add(log, "|%.*s=%.*s@%d", (int)pair.name_len, pair.name, (int)pair.value_len, pair.value,
                pair.value_len ? (int)pair.offset : 0);
    }
}

Test(fastcgi, parameters_split_at_every_byte)
{
    static const char *const pairs[] = {"A", "1", "EMPTY", "", "", "", "", "x", "LONGER",
                                        "0123456789012345678901234567890123456789012345678901234567890123456789"
                                        "012345678901234567890123456789012345678901234567890123456789",
                                        "END", "", NULL};
    char expected[512];
    snprintf(expected, sizeof expected, "|A=1@3|EMPTY=@0|=@0|=x@15|LONGER=%s@27|END=@0", pairs[9]);
    g_input.len = 0;
    fastcgi_add_pairs(&g_input, pairs);
    for (size_t split = 0; split <= g_input.len; split++) {
        static struct fastcgi_params params;
        struct log log = {.len = 0};
        fastcgi_params_init(&params);
        pairs_feed(&params, &log, g_input.bytes, split, 0);
        pairs_feed(&params, &log, g_input.bytes + split, g_input.len - split, split);
        cr_assert_str_eq(log.text, expected, "%zu", split);
        cr_assert(fastcgi_params_is_between(&params), "%zu", split);
    }
}

Test(fastcgi, a_value_with_a_header_in_its_middle_lies_nowhere)
{
    struct fastcgi_params params;
    struct fastcgi_pair pair;
    fastcgi_params_init(&params);
    fastcgi_params_next(&params, "\1\4Aab", 5, 100, &pair);
    cr_assert_not(pair.is_complete || fastcgi_params_is_between(&params));
    cr_assert_eq(fastcgi_params_next(&params, "cd\1", 3, 113, &pair), 2);
    cr_assert(pair.is_complete && pair.offset == FASTCGI_NO_OFFSET);
    cr_assert_arr_eq(pair.value, "abcd", 4);
}

Test(fastcgi, what_is_too_long_is_cut)
{
    static char value[FASTCGI_VALUE_LEN_MAX + 11], name[FASTCGI_NAME_LEN_MAX + 2];
    static struct fastcgi_params params;
    struct fastcgi_pair pair;
    memset(value, 'v', sizeof value - 1);
    memset(name, 'N', sizeof name - 1);
    g_input.len = 0;
    fastcgi_add_pair(&g_input, name, value);
    fastcgi_add_pair(&g_input, name + 1, "x");
    fastcgi_params_init(&params);
    size_t at = 0;
    while (at < 8000)
        at += fastcgi_params_next(&params, g_input.bytes + at, 1, at, &pair);
    at += fastcgi_params_next(&params, g_input.bytes + at, g_input.len - at, at, &pair);
    cr_assert(pair.is_complete && pair.is_cut && pair.name_len == 0);
    cr_assert_eq(pair.value_len, (size_t)FASTCGI_VALUE_LEN_MAX);
    fastcgi_params_next(&params, g_input.bytes + at, g_input.len - at, at, &pair);
    cr_assert(pair.is_complete && !pair.is_cut && pair.name_len == FASTCGI_NAME_LEN_MAX);
}

Test(fastcgi, a_length_that_nobody_means_is_waited_for_in_vain)
{
    struct fastcgi_params params;
    struct fastcgi_pair pair;
    fastcgi_params_init(&params);
    cr_assert_eq(fastcgi_params_next(&params, "\xff\xff\xff\xff\xff\xff\xff\xffNAME", 12, 0, &pair), 12);
    cr_assert_not(pair.is_complete);
}

/* ---- the head of an answer ---- */

Test(fastcgi, the_status_of_an_answer_split_at_every_byte)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {{"Content-Type: text/html\r\n\r\n", 200},
                {"Status: 404 Not Found\r\nContent-type: a\r\n\r\n", 404},
                {"X-A: 1\nstatus:503\n\n", 503},
                {"\r\n", 200},
                {"\n", 200},
                {"Status: 20\r\n\r\n", 0},
                {"Status: 099 x\r\n\r\n", 0},
                {"Status: 2000\r\n\r\n", 0},
                {"Location: http://h/\r\n\r\n", 302},
                {"Location: /local\r\n\r\n", 0},
                {"Location: /local\r\nStatus: 301\r\n\r\n", 301},
                {"X-Status: 500\r\nStatusx: 501\r\n\r\n", 200},
                {"X-Long: 0123456789012345678901234567890123456789\r\nStatus: 201 Created, for a reason\r\n\r\n", 201}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].head);
        g_input.len = 0;
        fastcgi_add(&g_input, rows[i].head, len);
        fastcgi_add(&g_input, "body\n\n", 6);
        for (size_t split = 0; split <= g_input.len; split++) {
            struct cgi_head head;
            cgi_head_init(&head);
            size_t taken = cgi_head_take(&head, guarded(g_input.bytes, split), split);
            taken += cgi_head_take(&head, guarded(g_input.bytes + split, g_input.len - split), g_input.len - split);
            cr_assert(head.is_done && taken == len, "%s, split at %zu", rows[i].head, split);
            cr_assert_eq(cgi_head_status(&head), rows[i].status, "%s: %d", rows[i].head, cgi_head_status(&head));
        }
    }
}
