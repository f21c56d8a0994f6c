/* test_http1.c - the same events come out of a message however its bytes arrive. */
#include "wire/http1.h"

#include "base/compiler.h"
#include "support/framing.h"
#include "support/guarded.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct http1_fields ALL_FIELDS = {UINT32_MAX, UINT32_MAX};
static const struct http1_fields HOST_FIELD = {HTTP1_LETTER('H'), 1U << 4};

/* What the parser said, with everything left out that may depend on how the input was cut. */
struct log {
    char text[32768];
    size_t len;
    size_t offsets[512]; /* in the input, of each event that is in the text */
    size_t count;
    uint64_t body_len;
    bool is_in_body;
    bool is_invalid;
    size_t start_at; /* where the text of the last MESSAGE_START begins */
};

struct reader {
    struct http1_parser parser;
    struct http1_line line;
    bool is_head; /* the responses answer HEAD */
    bool has_line;
    int status;
    size_t offset;
    struct log log;
};

static void log_add(struct log *log, size_t offset, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(log->text + log->len, sizeof log->text - log->len, format, arguments);
    va_end(arguments);
    log->len += (size_t)len;
    if (log->len >= sizeof log->text || log->count == ARRAY_LEN(log->offsets))
        cr_assert_fail("too much to log");
    log->offsets[log->count++] = offset;
}

static void body_flush(struct log *log)
{
    if (log->is_in_body)
        log_add(log, 0, "body %llu|", (unsigned long long)log->body_len);
    log->is_in_body = false;
    log->body_len = 0;
}

/* Whether it is seen at once or later that a line cannot begin a message depends on the input. */
static void invalid_note(struct log *log)
{
    if (log->count && log->start_at + strlen("start|") == log->len &&
        strcmp(log->text + log->start_at, "start|") == 0) {
        log->len = log->start_at;
        log->count--;
    }
    log->is_invalid = true;
    log_add(log, 0, "invalid|");
}

static void event_note(struct reader *reader, const struct http1_event *event)
{
    struct log *log = &reader->log;
    if (event->type != HTTP1_BODY && event->type != HTTP1_MORE && event->type != HTTP1_NO_LINE)
        body_flush(log);
    switch (event->type) {
    case HTTP1_MESSAGE_START:
        log->start_at = log->len;
        log_add(log, reader->offset, "start|");
        break;
    case HTTP1_REQUEST_LINE:
        log_add(log, reader->offset, "%.*s %.*s 1.%d|", (int)event->name_len, event->name,
                (int)event->value_len, event->value, event->minor);
        break;
    case HTTP1_STATUS_LINE:
        reader->status = event->status;
        log_add(log, reader->offset, "%d 1.%d|", event->status, event->minor);
        break;
    case HTTP1_HEADER:
        log_add(log, reader->offset, "%.*s=%.*s%s|", (int)event->name_len, event->name,
                (int)event->value_len, event->value, event->is_cut ? "..." : "");
        break;
    case HTTP1_BLANK_LINE:
        log_add(log, reader->offset, "blank|");
        break;
    case HTTP1_HEAD_END:
        log_add(log, reader->offset, "head|");
        framing_choose(&reader->parser, reader->is_head, reader->status);
        break;
    case HTTP1_BODY:
        log->is_in_body = true;
        log->body_len += event->count;
        break;
    case HTTP1_MESSAGE_END:
        log_add(log, reader->offset, "end|");
        break;
    case HTTP1_INVALID:
        invalid_note(log);
        break;
    default:
        break;
    }
}

static void reader_init(struct reader *reader, bool is_response, bool is_head)
{
    http1_init(&reader->parser, is_response, ALL_FIELDS);
    reader->is_head = is_head;
    reader->has_line = false;
    reader->status = 0;
    reader->offset = 0;
    reader->log.len = reader->log.count = reader->log.start_at = 0;
    reader->log.text[0] = '\0';
    reader->log.body_len = 0;
    reader->log.is_in_body = reader->log.is_invalid = false;
}

static void event_note_at(struct reader *reader, struct http1_event event, size_t offset)
{
    reader->offset = offset;
    event_note(reader, &event);
}

/* What http1_next would have told of a head that was taken in one go. */
static void head_note(struct reader *reader, const struct http1_head *head, const char *bytes)
{
    size_t start = reader->offset;
    const char *line_end = (const char *)rawmemchr(bytes, '\n') + 1;
    event_note_at(reader, (struct http1_event){.type = HTTP1_MESSAGE_START}, start);
    event_note_at(reader, head->first_line, start + (size_t)(line_end - bytes));
    for (size_t i = 0; i < head->field_count; i++) {
        line_end =
            (const char *)rawmemchr(head->fields[i].value + head->fields[i].value_len, '\n') + 1;
        event_note_at(reader, head->fields[i], start + (size_t)(line_end - bytes));
    }
    event_note_at(reader, (struct http1_event){.type = HTTP1_BLANK_LINE},
                  start + head->blank_line_at);
    event_note_at(reader, (struct http1_event){.type = HTTP1_HEAD_END}, start + head->len);
}

/* Feeds one piece, which ends where readable memory ends. The line is only lent when asked for, and
 * overwritten when it is not needed. */
static void reader_feed(struct reader *reader, const char *piece, size_t len)
{
    const char *bytes = guarded(piece, len);
    size_t at = 0, quiet = 0;
    while (!reader->log.is_invalid) {
        struct http1_event event;
        struct http1_head head;
        size_t taken = http1_take_head(&reader->parser, bytes + at, len - at, &head);
        if (taken > len - at)
            cr_assert_fail("took %zu of %zu bytes", taken, len - at);
        if (taken) {
            head_note(reader, &head, bytes + at);
            at += taken;
            continue;
        }
        size_t consumed = http1_next(&reader->parser, reader->has_line ? &reader->line : NULL,
                                     bytes + at, len - at, &event);
        if (consumed > len - at)
            cr_assert_fail("consumed %zu of %zu bytes", consumed, len - at);
        at += consumed;
        reader->offset += consumed;
        quiet = consumed ? 0 : quiet + 1;
        if (quiet > 8)
            cr_assert_fail("goes round in circles at %zu: %s", reader->offset, reader->log.text);
        if (event.type == HTTP1_NO_LINE)
            reader->has_line = true;
        event_note(reader, &event);
        if (event.type == HTTP1_MORE && at == len)
            break;
    }
    if (reader->has_line && !http1_needs_line(&reader->parser)) {
        memset(reader->line.bytes, 'X', sizeof reader->line.bytes);
        reader->has_line = false;
    }
}

static const struct log *read_pieces(struct reader *reader, bool is_response, bool is_head,
                                     const char *input, const size_t *ends, size_t count)
{
    size_t at = 0;
    reader_init(reader, is_response, is_head);
    for (size_t i = 0; i < count; i++) {
        reader_feed(reader, input + at, ends[i] - at);
        at = ends[i];
    }
    body_flush(&reader->log);
    return &reader->log;
}

static bool logs_agree(const struct log *a, const struct log *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0 && a->count == b->count &&
           memcmp(a->offsets, b->offsets, a->count * sizeof a->offsets[0]) == 0;
}

static struct reader g_whole, g_pieces;

static void same_in_two_pieces(bool is_response, bool is_head, const char *name, const char *input,
                               size_t len)
{
    const struct log *whole = read_pieces(&g_whole, is_response, is_head, input, &len, 1);
    for (size_t split = 0; split <= len; split++) {
        size_t ends[] = {split, len};
        const struct log *pieces = read_pieces(&g_pieces, is_response, is_head, input, ends, 2);
        if (!logs_agree(whole, pieces))
            cr_assert_fail("%s: split at %zu of %zu\n  whole  %s\n  pieces %s", name, split, len,
                           whole->text, pieces->text);
    }
}

static void same_byte_by_byte(bool is_response, bool is_head, const char *name, const char *input,
                              size_t len)
{
    static size_t ends[16384];
    const struct log *whole = read_pieces(&g_whole, is_response, is_head, input, &len, 1);
    cr_assert_leq(len, ARRAY_LEN(ends));
    for (size_t i = 0; i < len; i++)
        ends[i] = i + 1;
    const struct log *pieces = read_pieces(&g_pieces, is_response, is_head, input, ends, len);
    if (!logs_agree(whole, pieces))
        cr_assert_fail("%s: byte by byte, %zu bytes\n  whole  %s\n  pieces %s", name, len,
                       whole->text, pieces->text);
}

struct row {
    const char *name;
    const char *input;
    const char *expected;
    bool is_head;
};

/* Whole, in two pieces split at every byte, byte by byte; and all of it truncated at every byte. */
static void rows_check(const struct row *rows, size_t count, bool is_response)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        size_t len = strlen(row->input);
        const struct log *log =
            read_pieces(&g_whole, is_response, row->is_head, row->input, &len, 1);
        cr_assert_str_eq(log->text, row->expected, "%s:\n  got      %s\n  expected %s", row->name,
                         log->text, row->expected);
        for (size_t truncated = 0; truncated <= len; truncated++) {
            same_byte_by_byte(is_response, row->is_head, row->name, row->input, truncated);
            same_in_two_pieces(is_response, row->is_head, row->name, row->input, truncated);
        }
    }
}

static const struct row REQUESTS[] = {
    {"nothing", "", "", false},
    {"get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "start|GET / 1.1|Host=a|blank|head|end|", false},
    {"no header fields", "GET / HTTP/1.0\r\n\r\n", "start|GET / 1.0|blank|head|end|", false},
    {"length", "POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
     "start|POST /p 1.1|Content-Length=5|blank|head|body 5|end|", false},
    {"length in lower case", "PUT /p HTTP/1.1\r\ncontent-length:3\r\n\r\nabc",
     "start|PUT /p 1.1|content-length=3|blank|head|body 3|end|", false},
    {"length zero", "POST /p HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
     "start|POST /p 1.1|Content-Length=0|blank|head|end|start|GET / 1.1|blank|head|end|", false},
    {"length twice, the same", "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
     "start|POST / 1.1|Content-Length=2|Content-Length=2|blank|head|body 2|end|", false},
    {"length as a list of the same", "POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nab",
     "start|POST / 1.1|Content-Length=2, 2|blank|head|body 2|end|", false},
    {"lengths that differ", "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
     "start|POST / 1.1|Content-Length=2|invalid|", false},
    {"a list of lengths that differ", "POST / HTTP/1.1\r\nContent-Length: 2, 3\r\n\r\nab",
     "start|POST / 1.1|invalid|", false},
    {"length that is no number", "POST / HTTP/1.1\r\nContent-Length: two\r\n\r\n",
     "start|POST / 1.1|invalid|", false},
    {"length with a sign", "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\nab",
     "start|POST / 1.1|invalid|", false},
    {"length with a blank inside", "POST / HTTP/1.1\r\nContent-Length: 1 2\r\n\r\n",
     "start|POST / 1.1|invalid|", false},
    {"no length", "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", "start|POST / 1.1|invalid|", false},
    {"length beyond 64 bits", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
     "start|POST / 1.1|invalid|", false},
    {"chunked",
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n"
     "0\r\n\r\n",
     "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|body 21|end|", false},
    {"chunked in odd case",
     "POST / HTTP/1.1\r\ntransfer-ENCODING:\t CHUNKED \r\n\r\na;x=\"y\"\r\n0123456789\r\n00\r\n\r\n",
     "start|POST / 1.1|transfer-ENCODING=CHUNKED|blank|head|body 10|end|", false},
    {"chunked with extensions and trailers",
     "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2 ; a=b\r\nab\r\n0;last\r\n"
     "Trailer: 1\r\nOther: 2\r\n\r\n",
     "start|POST / 1.1|Transfer-Encoding=gzip, chunked|blank|head|body 2|end|", false},
    {"identity is no framing for a request", "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
     "start|POST / 1.1|Transfer-Encoding=identity|Content-Length=2|blank|head|invalid|", false},
    {"chunked with bare LF", "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n2\nab\n0\n\n",
     "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|body 2|end|", false},
    {"chunked and length: chunked counts",
     "POST / HTTP/1.1\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     "start|POST / 1.1|Content-Length=99|Transfer-Encoding=chunked|blank|head|body 1|end|", false},
    {"a body that looks like a request",
     "POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\nHEAD /x HTTP/1.1\r\n\r\n",
     "start|POST / 1.1|Content-Length=18|blank|head|body 18|end|start|HEAD /x 1.1|blank|head|end|",
     false},
    {"coding that does not end in chunked",
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
     "start|POST / 1.1|Transfer-Encoding=chunked, gzip|blank|head|invalid|", false},
    {"coding that only looks like chunked",
     "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
     "start|POST / 1.1|Transfer-Encoding=xchunked|blank|head|invalid|", false},
    {"chunk size that is none", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
     "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|invalid|", false},
    {"chunk size that is empty", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
     "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|invalid|", false},
    {"chunk size beyond 64 bits",
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
     "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|invalid|", false},
    {"chunk longer than it said",
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
     "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|body 2|invalid|", false},
    {"pipelined",
     "GET /1 HTTP/1.1\r\nA: b\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.0\r\n\r\n",
     "start|GET /1 1.1|A=b|blank|head|end|start|POST /2 1.1|Content-Length=1|blank|head|body 1|end|"
     "start|GET /3 1.0|blank|head|end|",
     false},
    {"framing is forgotten between messages",
     "POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
     "start|POST /1 1.1|Transfer-Encoding=chunked|blank|head|body 0|end|start|GET /2 1.1|blank|"
     "head|end|",
     false},
    {"empty lines before", "\r\n\n\r\nGET / HTTP/1.1\r\n\r\n", "start|GET / 1.1|blank|head|end|",
     false},
    {"empty lines alone", "\r\n\r\n", "", false},
    {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", "start|GET / 1.1|Host=a|blank|head|end|", false},
    {"LF and CRLF mixed", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\n",
     "start|GET / 1.1|Host=a|B=c|blank|head|end|", false},
    {"obs-fold", "GET / HTTP/1.1\r\nA: b\r\n  c d\r\n\te\r\n\r\n",
     "start|GET / 1.1|A=b|=c d|=e|blank|head|end|", false},
    {"white space around values", "GET / HTTP/1.1\r\nA: \t b c \t\r\nB:\r\nC: \r\n\r\n",
     "start|GET / 1.1|A=b c|B=|C=|blank|head|end|", false},
    {"white space before the colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n",
     "start|GET / 1.1|A=b|blank|head|end|", false},
    {"colons in a value", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
     "start|GET / 1.1|Host=[::1]:80|blank|head|end|", false},
    {"bytes above ASCII in a value", "GET / HTTP/1.1\r\nA: \xc3\xa9\xff\r\n\r\n",
     "start|GET / 1.1|A=\xc3\xa9\xff|blank|head|end|", false},
    {"absolute form", "GET http://u:p@h:1/p?q HTTP/1.1\r\n\r\n",
     "start|GET http://u:p@h:1/p?q 1.1|blank|head|end|", false},
    {"authority and asterisk form", "CONNECT h:443 HTTP/1.1\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\n",
     "start|CONNECT h:443 1.1|blank|head|end|start|OPTIONS * 1.1|blank|head|end|", false},
    {"a method of our own making", "X-y.z_1 / HTTP/1.1\r\n\r\n",
     "start|X-y.z_1 / 1.1|blank|head|end|", false},
    {"the longest method", "ABCDEFGHIJKLMNOPQRSTUVWX / HTTP/1.1\r\n\r\n",
     "start|ABCDEFGHIJKLMNOPQRSTUVWX / 1.1|blank|head|end|", false},
    {"a method too long", "ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n\r\n", "invalid|", false},
    {"CR alone in the blank line", "GET / HTTP/1.1\r\n\rX", "start|GET / 1.1|blank|invalid|", false},
    {"a field without a colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", "start|GET / 1.1|invalid|", false},
    {"a field without a name", "GET / HTTP/1.1\r\n: x\r\n\r\n", "start|GET / 1.1|invalid|", false},
    {"a name that is no token", "GET / HTTP/1.1\r\nHo(st: x\r\n\r\n",
     "start|GET / 1.1|Ho(st=x|blank|head|end|", false},
    {"a name that is nearly one of ours", "GET / HTTP/1.1\r\nContent\rLength: 5\r\n\r\n",
     "start|GET / 1.1|Content\rLength=5|blank|head|end|", false},
    {"no version", "GET /\r\n\r\n", "invalid|", false},
    {"no target", "GET HTTP/1.1\r\n\r\n", "invalid|", false},
    {"two blanks", "GET  HTTP/1.1\r\n\r\n", "invalid|", false},
    {"a blank in the target", "GET /a b HTTP/1.1\r\n\r\n", "invalid|", false},
    {"version 2", "GET / HTTP/2.0\r\n\r\n", "invalid|", false},
    {"version without a minor", "GET / HTTP/1.\r\n\r\n", "invalid|", false},
    {"version in lower case", "GET / http/1.1\r\n\r\n", "invalid|", false},
    {"garbage after a message", "GET / HTTP/1.1\r\n\r\n\x16\x03",
     "start|GET / 1.1|blank|head|end|invalid|", false},
    {"an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "invalid|", false},
};

static const struct row RESPONSES[] = {
    {"nothing", "", "", false},
    {"length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     "start|200 1.1|Content-Length=2|blank|head|body 2|end|", false},
    {"identity, as HTTP/1.1 had it once",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
     "start|200 1.1|Transfer-Encoding=identity|Content-Length=2|blank|head|body 2|end|", false},
    {"length zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     "start|200 1.1|Content-Length=0|blank|head|end|", false},
    {"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
     "start|200 1.1|Content-Length=0|blank|head|end|", false},
    {"an empty reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
     "start|404 1.1|Content-Length=0|blank|head|end|", false},
    {"until close", "HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
     "start|200 1.0|blank|head|body 19|", false},
    {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n",
     "start|200 1.1|Transfer-Encoding=chunked|blank|head|body 3|end|", false},
    {"a coding that is not chunked lasts until close",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc",
     "start|200 1.1|Transfer-Encoding=gzip|Content-Length=1|blank|head|body 3|", false},
    {"of HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHTTP/1.1 404 No\r\n\r\n",
     "start|200 1.1|Content-Length=1000|blank|head|end|start|404 1.1|blank|head|end|", true},
    {"of HEAD, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     "start|200 1.1|Transfer-Encoding=chunked|blank|head|end|", true},
    {"204 with a length", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nHTTP/1.1 304 Not\r\n\r\n",
     "start|204 1.1|Content-Length=5|blank|head|end|start|304 1.1|blank|head|end|", false},
    {"304 with a length", "HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n",
     "start|304 1.1|Content-Length=5|blank|head|end|", false},
    {"100 before", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
                   "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
     "start|100 1.1|blank|head|end|start|103 1.1|Link=x|blank|head|end|start|200 1.1|"
     "Content-Length=1|blank|head|body 1|end|",
     false},
    {"pipelined", "HTTP/1.1 200 A\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500 B\r\nContent-Length: 0"
                  "\r\n\r\n",
     "start|200 1.1|Content-Length=1|blank|head|body 1|end|start|500 1.1|Content-Length=0|blank|"
     "head|end|",
     false},
    {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
     "start|200 1.1|Content-Length=1|blank|head|body 1|end|", false},
    {"empty lines before", "\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "start|204 1.1|blank|head|end|", false},
    {"status 999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
     "start|999 1.1|Content-Length=0|blank|head|end|", false},
    {"status 099", "HTTP/1.1 099 X\r\n\r\n", "invalid|", false},
    {"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "invalid|", false},
    {"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", "invalid|", false},
    {"no status", "HTTP/1.1\r\n\r\n", "invalid|", false},
    {"version 2", "HTTP/2 200\r\n\r\n", "invalid|", false},
    {"a request", "GET / HTTP/1.1\r\n\r\n", "invalid|", false},
    {"an old icy stream", "ICY 200 OK\r\n\r\n", "invalid|", false},
    {"lengths that differ", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     "start|200 1.1|Content-Length=1|invalid|", false},
};

Test(http1, requests_give_the_same_events_however_they_arrive)
{
    rows_check(REQUESTS, ARRAY_LEN(REQUESTS), false);
}

Test(http1, responses_give_the_same_events_however_they_arrive)
{
    rows_check(RESPONSES, ARRAY_LEN(RESPONSES), true);
}

/* DESIGN.md, section 3: the header goes in where this points. */
Test(http1, the_blank_line_is_told_at_its_first_byte)
{
    for (size_t i = 0; i < ARRAY_LEN(REQUESTS); i++) {
        const char *input = REQUESTS[i].input;
        size_t len = strlen(input), event_count = 0;
        const struct log *log = read_pieces(&g_whole, false, false, input, &len, 1);
        for (const char *event = log->text; *event; event = strchr(event, '|') + 1, event_count++) {
            size_t at = log->offsets[event_count];
            if (strncmp(event, "blank|", 6) != 0)
                continue;
            cr_assert_eq(input[at - 1], '\n', "%s", REQUESTS[i].name);
            cr_assert(input[at] == '\r' || input[at] == '\n', "%s", REQUESTS[i].name);
        }
    }
}

Test(http1, what_is_not_http_is_let_go_at_its_first_bytes)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"TLS", "\x16\x03\x01", 1},
        {"redis", "*1\r\n$4\r\nPING\r\n", 4},
        {"redis, inline", "PING\r\n", 5},
        {"SMTP", "EHLO\r\n", 5},
        {"a greeting", "220-mail\r\n", 9},
        {"SSH", "SSH-2.0-OpenSSH_9.2\r\n", 20},
        {"PostgreSQL", "\0\0\0\x08\x04\xd2\x16\x2f", 1},
        {"memcached, binary", "\x80\x00", 1},
        {"AMQP", "AMQP\0\0\x09\x01", 5},
        {"MQTT", "\x10\x0c\0\4MQTT", 1},
        {"JSON", "{\"a\":1}", 1},
        {"a long word", "abcdefghijklmnopqrstuvwxyz", 25},
        {"blanks", " GET / HTTP/1.1\r\n", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct log *log =
            read_pieces(&g_whole, false, false, rows[i].bytes, &rows[i].len, 1);
        cr_assert(log->is_invalid, "%s is not known by %zu bytes: %s", rows[i].name, rows[i].len,
                  log->text);
        same_byte_by_byte(false, false, rows[i].name, rows[i].bytes, rows[i].len);
    }
}

Test(http1, invalid_stays_invalid)
{
    struct http1_parser parser;
    struct http1_event event;
    http1_init(&parser, false, ALL_FIELDS);
    cr_assert_eq(http1_next(&parser, NULL, "\x16", 1, &event), 0);
    for (int i = 0; i < 3; i++) {
        static const char valid[] = "GET / HTTP/1.1\r\n\r\n";
        cr_assert_eq(http1_next(&parser, NULL, valid, sizeof valid - 1, &event), 0);
        cr_assert_eq(event.type, HTTP1_INVALID);
    }
}

Test(http1, a_line_too_long_for_its_room_is_cut_when_it_comes_in_pieces)
{
    static char input[32768];
    int head_len = snprintf(input, sizeof input, "GET / HTTP/1.1\r\nCookie: ");
    memset(input + head_len, 'c', 20000);
    strcpy(input + head_len + 20000, "\r\nHost: a\r\n\r\n");
    size_t len = strlen(input), ends[] = {30, len};
    const struct log *whole = read_pieces(&g_whole, false, false, input, &len, 1);
    cr_assert_not_null(strstr(whole->text, "|Host=a|blank|head|end|"));
    cr_assert_null(strstr(whole->text, "..."));
    const struct log *pieces = read_pieces(&g_pieces, false, false, input, ends, 2);
    cr_assert_not_null(strstr(pieces->text, "c...|Host=a|blank|head|end|"));
    for (size_t split = 1; split < len; split += split < 40 || split > len - 40 ? 1 : 97) {
        ends[0] = split;
        pieces = read_pieces(&g_pieces, false, false, input, ends, 2);
        cr_assert_not_null(strstr(pieces->text, "|Host=a|blank|head|end|"), "split at %zu", split);
        cr_assert_eq(pieces->offsets[pieces->count - 1], len);
    }
}

/* A framing field of which we have the beginning only says nothing certain about the body. */
Test(http1, a_framing_field_that_was_cut_is_not_believed)
{
    static char input[32768];
    int head_len = snprintf(input, sizeof input, "POST / HTTP/1.1\r\nTransfer-Encoding: ");
    memset(input + head_len, ',', 9000);
    strcpy(input + head_len + 9000, "chunked\r\n\r\n");
    size_t len = strlen(input), ends[] = {30, len};
    cr_assert(read_pieces(&g_pieces, false, false, input, ends, 2)->is_invalid);
    head_len = snprintf(input, sizeof input, "POST / HTTP/1.1\r\nContent-Length: ");
    memset(input + head_len, '0', 9000);
    strcpy(input + head_len + 9000, "5\r\n\r\n");
    len = ends[1] = strlen(input);
    cr_assert(read_pieces(&g_pieces, false, false, input, ends, 2)->is_invalid);
}

Test(http1, a_first_line_too_long_for_its_room_is_invalid_in_pieces)
{
    static char input[32768];
    memcpy(input, "GET /", 5);
    memset(input + 5, 'x', 9000);
    strcpy(input + 9005, " HTTP/1.1\r\n\r\n");
    size_t len = strlen(input), ends[] = {100, 8192, 9000, len};
    cr_assert_not(read_pieces(&g_whole, false, false, input, &len, 1)->is_invalid);
    cr_assert(read_pieces(&g_pieces, false, false, input, ends, 4)->is_invalid);
}

Test(http1, the_line_is_needed_only_within_a_split_line)
{
    static const char *const inputs[] = {"GET / HT", "GET / HTTP/1.1\r\nHo",
                                         "GET / HTTP/1.1\r\nHost: a\r"};
    static const char *const others[] = {"",
                                         "GET / HTTP/1.1\r\n",
                                         "GET / HTTP/1.1\r\nHost: a\r\n",
                                         "GET / HTTP/1.1\r\nHost: a\r\n\r",
                                         "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                         "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"};
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        size_t len = strlen(inputs[i]);
        read_pieces(&g_whole, false, false, inputs[i], &len, 1);
        cr_assert(http1_needs_line(&g_whole.parser), "%s", inputs[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        size_t len = strlen(others[i]);
        read_pieces(&g_whole, false, false, others[i], &len, 1);
        cr_assert_not(http1_needs_line(&g_whole.parser), "%s", others[i]);
    }
}

Test(http1, bytes_that_went_by_unseen_count_as_body_and_only_as_body)
{
    static const struct {
        const char *name, *before;
        bool is_response;
        uint64_t count;
        bool expected;
        const char *after, *log;
    } rows[] = {
        {"all of a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, 9, true, "",
         "start|200 1.1|Content-Length=9|blank|head|end|"},
        {"a part, then seen", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, 7, true, "ab",
         "start|200 1.1|Content-Length=9|blank|head|body 2|end|"},
        {"a chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", false, 5, true,
         "\r\n0\r\n\r\n", "start|POST / 1.1|Transfer-Encoding=chunked|blank|head|body 0|end|"},
        {"until close", "HTTP/1.0 200 OK\r\n\r\n", true, 1ULL << 40, true, "x",
         "start|200 1.0|blank|head|body 1|"},
        {"more than the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, 10, false, "",
         NULL},
        {"in a head", "HTTP/1.1 200 OK\r\n", true, 1, false, "", NULL},
        {"between messages", "", false, 1, false, "", NULL},
        {"in a chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5", false, 1, false,
         "", NULL},
        {"beyond a chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", false, 6,
         false, "", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        reader_init(&g_whole, rows[i].is_response, false);
        reader_feed(&g_whole, rows[i].before, strlen(rows[i].before));
        cr_assert_eq(http1_skip(&g_whole.parser, rows[i].count), rows[i].expected, "%s",
                     rows[i].name);
        if (!rows[i].log)
            continue;
        reader_feed(&g_whole, rows[i].after, strlen(rows[i].after));
        body_flush(&g_whole.log);
        cr_assert_str_eq(g_whole.log.text, rows[i].log, "%s", rows[i].name);
    }
}

Test(http1, where_the_parser_stands)
{
    static const struct {
        const char *input;
        bool is_between, is_until_close;
    } rows[] = {
        {"", true, false},
        {"\r\n", true, false},
        {"HTTP/1", false, false},
        {"HTTP/1.1 200 OK\r\n", false, false},
        {"HTTP/1.1 200 OK\r\n\r\n", false, true},
        {"HTTP/1.1 200 OK\r\n\r\nabc", false, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true, false},
        {"HTTP/1.1 204 No\r\n\r\n", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].input);
        read_pieces(&g_whole, true, false, rows[i].input, &len, 1);
        cr_assert_eq(http1_is_between_messages(&g_whole.parser), rows[i].is_between, "%s",
                     rows[i].input);
        cr_assert_eq(http1_body_ends_with_connection(&g_whole.parser), rows[i].is_until_close, "%s",
                     rows[i].input);
    }
}

Test(http1, names_are_compared_without_case)
{
    static const struct {
        const char *name, *lower;
        bool expected;
    } rows[] = {
        {"host", "host", true},
        {"HOST", "host", true},
        {"HoSt", "host", true},
        {"hos", "host", false},
        {"hosts", "host", false},
        {"trace-parent", "traceparent", false},
        {"TraceParent", "traceparent", true},
        {"", "host", false},
        {"Host\x20", "host", false},
        {"h\x4fst", "host", true},
        {"h\x0fst", "host", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].name);
        struct http1_event event = {.name = guarded(rows[i].name, len), .name_len = len};
        bool is_same = rows[i].lower[0] == 'h' ? HTTP1_NAME_IS(&event, "host")
                                               : HTTP1_NAME_IS(&event, "traceparent");
        cr_assert_eq(is_same, rows[i].expected, "%s", rows[i].name);
    }
}

Test(http1, a_usual_head_is_taken_in_one_go)
{
    static const struct {
        const char *input;
        size_t taken;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"GET / HTTP/1.1\n\n", 16},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody", 27},
        {"GET / HTTP/1.1\r\nX-No-Value:\r\nHost:a\r\n\r\n", 39},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n", 0},
        {"GET / HTTP/1.1\r\nHost: a\r", 0},
        {"GET / HTTP/1.1\r\nHost", 0},
        {"GET / HTTP/1.1", 0},
        {"\r\nGET / HTTP/1.1\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nHost\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 0},
        {"GET /\r\n\r\n", 0},
        {"", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_parser parser;
        struct http1_head head;
        size_t len = strlen(rows[i].input);
        http1_init(&parser, false, HOST_FIELD);
        size_t taken = http1_take_head(&parser, guarded(rows[i].input, len), len, &head);
        cr_assert_eq(taken, rows[i].taken, "%s: %zu", rows[i].input, taken);
        cr_assert(taken || http1_is_between_messages(&parser), "%s", rows[i].input);
        cr_assert(!taken || head.field_count == (strstr(rows[i].input, "Host") != NULL));
    }
}

static size_t head_know(struct http1_known *known, const char *first, size_t known_len)
{
    struct http1_parser parser;
    struct http1_head head;
    http1_init(&parser, false, ALL_FIELDS);
    cr_assert(http1_take_head(&parser, first, strlen(first), &head));
    http1_know(known, &parser, first, known_len ? known_len : head.blank_line_at, &head);
    return known->len;
}

Test(http1, a_head_that_begins_as_a_known_one_is_taken_from_there_on)
{
#define LINES "POST / HTTP/1.1\r\nContent-Length: 2\r\nHost: a\r\n"
    static const struct {
        const char *first;
        size_t known_len; /* 0: all of it */
        const char *next;
        size_t taken, field_count;
    } rows[] = {
        {LINES "\r\n", 0, LINES "\r\nok", strlen(LINES) + 2, 0},
        {LINES "\r\n", 0, LINES "\n", strlen(LINES) + 1, 0},
        {LINES "\r\n", 0, LINES "Traceparent: x\r\n\r\n", strlen(LINES) + 18, 1},
        {LINES "B: c\r\n\r\n", strlen(LINES), LINES "B: d\r\n\r\n", strlen(LINES) + 8, 1},
        {LINES "\r\n", 0, LINES, 0, 0},
        {LINES "\r\n", 0, LINES "\r", 0, 0},
        {LINES "\r\n", 0, LINES " folded\r\n\r\n", 0, 0},
        {LINES "\r\n", 0, LINES "Content-Length: 3\r\n\r\n", 0, 0},
        {LINES "\r\n", 0, "POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: a\r\n\r\n", 0, 0},
        {LINES "\r\n", 0, "", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1_parser parser;
        struct http1_known known;
        struct http1_head head;
        size_t len = strlen(rows[i].next);
        cr_assert(head_know(&known, rows[i].first, rows[i].known_len));
        http1_init(&parser, false, ALL_FIELDS);
        const char *next = guarded(rows[i].next, len);
        size_t taken =
            http1_is_known(&known, next, len) ? http1_take_known_head(&parser, &known, next, len, &head) : 0;
        cr_assert_eq(taken, rows[i].taken, "%zu: %zu", i, taken);
        cr_assert(taken || http1_is_between_messages(&parser), "%zu", i);
        if (!taken)
            continue;
        cr_assert(head.is_known);
        cr_assert_eq(head.field_count, rows[i].field_count, "%zu", i);
        http1_set_framing(&parser, HTTP1_FRAMING_DECLARED);
        cr_assert_eq(parser.remaining, 2, "%zu: the length is among what is known", i);
    }
#undef LINES
}

Test(http1, what_cannot_be_known_is_not)
{
    static char large[HTTP1_KNOWN_LEN_MAX + 64];
    struct http1_known known;
    snprintf(large, sizeof large, "GET /%0*d HTTP/1.1\r\n\r\n", HTTP1_KNOWN_LEN_MAX, 0);
    cr_assert_eq(head_know(&known, large, 0), 0, "too long");
    cr_assert_eq(head_know(&known, "GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", 16), 0, "the body is another one's");
    cr_assert_eq(head_know(&known, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 16), 16);
}

Test(http1, only_fields_that_are_asked_for_are_told)
{
    static const char input[] = "GET / HTTP/1.1\r\nAccept: a\r\nHost: b\r\nDate: c\r\n h: folded\r\n"
                                "Content-Length: 2\r\n\r\nab";
    struct http1_parser parser;
    struct http1_event event;
    char told[64] = "";
    http1_init(&parser, false, HOST_FIELD);
    for (size_t at = 0; at < strlen(input);) {
        at += http1_next(&parser, NULL, input + at, strlen(input) - at, &event);
        if (event.type == HTTP1_HEADER)
            strncat(told, event.value, event.value_len);
        if (event.type == HTTP1_HEAD_END)
            http1_set_framing(&parser, HTTP1_FRAMING_DECLARED);
    }
    cr_assert_str_eq(told, "b");
    cr_assert_eq(event.type, HTTP1_BODY);
    cr_assert_eq(event.count, 2);
}

/* ---- random inputs ---- */

enum { FUZZ_INPUT_MAX = 4000 };

static size_t fuzz_input(uint64_t *seed, bool is_response, char *out)
{
    size_t len = 0;
    for (size_t messages = 1 + random_below(seed, 3); messages > 0; messages--) {
        const struct row *row = is_response ? &RESPONSES[random_below(seed, ARRAY_LEN(RESPONSES))]
                                            : &REQUESTS[random_below(seed, ARRAY_LEN(REQUESTS))];
        size_t row_len = strlen(row->input);
        memcpy(out + len, row->input, row_len);
        len += row_len;
    }
    return len;
}

static size_t fuzz_mutate(uint64_t *seed, char *bytes, size_t len)
{
    static const char special[] = "\r\n :;,=\t0123456789abcdefGETHTTP/1.1\xff";
    if (len == 0)
        return 0;
    size_t at = random_below(seed, len), count = random_below(seed, MIN(len - at, 24)) + 1;
    switch (random_below(seed, 5)) {
    case 0:
        bytes[at] = (char)random_next(seed);
        return len;
    case 1:
        bytes[at] = special[random_below(seed, sizeof special)]; /* its NUL as well */
        return len;
    case 2: /* out */
        count = MIN(count, len - at);
        memmove(bytes + at, bytes + at + count, len - at - count);
        return len - count;
    case 3: /* twice */
        count = MIN(count, len - at);
        if (len + count > FUZZ_INPUT_MAX)
            return len;
        memmove(bytes + at + count, bytes + at, len - at);
        return len + count;
    default:
        if (len + 1 > FUZZ_INPUT_MAX)
            return len;
        memmove(bytes + at + 1, bytes + at, len - at);
        bytes[at] = special[random_below(seed, sizeof special)];
        return len + 1;
    }
}

static size_t fuzz_pieces(uint64_t *seed, size_t len, size_t *ends)
{
    size_t count = 0, most = random_chance(seed, 3) ? 4 : random_chance(seed, 2) ? 40 : len + 1;
    for (size_t at = 0; at < len;) {
        size_t piece = random_below(seed, most + 1); /* an empty one now and then */
        at += MIN(len - at, piece);
        ends[count++] = at;
        if (count == FUZZ_INPUT_MAX)
            break;
    }
    ends[count++] = len;
    return count;
}

Test(http1, random_inputs_give_the_same_events_however_they_are_split)
{
    static char input[2 * FUZZ_INPUT_MAX];
    static size_t ends[FUZZ_INPUT_MAX + 1];
    for (uint64_t round = 0; round < 60000; round++) {
        uint64_t seed = round;
        bool is_response = random_chance(&seed, 2), is_head = random_chance(&seed, 8);
        size_t len = fuzz_input(&seed, is_response, input);
        for (size_t mutations = random_below(&seed, 6); mutations > 0; mutations--)
            len = fuzz_mutate(&seed, input, len);
        const struct log *whole = read_pieces(&g_whole, is_response, is_head, input, &len, 1);
        size_t count = fuzz_pieces(&seed, len, ends);
        const struct log *pieces =
            read_pieces(&g_pieces, is_response, is_head, input, ends, count);
        if (!logs_agree(whole, pieces))
            cr_assert_fail("round %llu\n  whole  %s\n  pieces %s\n  input  %.*s",
                           (unsigned long long)round, whole->text, pieces->text, (int)len, input);
    }
}
