/* fuzz_http1.c - the parser tells the same however its input is cut, whether or not a head is taken
 * in one go, and whether or not its beginning is known from another head.
 *
 * The first byte says what is read (bit 0: responses, bit 1: which answer HEAD, bit 2: only the fields
 * that http_head.h knows are told), the next three how long the pieces are that the rest comes in. */
#include "fuzz.h"

#include "base/compiler.h"
#include "support/framing.h"
#include "wire/http1.h"
#include "wire/http_head.h"

#include <stdarg.h>

enum { CONTROL_LEN = 4, INPUT_LEN_MAX = 1 << 16 };

/* What the parser said, with everything left out that may depend on how the input was cut. */
struct log {
    char text[1 << 20];
    size_t len;
    uint64_t body_len;
    bool is_in_body;
    bool is_invalid;
    bool is_start_last;
    size_t start_at; /* where the text of the last MESSAGE_START begins */
};

struct reader {
    struct http1_parser parser;
    struct http1_line *line; /* NULL: not lent */
    bool is_head;            /* the responses answer HEAD */
    bool takes_heads;        /* by http1_take_head, where it is possible */
    bool is_line_cut;        /* a line did not fit: what comes then may differ */
    struct http1_known known; /* of a head before */
    int status;
    enum http1_event_type last;
    size_t offset;
    const char *bytes; /* the piece at hand */
    size_t len;
    struct log log;
};

static struct reader g_whole, g_other;

static void log_add(struct log *log, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(log->text + log->len, sizeof log->text - log->len, format, arguments);
    va_end(arguments);
    log->len += (size_t)len;
    FUZZ_CHECK(log->len < sizeof log->text, "too much to log");
}

static void log_add_bytes(struct log *log, const char *bytes, size_t len)
{
    FUZZ_CHECK(log->len + len < sizeof log->text, "too much to log");
    memcpy(log->text + log->len, bytes, len);
    log->len += len;
    log_add(log, "|");
}

static void body_flush(struct log *log)
{
    if (log->is_in_body)
        log_add(log, "body %llu\n", (unsigned long long)log->body_len);
    log->is_in_body = false;
    log->body_len = 0;
}

static void lies_within(const struct reader *reader, const char *bytes, size_t len)
{
    const struct http1_line *line = reader->line;
    bool is_in_piece = bytes >= reader->bytes && bytes + len <= reader->bytes + reader->len;
    bool is_in_line =
        line && bytes >= line->bytes && bytes + len <= line->bytes + sizeof line->bytes;
    FUZZ_CHECK(is_in_piece || is_in_line, "%zu bytes lie elsewhere", len);
}

static bool may_follow(enum http1_event_type last, enum http1_event_type next)
{
    switch (next) {
    case HTTP1_MESSAGE_START:
        return last == HTTP1_MESSAGE_END;
    case HTTP1_REQUEST_LINE:
    case HTTP1_STATUS_LINE:
        return last == HTTP1_MESSAGE_START;
    case HTTP1_HEADER:
    case HTTP1_BLANK_LINE:
        return last == HTTP1_REQUEST_LINE || last == HTTP1_STATUS_LINE || last == HTTP1_HEADER;
    case HTTP1_HEAD_END:
        return last == HTTP1_BLANK_LINE;
    case HTTP1_BODY:
    case HTTP1_MESSAGE_END:
        return last == HTTP1_HEAD_END || last == HTTP1_BODY;
    default:
        return true;
    }
}

static void order_check(struct reader *reader, enum http1_event_type type)
{
    if (type == HTTP1_MORE || type == HTTP1_NO_LINE)
        return;
    FUZZ_CHECK(may_follow(reader->last, type), "%d follows %d at %zu", (int)type,
               (int)reader->last, reader->offset);
    reader->last = type;
}

/* Whether it is seen at once or later that a line cannot begin a message depends on the input. */
static void invalid_note(struct log *log)
{
    if (log->is_start_last)
        log->len = log->start_at;
    log->is_invalid = true;
    log_add(log, "invalid\n");
}

static void line_note(struct reader *reader, const struct http1_event *event)
{
    struct log *log = &reader->log;
    if (event->type == HTTP1_STATUS_LINE) {
        reader->status = event->status;
        FUZZ_CHECK(event->status >= 100 && event->status <= 999, "%d", event->status);
        log_add(log, "%d 1.%d %zu\n", event->status, event->minor, reader->offset);
        return;
    }
    lies_within(reader, event->name, event->name_len);
    lies_within(reader, event->value, event->value_len);
    log_add_bytes(log, event->name, event->name_len);
    log_add_bytes(log, event->value, event->value_len);
    log_add(log, event->type == HTTP1_HEADER ? "%zu\n" : "%zu 1.%d\n", reader->offset,
            event->minor);
    reader->is_line_cut = reader->is_line_cut || (event->type == HTTP1_HEADER && event->is_cut);
}

static void event_note(struct reader *reader, const struct http1_event *event)
{
    struct log *log = &reader->log;
    order_check(reader, event->type);
    if (event->type == HTTP1_MORE || event->type == HTTP1_NO_LINE)
        return;
    if (event->type != HTTP1_BODY)
        body_flush(log);
    if (event->type == HTTP1_MESSAGE_START)
        log->start_at = log->len;
    switch (event->type) {
    case HTTP1_REQUEST_LINE:
    case HTTP1_STATUS_LINE:
    case HTTP1_HEADER:
        line_note(reader, event);
        break;
    case HTTP1_HEAD_END:
        log_add(log, "head %zu\n", reader->offset);
        framing_choose(&reader->parser, reader->is_head, reader->status);
        break;
    case HTTP1_BODY:
        log->is_in_body = true;
        log->body_len += event->count;
        break;
    case HTTP1_INVALID:
        invalid_note(log);
        break;
    default:
        log_add(log, "%d %zu\n", (int)event->type, reader->offset);
    }
    log->is_start_last = event->type == HTTP1_MESSAGE_START;
}

static void event_note_at(struct reader *reader, struct http1_event event, size_t offset)
{
    reader->offset = offset;
    event_note(reader, &event);
}

static size_t behind_newline(const struct reader *reader, const char *from, const char *start)
{
    const char *newline = memchr(from, '\n', (size_t)(reader->bytes + reader->len - from));
    FUZZ_CHECK(newline, "a line of a head has no end");
    return (size_t)(newline - start) + 1;
}

/* What http1_next would have told of a head that was taken in one go. */
static void head_note(struct reader *reader, const struct http1_head *head, const char *bytes)
{
    size_t start = reader->offset;
    FUZZ_CHECK(head->field_count <= HTTP1_HEAD_FIELDS_MAX, "%zu", head->field_count);
    FUZZ_CHECK(head->blank_line_at < head->len, "%zu of %zu", head->blank_line_at, head->len);
    event_note_at(reader, (struct http1_event){.type = HTTP1_MESSAGE_START}, start);
    event_note_at(reader, head->first_line, start + behind_newline(reader, bytes, bytes));
    for (size_t i = 0; i < head->field_count; i++) {
        const char *value_end = head->fields[i].value + head->fields[i].value_len;
        event_note_at(reader, head->fields[i], start + behind_newline(reader, value_end, bytes));
    }
    event_note_at(reader, (struct http1_event){.type = HTTP1_BLANK_LINE},
                  start + head->blank_line_at);
    event_note_at(reader, (struct http1_event){.type = HTTP1_HEAD_END}, start + head->len);
}

static void fields_are_same(const struct http1_head *known, const struct http1_head *whole, const char *from)
{
    size_t count = 0;
    for (size_t i = 0; i < whole->field_count; i++) {
        const struct http1_event *expected = &whole->fields[i], *field = &known->fields[count];
        if (expected->name < from)
            continue;
        FUZZ_CHECK(count < known->field_count && field->name == expected->name && field->value == expected->value &&
                       field->name_len == expected->name_len && field->value_len == expected->value_len,
                   "field %zu of %zu", count, known->field_count);
        count++;
    }
    FUZZ_CHECK(count == known->field_count, "%zu fields, not %zu", known->field_count, count);
}

/* Where its beginning is known, nothing else comes of a head. @whole: how it was taken, by @parser, of which @before is
 * what it was; @taken: 0 if it was not. */
static void known_check(const struct http1_parser *before, const struct http1_parser *parser,
                        const struct http1_known *known, const char *bytes, size_t len, const struct http1_head *whole,
                        size_t taken)
{
    struct http1_parser other = *before;
    struct http1_head head;
    size_t known_taken =
        http1_is_known(known, bytes, len) ? http1_take_known_head(&other, known, bytes, len, &head) : 0;
    if (!known_taken)
        return;
    const struct http1_declared *a = &other.declared, *b = &parser->declared;
    FUZZ_CHECK(known_taken == taken && head.blank_line_at == whole->blank_line_at, "%zu of %zu", known_taken, taken);
    FUZZ_CHECK(!parser->is_response || head.first_line.status == whole->first_line.status, "status");
    FUZZ_CHECK(a->is_chunked == b->is_chunked && a->has_coding == b->has_coding && a->is_identity == b->is_identity &&
                   a->has_length == b->has_length && (!a->has_length || a->length == b->length),
               "framed in another way");
    fields_are_same(&head, whole, bytes + known->len);
}

/* Keeps a part of a head, and tries it out on that very head. */
static void head_know(struct reader *reader, const struct http1_parser *before, const char *bytes, size_t len,
                      const struct http1_head *head)
{
    for (size_t i = 0; i <= head->field_count; i++) {
        size_t known_len = i < head->field_count ? (size_t)(head->fields[i].name - bytes) : head->blank_line_at;
        if (http1_know(&reader->known, &reader->parser, bytes, known_len, head))
            known_check(before, &reader->parser, &reader->known, bytes, len, head, head->len);
    }
}

/* Returns the bytes taken; 0 if there is no head here that can be. */
static size_t head_take(struct reader *reader, size_t at)
{
    struct http1_head head;
    if (!reader->takes_heads || !http1_is_between_messages(&reader->parser))
        return 0;
    const struct http1_parser before = reader->parser;
    const char *bytes = reader->bytes + at;
    size_t len = reader->len - at, taken = http1_take_head(&reader->parser, bytes, len, &head);
    FUZZ_CHECK(taken <= len, "took %zu of %zu bytes", taken, len);
    known_check(&before, &reader->parser, &reader->known, bytes, len, &head, taken);
    if (!taken)
        return 0;
    head_know(reader, &before, bytes, len, &head);
    head_note(reader, &head, bytes);
    return taken;
}

static void line_lend(struct reader *reader)
{
    FUZZ_CHECK(!reader->line, "asked for twice");
    reader->line = malloc(sizeof *reader->line);
    FUZZ_CHECK(reader->line, "no memory");
}

static void line_take_back(struct reader *reader)
{
    free(reader->line);
    reader->line = NULL;
}

/* One call; returns the bytes consumed. */
static size_t next_take(struct reader *reader, size_t at, enum http1_event_type *type)
{
    struct http1_event event;
    size_t left = reader->len - at;
    size_t consumed = http1_next(&reader->parser, reader->line, reader->bytes + at, left, &event);
    FUZZ_CHECK(consumed <= left, "consumed %zu of %zu bytes", consumed, left);
    FUZZ_CHECK(consumed == left || event.type != HTTP1_MORE, "more, with %zu left",
               left - consumed);
    FUZZ_CHECK(consumed == 0 || (event.type != HTTP1_NO_LINE && event.type != HTTP1_INVALID &&
                                 event.type != HTTP1_MESSAGE_END),
               "%d consumes", (int)event.type);
    reader->offset += consumed;
    if (event.type == HTTP1_NO_LINE)
        line_lend(reader);
    event_note(reader, &event);
    *type = event.type;
    return consumed;
}

static void reader_feed(struct reader *reader, const char *bytes, size_t len)
{
    char *piece = fuzz_copy(bytes, len);
    unsigned quiet = 0;
    reader->bytes = piece;
    reader->len = len;
    for (size_t at = 0; !reader->log.is_invalid;) {
        enum http1_event_type type;
        size_t taken = head_take(reader, at);
        if (!taken) {
            taken = next_take(reader, at, &type);
            if (type == HTTP1_MORE)
                break;
        }
        at += taken;
        quiet = taken ? 0 : quiet + 1;
        FUZZ_CHECK(quiet < 8, "goes round in circles at %zu", reader->offset);
    }
    if (!http1_needs_line(&reader->parser))
        line_take_back(reader);
    free(piece);
}

static void reader_begin(struct reader *reader, uint8_t what, bool takes_heads)
{
    static const struct http1_fields all = {UINT32_MAX, UINT32_MAX};
    http1_init(&reader->parser, what & 1, what & 4 ? g_http_extras_wanted.told : all);
    reader->line = NULL;
    reader->is_head = what & 2;
    reader->takes_heads = takes_heads;
    reader->is_line_cut = false;
    reader->known.len = 0;
    reader->status = 0;
    reader->offset = 0;
    reader->last = HTTP1_MESSAGE_END;
    reader->log.len = reader->log.start_at = 0;
    reader->log.body_len = 0;
    reader->log.is_in_body = reader->log.is_invalid = reader->log.is_start_last = false;
}

static void reader_end(struct reader *reader)
{
    line_take_back(reader);
    body_flush(&reader->log);
    log_add(&reader->log, "%d", reader->parser.state);
}

/* @steps: the lengths of the pieces, in turn. */
static void read_pieces(struct reader *reader, uint8_t what, const char *bytes, size_t len,
                        const uint8_t steps[3])
{
    reader_begin(reader, what, true);
    for (size_t at = 0, i = 0; at < len; i++) {
        size_t step = MIN((size_t)steps[i % 3], len - at);
        reader_feed(reader, bytes + at, step);
        at += step;
    }
    reader_end(reader);
}

static void read_whole(struct reader *reader, uint8_t what, const char *bytes, size_t len,
                       bool takes_heads)
{
    reader_begin(reader, what, takes_heads);
    if (len)
        reader_feed(reader, bytes, len);
    reader_end(reader);
}

static void read_in_two(struct reader *reader, uint8_t what, const char *bytes, size_t len,
                        size_t split)
{
    reader_begin(reader, what, true);
    reader_feed(reader, bytes, split);
    reader_feed(reader, bytes + split, len - split);
    reader_end(reader);
}

static void same_check(const char *how)
{
    const struct log *a = &g_whole.log, *b = &g_other.log;
    if (g_other.is_line_cut)
        return;
    FUZZ_CHECK(a->len == b->len && memcmp(a->text, b->text, a->len) == 0,
               "%s:\n--- whole\n%.*s\n--- %s\n%.*s\n---", how, (int)a->len, a->text, how,
               (int)b->len, b->text);
}

/* A line that is longer than its room is cut where it comes in pieces, and only there. */
static bool has_long_line(const char *bytes, size_t len)
{
    for (size_t i = 0, line_len = 0; i < len; i++) {
        line_len = bytes[i] == '\n' ? 0 : line_len + 1;
        if (line_len >= HTTP1_LINE_LEN_MAX)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static const uint8_t single[3] = {1, 1, 1};
    if (len < CONTROL_LEN || len > INPUT_LEN_MAX)
        return -1;
    uint8_t what = input[0] & 7, steps[3];
    const char *bytes = (const char *)input + CONTROL_LEN;
    len -= CONTROL_LEN;
    for (int i = 0; i < 3; i++)
        steps[i] = (uint8_t)(input[1 + i] - ' ');
    if (!steps[0] && !steps[1] && !steps[2])
        steps[0] = 1;
    bool is_comparable = !has_long_line(bytes, len);
    read_whole(&g_whole, what, bytes, len, true);
    read_whole(&g_other, what, bytes, len, false);
    same_check("without taking heads");
    read_pieces(&g_other, what, bytes, len, steps);
    if (is_comparable)
        same_check("in pieces");
    read_pieces(&g_other, what, bytes, len, single);
    if (is_comparable)
        same_check("byte by byte");
    read_in_two(&g_other, what, bytes, len, (size_t)(steps[0] * 256 + steps[1]) % (len + 1));
    if (is_comparable)
        same_check("in two");
    return 0;
}
