#include "wire/fastcgi.h"

#include "base/compiler.h"

#include <string.h>

enum { FIXED_BODY_LEN = FASTCGI_HEADER_LEN, END_PROTOCOL_STATUS_AT = 4 };

enum state {
    STATE_HEADER,
    STATE_FIXED,   /* the body of a BEGIN_REQUEST or END_REQUEST: as long as a header */
    STATE_STREAM,  /* content that is told of */
    STATE_PASSED,  /* content that is not */
    STATE_PADDING,
    STATE_INVALID,
};

static uint16_t number_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

bool fastcgi_recognise(const char *bytes, size_t len)
{
    const uint8_t *header = (const uint8_t *)bytes;
    return len >= FASTCGI_HEADER_LEN && header[0] == FASTCGI_VERSION && header[1] == FASTCGI_BEGIN_REQUEST &&
           number_at(header + 2) != 0 && number_at(header + 4) == FIXED_BODY_LEN;
}

void fastcgi_init(struct fastcgi_parser *parser)
{
    memset(parser, 0, sizeof *parser);
}

static bool is_stream(uint8_t type)
{
    return type == FASTCGI_PARAMS || type == FASTCGI_STDIN || type == FASTCGI_STDOUT;
}

static bool is_fixed(uint8_t type)
{
    return type == FASTCGI_BEGIN_REQUEST || type == FASTCGI_END_REQUEST;
}

/* What comes after the content. */
static void content_end(struct fastcgi_parser *parser)
{
    parser->state = parser->padding_len ? STATE_PADDING : STATE_HEADER;
    parser->fill = 0;
}

static void event_begin(const struct fastcgi_parser *parser, struct fastcgi_event *event, enum fastcgi_event_type type)
{
    event->type = type;
    event->record_type = parser->record_type;
    event->request_id = parser->request_id;
}

/* All of the header is there. */
static void header_read(struct fastcgi_parser *parser, struct fastcgi_event *event)
{
    const uint8_t *header = parser->room;
    parser->record_type = header[1];
    parser->request_id = number_at(header + 2);
    parser->content_left = number_at(header + 4);
    parser->padding_len = header[6];
    parser->fill = 0;
    if (header[0] != FASTCGI_VERSION ||
        (is_fixed(parser->record_type) && parser->content_left != FIXED_BODY_LEN)) {
        parser->state = STATE_INVALID;
        event->type = FASTCGI_INVALID;
    } else if (is_fixed(parser->record_type)) {
        parser->state = STATE_FIXED;
    } else if (parser->content_left) {
        parser->state = is_stream(parser->record_type) && parser->request_id ? STATE_STREAM : STATE_PASSED;
    } else {
        content_end(parser);
        if (!is_stream(parser->record_type) || !parser->request_id)
            return;
        event_begin(parser, event, FASTCGI_STREAM_END);
        event->offset = parser->record_offset;
    }
}

static void fixed_read(struct fastcgi_parser *parser, struct fastcgi_event *event)
{
    bool is_end = parser->record_type == FASTCGI_END_REQUEST;
    event_begin(parser, event, is_end ? FASTCGI_END : FASTCGI_BEGIN);
    event->protocol_status = parser->room[END_PROTOCOL_STATUS_AT];
    content_end(parser);
}

static size_t room_fill(struct fastcgi_parser *parser, const char *bytes, size_t len)
{
    size_t part = MIN(len, sizeof parser->room - parser->fill);
    memcpy(parser->room + parser->fill, bytes, part);
    parser->fill = (uint8_t)(parser->fill + part);
    return part;
}

static size_t content_take(struct fastcgi_parser *parser, const char *bytes, size_t len, struct fastcgi_event *event)
{
    size_t part = MIN(len, (size_t)parser->content_left);
    bool is_told = parser->state == STATE_STREAM;
    parser->content_left = (uint16_t)(parser->content_left - part);
    if (is_told) {
        event_begin(parser, event, FASTCGI_STREAM);
        event->bytes = bytes;
        event->len = part;
        event->offset = parser->offset;
    }
    if (!parser->content_left)
        content_end(parser);
    return part;
}

static size_t padding_take(struct fastcgi_parser *parser, size_t len)
{
    size_t part = MIN(len, (size_t)parser->padding_len);
    parser->padding_len = (uint8_t)(parser->padding_len - part);
    if (!parser->padding_len)
        parser->state = STATE_HEADER;
    return part;
}

/* What there is of one part of a record. */
static size_t part_take(struct fastcgi_parser *parser, const char *bytes, size_t len, struct fastcgi_event *event)
{
    size_t taken;
    switch ((enum state)parser->state) {
    case STATE_HEADER:
        if (!parser->fill)
            parser->record_offset = parser->offset;
        taken = room_fill(parser, bytes, len);
        if (parser->fill == sizeof parser->room)
            header_read(parser, event);
        return taken;
    case STATE_FIXED:
        taken = room_fill(parser, bytes, len);
        if (parser->fill == sizeof parser->room)
            fixed_read(parser, event);
        return taken;
    case STATE_STREAM:
    case STATE_PASSED:
        return content_take(parser, bytes, len, event);
    case STATE_PADDING:
        return padding_take(parser, len);
    default:
        event->type = FASTCGI_INVALID;
        return 0;
    }
}

size_t fastcgi_next(struct fastcgi_parser *parser, const char *bytes, size_t len, struct fastcgi_event *event)
{
    size_t at = 0;
    *event = (struct fastcgi_event){.type = FASTCGI_MORE};
    while (at < len && event->type == FASTCGI_MORE) {
        size_t taken = part_take(parser, bytes + at, len - at, event);
        parser->offset += taken;
        at += taken;
    }
    if (parser->state == STATE_INVALID)
        event->type = FASTCGI_INVALID;
    return at;
}

bool fastcgi_skip(struct fastcgi_parser *parser, uint64_t count, struct fastcgi_event *event)
{
    if (parser->state != STATE_STREAM || count > parser->content_left)
        return false;
    event_begin(parser, event, FASTCGI_STREAM);
    event->bytes = NULL;
    event->len = (size_t)count;
    event->offset = parser->offset;
    parser->offset += count;
    parser->content_left = (uint16_t)(parser->content_left - count);
    if (!parser->content_left)
        content_end(parser);
    return true;
}
