/* fastcgi.h - the records of FastCGI, one direction of a connection: bytes go in piecemeal, events come out. It knows
 * nothing of sockets or spans, and keeps no bytes but a header's. FastCGI Specification 1.0, sections 3 to 5. */
#ifndef RUN_TRACED_WIRE_FASTCGI_H
#define RUN_TRACED_WIRE_FASTCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FASTCGI_VERSION = 1, FASTCGI_HEADER_LEN = 8, FASTCGI_CONTENT_LEN_MAX = 65535 };

enum fastcgi_record_type {
    FASTCGI_BEGIN_REQUEST = 1,
    FASTCGI_END_REQUEST = 3,
    FASTCGI_PARAMS = 4,
    FASTCGI_STDIN = 5,
    FASTCGI_STDOUT = 6,
};

/* How an END_REQUEST says that a request was dealt with. */
enum fastcgi_protocol_status {
    FASTCGI_REQUEST_COMPLETE,
    FASTCGI_CANT_MPX_CONN,
    FASTCGI_OVERLOADED,
    FASTCGI_UNKNOWN_ROLE,
};

enum fastcgi_event_type {
    FASTCGI_MORE,       /* all input was consumed; nothing else to tell */
    FASTCGI_BEGIN,      /* a BEGIN_REQUEST is complete */
    FASTCGI_STREAM,     /* consumed content of a PARAMS, STDIN or STDOUT record, all of it or a part */
    FASTCGI_STREAM_END, /* an empty record of one of these: its stream ends */
    FASTCGI_END,        /* an END_REQUEST is complete */
    FASTCGI_INVALID,    /* not FastCGI; every later call says so again */
};

struct fastcgi_event {
    enum fastcgi_event_type type;
    uint8_t record_type; /* STREAM, STREAM_END: enum fastcgi_record_type */
    uint16_t request_id;
    const char *bytes; /* STREAM: lie in the input */
    size_t len;
    uint64_t offset;         /* STREAM: of bytes[0]; STREAM_END: of the record's header */
    uint8_t protocol_status; /* END */
};

struct fastcgi_parser {
    uint8_t state;
    uint8_t fill; /* bytes in room */
    uint8_t record_type;
    uint8_t padding_len;
    uint16_t request_id;
    uint16_t content_left;
    uint64_t offset; /* of the next byte; the owner may set it */
    uint64_t record_offset;
    uint8_t room[FASTCGI_HEADER_LEN]; /* a header, or the body of a BEGIN_REQUEST or END_REQUEST */
};

/* fastcgi_recognise - is this the beginning of a connection that requests are made on? Whole headers alone are known:
 * eight bytes that hardly anything else begins with. Hot path, signal-safe. */
bool fastcgi_recognise(const char *bytes, size_t len);

/* fastcgi_init - ready for the first record. */
void fastcgi_init(struct fastcgi_parser *parser);

/* fastcgi_next - takes input up to the next event. Records that we have nothing to do with (management records,
 * standard error, types of later versions) are passed over. Returns the count of bytes consumed. Hot path,
 * signal-safe. */
size_t fastcgi_next(struct fastcgi_parser *parser, const char *bytes, size_t len, struct fastcgi_event *event);

/* fastcgi_skip - @count bytes went by unseen. Returns true if all of them can only have been content of a stream,
 * which is told in @event; false if the parser has lost its place. */
bool fastcgi_skip(struct fastcgi_parser *parser, uint64_t count, struct fastcgi_event *event);

#endif
