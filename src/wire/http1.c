#include "wire/http1.h"

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/text.h"

#include <string.h>

enum state {
    STATE_START = 0,   /* between messages */
    STATE_FIRST_LINE,  /* request line or status line */
    STATE_FIELD,       /* header fields */
    STATE_BLANK,       /* at the blank line; it has been told */
    STATE_FRAMING,     /* the head is over; http1_set_framing decides */
    STATE_LENGTH,      /* body of known length */
    STATE_UNTIL_CLOSE, /* body until the connection ends */
    STATE_CHUNK_SIZE,
    STATE_CHUNK_BYTES,
    STATE_CHUNK_END, /* the line break after a chunk */
    STATE_TRAILER,
    STATE_END, /* the message is over; it has not been told */
    STATE_INVALID,
};

struct span_of_bytes {
    const char *bytes;
    size_t len;
};

/* "Content-Length" and "Transfer-Encoding": what the parser itself must look at. */
enum { CONTENT_LENGTH_LEN = 14, TRANSFER_ENCODING_LEN = 17 };
#define FRAMING_LETTERS (HTTP1_LETTER('c') | HTTP1_LETTER('t'))

void http1_init(struct http1_parser *parser, bool is_response, struct http1_fields told)
{
    *parser = (struct http1_parser){.state = STATE_START, .is_response = is_response, .told = told};
}

static size_t event_set(struct http1_event *event, enum http1_event_type type, size_t consumed)
{
    event->type = type;
    return consumed;
}

static COLD size_t invalid(struct http1_parser *parser, struct http1_event *event)
{
    parser->state = STATE_INVALID;
    return event_set(event, HTTP1_INVALID, 0);
}

/* RFC 9110 5.6.2: what a method or field name is made of. */
static bool is_token_char(char c)
{
    static const bool table[256] = {
        ['!'] = 1,  ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1,  ['\''] = 1,
        ['*'] = 1,  ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1,  ['_'] = 1,
        ['`'] = 1,  ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1,     ['A' ... 'Z'] = 1,
        ['a' ... 'z'] = 1,
    };
    return table[(uint8_t)c];
}

static size_t token_len(const char *bytes, size_t len)
{
    size_t i = 0;
    while (i < len && is_token_char(bytes[i]))
        i++;
    return i;
}

/* Could these bytes begin a first line? Answers early, so that another protocol is let go at once. */
static bool first_line_is_possible(const struct http1_parser *parser, const char *bytes, size_t len)
{
    if (parser->is_response)
        return memcmp(bytes, "HTTP/1.", MIN(len, 7)) == 0;
    size_t method_len = token_len(bytes, MIN(len, HTTP1_METHOD_LEN_MAX + 1));
    if (method_len == len)
        return len <= HTTP1_METHOD_LEN_MAX;
    return method_len > 0 && method_len <= HTTP1_METHOD_LEN_MAX && bytes[method_len] == ' ';
}

/* Keeps the beginning of a split line. */
static size_t line_keep(struct http1_parser *parser, struct http1_line *line, const char *bytes,
                        size_t len, struct http1_event *event)
{
    if (!line)
        return event_set(event, HTTP1_NO_LINE, 0);
    size_t kept = MIN(len, sizeof line->bytes - parser->line_len);
    memcpy(line->bytes + parser->line_len, bytes, kept);
    parser->line_len += (uint32_t)kept;
    if (kept < len)
        parser->line_is_cut = true;
    if (parser->state == STATE_FIRST_LINE &&
        (parser->line_is_cut || !first_line_is_possible(parser, line->bytes, parser->line_len)))
        return invalid(parser, event);
    return event_set(event, HTTP1_MORE, len);
}

/* Takes a whole line if the input ends one: @out is it without its line break, in the input or, if it
 * came in pieces, in @line. Returns the bytes consumed; @event->type is HTTP1_MORE, HTTP1_NO_LINE or
 * HTTP1_INVALID while there is no whole line, in which case @out->bytes is NULL. */
static size_t line_take(struct http1_parser *parser, struct http1_line *line, const char *bytes,
                        size_t len, struct http1_event *event, struct span_of_bytes *out)
{
    const char *newline = len ? memchr(bytes, '\n', len) : NULL;
    out->bytes = NULL;
    if (!newline)
        return len ? line_keep(parser, line, bytes, len, event) : event_set(event, HTTP1_MORE, 0);
    size_t consumed = (size_t)(newline - bytes) + 1;
    event->is_cut = false;
    if (LIKELY(parser->line_len == 0)) {
        *out = (struct span_of_bytes){bytes, consumed - 1};
    } else {
        size_t kept = line_keep(parser, line, bytes, consumed - 1, event);
        if (event->type != HTTP1_MORE)
            return kept;
        *out = (struct span_of_bytes){line->bytes, parser->line_len};
        event->is_cut = parser->line_is_cut;
        parser->line_len = 0;
        parser->line_is_cut = false;
    }
    if (out->len && out->bytes[out->len - 1] == '\r')
        out->len--;
    return consumed;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* "HTTP/1." DIGIT at @bytes; RFC 9112 2.3. Returns the minor version, or -1. */
static int version_minor(const char *bytes, size_t len)
{
    return len >= 8 && memcmp(bytes, "HTTP/1.", 7) == 0 ? digit(bytes[7]) : -1;
}

/* method SP request-target SP HTTP-version; RFC 9112 3. */
static bool request_line_parse(struct span_of_bytes line, struct http1_event *event)
{
    size_t method_len = token_len(line.bytes, line.len);
    if (method_len == 0 || method_len > HTTP1_METHOD_LEN_MAX || line.len < method_len + 11)
        return false;
    const char *version = line.bytes + line.len - 8;
    event->minor = version_minor(version, 8);
    if (line.bytes[method_len] != ' ' || version[-1] != ' ' || event->minor < 0)
        return false;
    event->name = line.bytes;
    event->name_len = method_len;
    event->value = line.bytes + method_len + 1;
    event->value_len = (size_t)(version - 1 - event->value);
    return memchr(event->value, ' ', event->value_len) == NULL;
}

/* HTTP-version SP status-code [ SP reason ]; RFC 9112 4. */
static bool status_line_parse(struct span_of_bytes line, struct http1_event *event)
{
    event->minor = version_minor(line.bytes, line.len);
    if (event->minor < 0 || line.len < 12 || line.bytes[8] != ' ' ||
        (line.len > 12 && line.bytes[12] != ' '))
        return false;
    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (digit(line.bytes[i]) < 0)
            return false;
        status = status * 10 + digit(line.bytes[i]);
    }
    event->status = status;
    return status >= 100;
}

static bool first_line_parse(struct http1_parser *parser, struct span_of_bytes line,
                             struct http1_event *event)
{
    event->type = parser->is_response ? HTTP1_STATUS_LINE : HTTP1_REQUEST_LINE;
    parser->declared = (struct http1_declared){.length = 0};
    return parser->is_response ? status_line_parse(line, event) : request_line_parse(line, event);
}

static NOINLINE size_t first_line_next(struct http1_parser *parser, struct http1_line *line,
                              const char *bytes, size_t len, struct http1_event *event)
{
    struct span_of_bytes whole;
    size_t consumed = line_take(parser, line, bytes, len, event, &whole);
    if (!whole.bytes)
        return consumed;
    if (event->is_cut)
        return invalid(parser, event);
    if (!first_line_parse(parser, whole, event))
        return invalid(parser, event);
    parser->state = STATE_FIELD;
    return consumed;
}

static bool ends_in_chunked(const char *value, size_t len)
{
    static const char chunked[] = "chunked";
    size_t n = sizeof chunked - 1;
    if (len < n || (len > n && is_token_char(value[len - n - 1])))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((value[len - n + i] | 32) != chunked[i])
            return false;
    return true;
}

/* A list of the same number is allowed (RFC 9112 6.3 5.); anything else is not. */
static bool content_length_note(struct http1_parser *parser, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t number = 0;
        size_t first = i;
        for (; i < len && digit(value[i]) >= 0; i++) {
            if (number > (UINT64_MAX - 9) / 10)
                return false;
            number = number * 10 + (uint64_t)digit(value[i]);
        }
        if (i == first || (parser->declared.has_length && parser->declared.length != number))
            return false;
        parser->declared.has_length = true;
        parser->declared.length = number;
        while (i < len && text_is_blank(value[i]))
            i++;
        if (i < len && value[i] != ',')
            return false;
        while (i + 1 < len && text_is_blank(value[i + 1]))
            i++;
    }
    return parser->declared.has_length;
}

static bool framing_field_note(struct http1_parser *parser, const struct http1_event *event)
{
    if (HTTP1_NAME_IS(event, "content-length"))
        return !event->is_cut && content_length_note(parser, event->value, event->value_len);
    if (HTTP1_NAME_IS(event, "transfer-encoding")) {
        if (event->is_cut)
            return false;
        parser->declared.is_identity = !parser->declared.has_coding && event->value_len == 8 &&
                              strncasecmp(event->value, "identity", 8) == 0;
        parser->declared.has_coding = true;
        parser->declared.is_chunked = ends_in_chunked(event->value, event->value_len);
    }
    return true;
}

/* @at: behind the colon; what follows is OWS field-value OWS. */
static inline void field_set(struct span_of_bytes line, size_t name_len, size_t at,
                             struct http1_event *event)
{
    size_t end = line.len;
    while (at < end && text_is_blank(line.bytes[at]))
        at++;
    while (end > at && text_is_blank(line.bytes[end - 1]))
        end--;
    event->name = line.bytes;
    event->name_len = name_len;
    event->value = line.bytes + at;
    event->value_len = end - at;
}

/* field-name ":" and its value; a line that begins with a blank (obs-fold) is told as a field without a
 * name. RFC 9112 5. */
static bool field_parse(struct span_of_bytes line, struct http1_event *event)
{
    const char *colon = memchr(line.bytes, ':', line.len);
    bool is_folded = text_is_blank(line.bytes[0]);
    if (is_folded) {
        field_set(line, 0, 0, event);
        return true;
    }
    if (!colon || colon == line.bytes)
        return false;
    size_t name_len = (size_t)(colon - line.bytes);
    while (text_is_blank(line.bytes[name_len - 1]))
        name_len--;
    field_set(line, name_len, (size_t)(colon - line.bytes) + 1, event);
    return true;
}

static bool len_is_told(size_t name_len, uint32_t lens)
{
    return lens >> (name_len & 31) & 1;
}

static bool len_is_of_framing(size_t name_len)
{
    return name_len == CONTENT_LENGTH_LEN || name_len == TRANSFER_ENCODING_LEN;
}

/* May a field that begins so be one that is told or says how the body is framed? */
static bool is_looked_at(const struct http1_parser *parser, char first)
{
    return ((parser->told.letters | FRAMING_LETTERS) & HTTP1_LETTER(first)) != 0;
}

/* The next field that is told, or the blank line. */
static NOINLINE size_t field_next(struct http1_parser *parser, struct http1_line *line, const char *bytes,
                         size_t len, struct http1_event *event)
{
    struct span_of_bytes whole;
    size_t passed = 0;
    bool is_told = false;
    do {
        if (passed < len && parser->line_len == 0 &&
            (bytes[passed] == '\r' || bytes[passed] == '\n')) {
            parser->state = STATE_BLANK;
            return event_set(event, HTTP1_BLANK_LINE, passed);
        }
        passed += line_take(parser, line, bytes + passed, len - passed, event, &whole);
        if (!whole.bytes)
            return event->type == HTTP1_NO_LINE ? 0 : passed; /* then it is all looked at again */
        if (!whole.len)
            return invalid(parser, event);
        if (!is_looked_at(parser, whole.bytes[0]))
            continue;
        if (!field_parse(whole, event) || !framing_field_note(parser, event))
            return invalid(parser, event);
        is_told = len_is_told(event->name_len, parser->told.lens);
    } while (!is_told);
    return event_set(event, HTTP1_HEADER, passed);
}

/* CRLF or LF, of which a CR may have come alone. */
static NOINLINE size_t blank_next(struct http1_parser *parser, const char *bytes, size_t len,
                         struct http1_event *event, enum state after)
{
    size_t consumed = 0;
    if (len && parser->line_len == 0 && bytes[0] == '\r') {
        parser->line_len = 1;
        consumed = 1;
    }
    if (consumed == len)
        return event_set(event, HTTP1_MORE, consumed);
    if (bytes[consumed] != '\n')
        return invalid(parser, event);
    parser->line_len = 0;
    parser->state = (uint8_t)after;
    return event_set(event, HTTP1_HEAD_END, consumed + 1);
}

/* What comes before the newline and the carriage return, if there is one. */
static struct span_of_bytes line_before(const char *bytes, const char *newline)
{
    bool has_return = newline > bytes && newline[-1] == '\r';
    return (struct span_of_bytes){bytes, (size_t)(newline - bytes) - has_return};
}

/* name ":" value, as almost every field is; for one that is wanted, also what field_parse says. @end: of
 * what may be read. */
static inline bool plain_field_take(struct http1_parser *parser, const char *bytes,
                                    const char *newline, const char *end, size_t at, struct http1_head *out)
{
    const char *colon = bytes_find(bytes, end, ':');
    if (!colon || colon > newline || colon == bytes || text_is_blank(colon[-1]))
        return false;
    size_t name_len = (size_t)(colon - bytes);
    bool is_told = len_is_told(name_len, parser->told.lens), may_frame = len_is_of_framing(name_len);
    if (!is_told && !may_frame)
        return true;
    if (may_frame)
        out->framing_at = at;
    if (out->field_count == ARRAY_LEN(out->fields))
        return false; /* unusual enough */
    struct http1_event *field = &out->fields[out->field_count];
    field->type = HTTP1_HEADER;
    field->is_cut = false;
    out->field_count += is_told;
    field_set(line_before(bytes, newline), name_len, name_len + 1, field);
    return framing_field_note(parser, field);
}

static size_t blank_line_len(const char *bytes, const char *end)
{
    if (*bytes == '\n')
        return 1;
    return *bytes == '\r' && bytes + 1 < end && bytes[1] == '\n' ? 2 : 0;
}

/* All up to @at is known; with the blank line there the head is complete. */
static ALWAYS_INLINE size_t head_end_take(struct http1_parser *parser, const char *bytes, const char *at,
                                          const char *end, struct http1_head *out)
{
    size_t blank_len = at < end ? blank_line_len(at, end) : 0;
    if (blank_len == 0)
        return 0;
    out->blank_line_at = (size_t)(at - bytes);
    out->len = out->blank_line_at + blank_len;
    parser->state = STATE_FRAMING;
    return out->len;
}

/* The lines of a head from @at on. */
static NOINLINE size_t fields_take(struct http1_parser *parser, const char *bytes, const char *at, const char *end,
                                        struct http1_head *out)
{
    out->field_count = out->framing_at = 0;
    for (const char *newline; at < end && (uint8_t)*at > ' '; at = newline + 1) {
        newline = bytes_find(at, end, '\n');
        if (!newline)
            return 0;
        if (is_looked_at(parser, *at) &&
            !plain_field_take(parser, at, newline, end, (size_t)(at - bytes), out))
            return 0;
    }
    return head_end_take(parser, bytes, at, end, out);
}

size_t http1_take_head(struct http1_parser *parser, const char *bytes, size_t len,
                       struct http1_head *out)
{
    if (parser->state != STATE_START || len == 0)
        return 0;
    const char *end = bytes + len;
    const char *newline = bytes_find(bytes, end, '\n');
    if (!newline || !first_line_parse(parser, line_before(bytes, newline), &out->first_line))
        return 0;
    out->is_known = false;
    return fields_take(parser, bytes, newline + 1, end, out);
}

bool http1_know(struct http1_known *known, const struct http1_parser *parser, const char *bytes, size_t len,
                const struct http1_head *head)
{
    known->len = 0;
    if (len > sizeof known->bytes || head->framing_at >= len)
        return false;
    memcpy(known->bytes, bytes, len);
    known->len = (uint16_t)len;
    known->status = head->first_line.status;
    known->declared = parser->declared;
    return true;
}

size_t http1_take_known_head(struct http1_parser *parser, const struct http1_known *known, const char *bytes,
                             size_t len, struct http1_head *out)
{
    parser->declared = known->declared;
    out->first_line.status = known->status;
    out->is_known = true;
    out->field_count = out->framing_at = 0;
    size_t whole_len = head_end_take(parser, bytes, bytes + known->len, bytes + len, out);
    return LIKELY(whole_len) ? whole_len : fields_take(parser, bytes, bytes + known->len, bytes + len, out);
}

void http1_set_framing(struct http1_parser *parser, enum http1_framing framing)
{
    parser->state = STATE_END;
    if (framing == HTTP1_FRAMING_NONE)
        return;
    if (parser->declared.is_chunked) {
        parser->state = STATE_CHUNK_SIZE;
    } else if (parser->declared.has_coding && !(parser->declared.is_identity && framing == HTTP1_FRAMING_RESPONSE)) {
        /* A coding that does not end in chunked: a response lasts until the connection ends, a
         * request cannot be delimited. */
        parser->state = framing == HTTP1_FRAMING_RESPONSE ? STATE_UNTIL_CLOSE : STATE_INVALID;
    } else if (parser->declared.has_length) {
        parser->remaining = parser->declared.length;
        parser->state = parser->declared.length ? STATE_LENGTH : STATE_END;
    } else if (framing == HTTP1_FRAMING_RESPONSE) {
        parser->state = STATE_UNTIL_CLOSE;
    }
}

static size_t counted_next(struct http1_parser *parser, size_t len, struct http1_event *event,
                           enum state after)
{
    size_t consumed = (size_t)MIN((uint64_t)len, parser->remaining);
    parser->remaining -= consumed;
    if (parser->remaining == 0)
        parser->state = (uint8_t)after;
    event->count = consumed;
    return event_set(event, consumed ? HTTP1_BODY : HTTP1_MORE, consumed);
}

bool http1_take_rest(struct http1_parser *parser, size_t len, size_t *body_len)
{
    uint64_t left = parser->state == STATE_LENGTH ? parser->remaining : 0;
    if ((parser->state != STATE_END && parser->state != STATE_LENGTH) || left > len)
        return false;
    parser->state = STATE_START;
    parser->remaining = 0;
    *body_len = (size_t)left;
    return true;
}

static int hex_digit(char c)
{
    if (digit(c) >= 0)
        return digit(c);
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* chunk-size [ chunk-ext ]; RFC 9112 7.1. */
static bool chunk_size_parse(struct span_of_bytes line, uint64_t *size)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < line.len && hex_digit(line.bytes[i]) >= 0; i++) {
        if (value >> 60)
            return false;
        value = value << 4 | (uint64_t)hex_digit(line.bytes[i]);
    }
    if (i == 0 || (i < line.len && line.bytes[i] != ';' && !text_is_blank(line.bytes[i])))
        return false;
    *size = value;
    return true;
}

static NOINLINE size_t framing_line_next(struct http1_parser *parser, struct http1_line *line,
                                const char *bytes, size_t len, struct http1_event *event)
{
    struct span_of_bytes whole;
    size_t consumed = line_take(parser, line, bytes, len, event, &whole);
    if (!whole.bytes)
        return consumed;
    if (parser->state == STATE_CHUNK_SIZE) {
        if (!chunk_size_parse(whole, &parser->remaining))
            return invalid(parser, event);
        parser->state = parser->remaining ? STATE_CHUNK_BYTES : STATE_TRAILER;
    } else if (parser->state == STATE_CHUNK_END) {
        if (whole.len)
            return invalid(parser, event);
        parser->state = STATE_CHUNK_SIZE;
    } else if (!whole.len) {
        parser->state = STATE_END;
    }
    event->count = 0;
    return event_set(event, HTTP1_BODY, consumed);
}

static NOINLINE size_t start_next(struct http1_parser *parser, const char *bytes, size_t len,
                         struct http1_event *event)
{
    size_t blank = 0;
    while (blank < len && (bytes[blank] == '\r' || bytes[blank] == '\n'))
        blank++;
    if (blank == len)
        return event_set(event, HTTP1_MORE, len);
    if (!first_line_is_possible(parser, bytes + blank, len - blank))
        return invalid(parser, event);
    parser->state = STATE_FIRST_LINE;
    return event_set(event, HTTP1_MESSAGE_START, blank);
}

size_t http1_next(struct http1_parser *parser, struct http1_line *line, const char *bytes, size_t len,
                  struct http1_event *event)
{
    switch ((enum state)parser->state) {
    case STATE_START:
        return start_next(parser, bytes, len, event);
    case STATE_FIRST_LINE:
        return first_line_next(parser, line, bytes, len, event);
    case STATE_FIELD:
        return field_next(parser, line, bytes, len, event);
    case STATE_BLANK:
        return blank_next(parser, bytes, len, event, STATE_FRAMING);
    case STATE_LENGTH:
        return counted_next(parser, len, event, STATE_END);
    case STATE_CHUNK_BYTES:
        return counted_next(parser, len, event, STATE_CHUNK_END);
    case STATE_UNTIL_CLOSE:
        event->count = len;
        return event_set(event, len ? HTTP1_BODY : HTTP1_MORE, len);
    case STATE_CHUNK_SIZE:
    case STATE_CHUNK_END:
    case STATE_TRAILER:
        return framing_line_next(parser, line, bytes, len, event);
    case STATE_END:
        parser->state = STATE_START;
        return event_set(event, HTTP1_MESSAGE_END, 0);
    case STATE_FRAMING:
    case STATE_INVALID:
        break;
    }
    return invalid(parser, event);
}

bool http1_skip(struct http1_parser *parser, uint64_t count)
{
    if (parser->state == STATE_UNTIL_CLOSE)
        return true;
    if ((parser->state != STATE_LENGTH && parser->state != STATE_CHUNK_BYTES) ||
        count > parser->remaining)
        return false;
    parser->remaining -= count;
    if (parser->remaining == 0)
        parser->state = parser->state == STATE_LENGTH ? STATE_END : STATE_CHUNK_END;
    return true;
}

bool http1_body_ends_with_connection(const struct http1_parser *parser)
{
    return parser->state == STATE_UNTIL_CLOSE;
}

bool http1_needs_line(const struct http1_parser *parser)
{
    return parser->line_len > 0 && parser->state != STATE_BLANK;
}
