/* http_extras.h - the fields of a request's head that are looked at because of how tracing was set up: those of the
 * propagators in use, baggage, and those to become attributes. Few requests have any. All functions: with the
 * connection's lock held; hot path, signal-safe, unless they say otherwise. */
#ifndef RUN_TRACED_WIRE_HTTP_EXTRAS_H
#define RUN_TRACED_WIRE_HTTP_EXTRAS_H

#include "base/compiler.h"
#include "trace/propagator.h"
#include "trace/span.h"
#include "wire/http1.h"

enum { HTTP_CAPTURED_MAX = 32, HTTP_CAPTURED_LEN_MAX = 512, HTTP_EXTRAS_LEN_MAX = 4096 };

/* Not known, or the value does not lie there in one piece. */
#define HTTP_EXTRAS_NO_OFFSET UINT64_MAX

struct http_extras {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct carrier carrier;                /* its values lie in bytes */
    uint64_t offsets[CARRIER_FIELD_COUNT]; /* of the values in what the application sends */
    int8_t last_field;                     /* the enum carrier_field that was noted last; -1: none */
    bool has_baggage;
    uint8_t captured_count;
    uint16_t bytes_len;
    struct http_captured {
        uint8_t name; /* in the list of those to be captured */
        uint16_t at, len;
    } captured[HTTP_CAPTURED_MAX];
    struct span_context baggage; /* nothing but its baggage */
    char bytes[HTTP_EXTRAS_LEN_MAX];
};

/* What of a head is looked at. */
struct http_extras_wanted {
    struct http1_fields told; /* to http1_init, for requests */
    bool is_capturing;
};
extern struct http_extras_wanted g_http_extras_wanted;

/* http_extras_init - after propagators_init_from_environment; reads RUN_TRACED_CAPTURE_HEADERS, names of request
 * header fields parted by commas. Library start-up only. */
void http_extras_init(void);

/* http_extras_note - keeps @field if it is baggage or belongs to a propagator in use. *@extras may be NULL: made if
 * needed. What does not fit counts as malformed. */
void http_extras_note(struct http_extras **extras, const struct http1_event *field);

/* http_extras_note_offset - where the value of the field noted last begins in what the application sends. */
void http_extras_note_offset(struct http_extras *extras, uint64_t offset);

/* http_extras_capture - keeps @field if it is to become an attribute; a long value is cut. */
void http_extras_capture(struct http_extras **extras, const struct http1_event *field);

/* http_extras_describe - what was captured becomes attributes http.request.header.NAME, an array of the values; that of
 * a field known to carry secrets is REDACTED (trace/secret_name.h), a URL as url.full. @extras may be NULL. */
void http_extras_captured_describe(const struct http_extras *extras, struct span *span);
static inline void http_extras_describe(const struct http_extras *extras, struct span *span)
{
    if (UNLIKELY(extras != NULL) && extras->captured_count)
        http_extras_captured_describe(extras, span);
}

/* http_extras_free - *@extras may be NULL, and is so then. */
void http_extras_free(struct http_extras **extras);

#endif
