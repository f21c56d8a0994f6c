/* http1.h - an incremental HTTP/1.0 and 1.1 parser for one direction of a connection.
 *
 * It knows nothing of sockets, spans or memory beyond one line: bytes go in piecemeal, events come
 * out. RFC 9112; where that allows a recipient to be lenient (bare LF, empty lines before a message,
 * obs-fold), it is, and so with fields that we have nothing to do with, whatever they look like. */
#ifndef RUN_TRACED_WIRE_HTTP1_H
#define RUN_TRACED_WIRE_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    HTTP1_LINE_LEN_MAX = 8192,
    HTTP1_METHOD_LEN_MAX = 24,
    HTTP1_HEAD_FIELDS_MAX = 12,
    HTTP1_KNOWN_LEN_MAX = 512,
};

/* Which header fields are told of: those whose name's first letter and length are among these. Most fields
 * are nobody's business, and are passed over without a look at more than their first letter. */
struct http1_fields {
    uint32_t letters; /* bit HTTP1_LETTER('a') and so on, for both cases */
    uint32_t lens;    /* bit HTTP1_NAME_LEN(n): names of n bytes, or 32 more, and so on */
};
#define HTTP1_LETTER(c) (1U << ((c) & 31))
#define HTTP1_NAME_LEN(n) (1U << ((n) & 31))

/* Holds a line that is split over several inputs; its owner keeps it while http1_needs_line says so. */
struct http1_line {
    uint32_t link; /* belongs to the slab it comes from */
    uint32_t index;
    char bytes[HTTP1_LINE_LEN_MAX];
};

enum http1_event_type {
    HTTP1_MORE,          /* all input was consumed; nothing else to tell */
    HTTP1_MESSAGE_START, /* the next byte is the first of a message; consumes empty lines before it */
    HTTP1_REQUEST_LINE,
    HTTP1_STATUS_LINE,
    HTTP1_HEADER, /* a field that was asked for: http1_init */
    HTTP1_BLANK_LINE, /* the next byte begins the line that ends the head; consumes nothing */
    HTTP1_HEAD_END,   /* how the body is framed must be said now: http1_set_framing */
    HTTP1_BODY,       /* consumed bytes of body, framing included */
    HTTP1_MESSAGE_END, /* consumes nothing */
    HTTP1_NO_LINE,     /* a line is split here and @line was NULL; consumes nothing */
    HTTP1_INVALID,     /* not HTTP/1; every later call says so again */
};

struct http1_event {
    enum http1_event_type type;
    const char *name; /* REQUEST_LINE: method; HEADER: field name. Valid until the next call */
    size_t name_len;
    const char *value; /* REQUEST_LINE: target; HEADER: value without white space around it */
    size_t value_len;
    bool is_cut;    /* HEADER: the line was longer than HTTP1_LINE_LEN_MAX; value is its beginning */
    int status;     /* STATUS_LINE: 100 to 999 */
    int minor;      /* REQUEST_LINE, STATUS_LINE: 0 or 1 of HTTP/1.x */
    uint64_t count; /* BODY: bytes of content, framing not included */
};

/* A head that was taken in one go: each event is one that http1_next would have told of. */
struct http1_head {
    struct http1_event first_line;
    struct http1_event fields[HTTP1_HEAD_FIELDS_MAX];
    size_t field_count;
    size_t len; /* bytes, with the blank line */
    size_t blank_line_at; /* where HTTP1_BLANK_LINE would have been told */
    size_t framing_at;    /* where the last field begins that says how the body is framed; 0: there is none */
    bool is_known;        /* what was known of it is not among these: http1_take_known_head */
};

/* What a head says of how its body is framed. */
struct http1_declared {
    bool is_chunked;  /* the last Transfer-Encoding is chunked */
    bool has_coding;  /* there is a Transfer-Encoding */
    bool is_identity; /* it is only "identity", which HTTP/1.1 had once: RFC 2616, section 3.6 */
    bool has_length;
    uint64_t length; /* Content-Length */
};

/* The first lines of a head, and what they say: most connections say the same again and again, and what is the same
 * byte by byte need not be parsed again. */
struct http1_known {
    uint16_t len; /* bytes; 0: nothing is known */
    int status;   /* of a response */
    struct http1_declared declared;
    char bytes[HTTP1_KNOWN_LEN_MAX];
};

enum http1_framing {
    HTTP1_FRAMING_NONE,     /* no body, whatever the header fields say */
    HTTP1_FRAMING_DECLARED, /* as Transfer-Encoding and Content-Length say; none if they are absent */
    HTTP1_FRAMING_RESPONSE, /* the same, but until the end of the connection if they are absent */
};

struct http1_parser {
    uint8_t state;
    bool is_response;
    bool line_is_cut;
    struct http1_fields told;
    uint32_t line_len;   /* bytes of a split line that are in struct http1_line */
    struct http1_declared declared;
    uint64_t remaining;  /* bytes of body or chunk still to come */
};

/* http1_init - ready for the first message. @is_response: status lines, not request lines. */
void http1_init(struct http1_parser *parser, bool is_response, struct http1_fields told);

/* http1_take_head - the usual case in one go: a message that begins with the first of @bytes and whose
 * head ends among them. Returns @out->len, and from then on it is as after HTTP1_HEAD_END. Returns 0 with
 * nothing changed where the head is split, invalid or in any way
 * unusual: then http1_next finds out. Hot path, signal-safe. RFC 9112 sections 2 to 5. */
size_t http1_take_head(struct http1_parser *parser, const char *bytes, size_t len,
                       struct http1_head *out);

/* http1_know - keeps the first @len of @bytes, whole lines of the head that http1_take_head has just made @head of.
 * Returns false, @known empty, where that cannot be: they are too many, or a field behind them says how the body is
 * framed. */
bool http1_know(struct http1_known *known, const struct http1_parser *parser, const char *bytes, size_t len,
                const struct http1_head *head);

/* http1_is_known - what is @known, and more, stands there. */
static inline bool http1_is_known(const struct http1_known *known, const char *bytes, size_t len)
{
    return known->len && len > known->len && memcmp(bytes, known->bytes, known->len) == 0;
}

/* http1_take_known_head - as http1_take_head, between messages, of a head that begins with what is @known. Of that,
 * @out tells the status alone. */
size_t http1_take_known_head(struct http1_parser *parser, const struct http1_known *known, const char *bytes,
                             size_t len, struct http1_head *out);

/* http1_next - takes input up to the next event.
 * @line: room for a split line; may be NULL until the answer is HTTP1_NO_LINE.
 * @bytes, @len: input that was not consumed yet; @len may be 0 (an event may be due without input).
 * Returns the count of bytes consumed; @event says what they were. Hot path, signal-safe.
 * RFC 9112 sections 2 to 7. */
size_t http1_next(struct http1_parser *parser, struct http1_line *line, const char *bytes, size_t len,
                  struct http1_event *event);

/* http1_take_rest - the usual end of a message in one go: all of its body that is to come lies within the next @len
 * bytes, as it is. Returns true, @body_len how many of them it is, and it is as after HTTP1_MESSAGE_END; else false,
 * with nothing changed. */
bool http1_take_rest(struct http1_parser *parser, size_t len, size_t *body_len);

/* http1_set_framing - to be called at HTTP1_HEAD_END, before the next http1_next. RFC 9112, 6.3. */
void http1_set_framing(struct http1_parser *parser, enum http1_framing framing);

/* http1_skip - @count bytes went by unseen (sendfile, splice, MSG_TRUNC). Returns true if all of them
 * can only have been body; false if the parser has lost its place. */
bool http1_skip(struct http1_parser *parser, uint64_t count);

/* http1_is_between_messages - nothing of a message was seen since the last one ended. */
static inline bool http1_is_between_messages(const struct http1_parser *parser)
{
    return parser->state == 0;
}

/* http1_body_ends_with_connection - in a body that only the end of the connection ends. */
bool http1_body_ends_with_connection(const struct http1_parser *parser);

/* http1_needs_line - the struct http1_line must be kept. */
bool http1_needs_line(const struct http1_parser *parser);

/* http1_is_name - @name compared without regard to case with @lower of the same length: lower case letters
 * and hyphens, at least 4. Made for constants: a handful of instructions. */
static inline bool http1_is_name(const char *name, const char *lower, size_t len)
{
    uint32_t part, expected, difference = 0;
    for (size_t i = 0; i < len; i += sizeof part) {
        size_t at = i + sizeof part <= len ? i : len - sizeof part;
        memcpy(&part, name + at, sizeof part);
        memcpy(&expected, lower + at, sizeof part);
        /* Bit 6 tells a letter from a hyphen, bit 5 a lower case letter from an upper case one. */
        difference |= (part | (expected & 0x40404040) >> 1) ^ expected;
    }
    return difference == 0;
}

/* HTTP1_NAME_IS - is it the header field of this name? @lower: a literal, in lower case. */
#define HTTP1_NAME_IS(header, lower)                                                               \
    ((header)->name_len == sizeof(lower) - 1 &&                                                    \
     http1_is_name((header)->name, lower, sizeof(lower) - 1))

#endif
