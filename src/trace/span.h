/* span.h - the span record: fixed size, filled in place, no pointers, so that it can live in memory
 * that another process reads. */
#ifndef RUN_TRACED_TRACE_SPAN_H
#define RUN_TRACED_TRACE_SPAN_H

#include "trace/context.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum span_kind { SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT };
/* What a span tells of; belongs to no format. */
enum span_role { SPAN_ROLE_CALL, SPAN_ROLE_PROCESS };
enum span_status { SPAN_STATUS_UNSET, SPAN_STATUS_OK, SPAN_STATUS_ERROR };
enum span_state { SPAN_FREE, SPAN_OPEN, SPAN_ENDED };

enum span_event_id {
    SPAN_EVENT_NAME_FOUND,           /* the server's name was looked up */
    SPAN_EVENT_CONNECT,              /* connect(2) was called */
    SPAN_EVENT_CONNECTED,            /* the connection was seen to be established */
    SPAN_EVENT_TLS_START,            /* the first step of the handshake was made */
    SPAN_EVENT_TLS_DONE,             /* the handshake was over */
    SPAN_EVENT_REQUEST_FIRST_BYTE,   /* sent by a client, received by a server */
    SPAN_EVENT_RESPONSE_FIRST_BYTE,  /* received by a client, sent by a server */
    SPAN_EVENT_REDIRECTED,           /* the last request began, after what others answered */
    SPAN_EVENT_COUNT,
    SPAN_EVENT_CUSTOM = 0x10000, /* and beyond: plus where its name lies in the record */
};

enum attribute_key {
#define ATTRIBUTE(key, name) ATTRIBUTE_##key,
#include "trace/attributes.def"
#undef ATTRIBUTE
    ATTRIBUTE_COUNT,
    ATTRIBUTE_CUSTOM = ATTRIBUTE_COUNT, /* its name is in the record, before its value */
};

/* Among the attributes of a record, but none: what only the collector reads, or formats say in another way. */
enum span_part {
    SPAN_PART_LINKS = 0xff,
    SPAN_PART_BUILD_ID = 0xfe, /* of the module in run_traced.code.address */
    SPAN_PART_FRAMES = 0xfd,   /* return addresses, innermost first: trace/callsite.h */
    SPAN_PART_NAME = 0xfc,     /* the whole name of an INTERNAL span; the last one counts */
    SPAN_PART_EVENT_NAME = 0xfb, /* of a custom event, with a NUL */
    SPAN_PART_NOTHING = 0xfa,    /* counts no more */
};

_Static_assert((int)ATTRIBUTE_CUSTOM < (int)SPAN_PART_NOTHING, "no attribute is taken for a part");

enum attribute_type { ATTRIBUTE_STRING, ATTRIBUTE_INT, ATTRIBUTE_BOOL, ATTRIBUTE_STRING_ARRAY };

enum {
    BUILD_ID_LEN_MAX = 32,
    SPAN_RECORD_LEN = 2048,
    SPAN_BYTES_LEN = 1728,
    SPAN_NAME_LEN_MAX = 32,
    ATTRIBUTE_BLOCK_LEN_MAX = 510,
};

/* In the record's attribute bytes: this header, then len bytes: an int64_t, or text without NUL. Those of a
 * CUSTOM one begin with its name: a byte that says how long that is, and the name; a BOOL that has a byte then is what that
 * says, others are true. A STRING_ARRAY, which only a CUSTOM one can be, is text after text, each with its length, a
 * uint16_t, before it. */
struct attribute_header {
    uint8_t key;
    uint8_t type;
    uint16_t len;
};

enum { SPAN_LINKS_MAX = 8 };

/* Another span that this one has to do with. */
struct span_link {
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t span_id[SPAN_ID_LEN];
};

/* Several attributes as they lie in a record: what is the same for many spans is made once and copied. */
struct attribute_block {
    uint16_t len; /* bytes; 0: nothing */
    char bytes[ATTRIBUTE_BLOCK_LEN_MAX];
};

/* One attribute as attribute_next() shows it. */
struct attribute {
    enum attribute_key key;
    enum attribute_type type;
    const char *string; /* STRING: len bytes within the record; STRING_ARRAY: see attribute_element_next */
    size_t len;
    const char *name; /* CUSTOM: name_len bytes within the record, printable ASCII */
    size_t name_len;
    int64_t number; /* INT; BOOL: 0 or 1 */
};

struct span_event {
    uint64_t monotonic_ns;
    uint32_t id; /* enum span_event_id */
    uint32_t reserved;
};

struct span {
    uint32_t index;         /* where the record lives; belongs to the sink */
    _Atomic uint32_t state; /* enum span_state */
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t span_id[SPAN_ID_LEN];
    uint8_t parent_span_id[SPAN_ID_LEN]; /* all zero: a root span */
    uint8_t trace_flags;
    uint8_t kind;   /* enum span_kind */
    uint8_t status; /* enum span_status */
    uint8_t event_count;
    uint16_t name_len;
    uint16_t message_len;
    int32_t pid;
    int32_t tid;
    uint64_t start_unix_nano;
    uint64_t start_ns; /* monotonic */
    uint64_t end_ns;   /* monotonic; 0 while open */
    uint16_t tracestate_len;
    uint16_t dropped_attributes_count; /* did not fit, or were cut to fit */
    _Atomic uint32_t attributes_len;   /* bytes; grows only after what it covers is written */
    uint8_t role;                      /* enum span_role */
    uint8_t test_judge;                /* of a test's process: what its runner goes by (shim/test_program.c) */
    uint8_t reserved[6];
    /* What follows counts as far as the lengths above say; the rest is left over from earlier spans, and best not
     * touched: each line of the cache is to be had from the collector's processor. */
    char name[SPAN_NAME_LEN_MAX];
    struct span_event events[SPAN_EVENT_COUNT];
    char message[64]; /* of the status */
    /* The tracestate (tracestate_len bytes), then attributes. */
    char bytes[SPAN_BYTES_LEN];
};

_Static_assert(sizeof(struct span) == SPAN_RECORD_LEN, "a span record has a fixed size");

/* span_start - claims a record from the sink and starts it at @start_ns on the monotonic clock,
 * not in the future; 0: now. Returns NULL when there is no room: the span is
 * counted as dropped, and every function here takes NULL and does nothing. Hot path, signal-safe. */
struct span *span_start(enum span_kind kind, uint64_t start_ns);

/* span_open - starts the record @span, which has been claimed for process @pid, as span_start does. */
void span_open(struct span *span, enum span_kind kind, uint64_t start_ns, int pid, int tid);

/* span_copy - claims a record for this process and fills it as @span is: for a fork child that goes on
 * with what its parent began. The ids stay. NULL when there is no room. */
struct span *span_copy(const struct span *span);

/* span_set_context - gives the span its ids. @parent_span_id: NULL or all zero for a root span.
 * To be called once, before any attribute is set. */
void span_set_context(struct span *span, const struct span_context *context,
                      const uint8_t *parent_span_id);

/* span_set_name - at most SPAN_NAME_LEN_MAX bytes; low cardinality. */
void span_set_name(struct span *span, const char *name, size_t len);

/* span_set_long_name - the same of any length: what a name of SPAN_NAME_LEN_MAX bytes has no room for takes that of attributes.
 * After the context. */
void span_set_long_name(struct span *span, const char *name, size_t len);

/* span_set_string - adds an attribute; what does not fit in the record is cut and counted. */
void span_set_string(struct span *span, enum attribute_key key, const char *value, size_t len);

/* span_set_custom - adds a string attribute whose name is none of attributes.def; one that does not fit in the
 * record, or has a name of more than 255 bytes, is dropped and counted. */
void span_set_custom(struct span *span, const char *name, size_t name_len, const char *value, size_t len);

/* span_set_custom_int, _bool - the same for a number, or for true and false. */
void span_set_custom_int(struct span *span, const char *name, size_t name_len, int64_t value);
void span_set_custom_bool(struct span *span, const char *name, size_t name_len, bool value);

/* Bytes within a record: an element of an array of strings, a name. */
struct attribute_element {
    const char *bytes;
    size_t len;
};

/* span_set_custom_array - the same for an array of strings. */
void span_set_custom_array(struct span *span, const char *name, size_t name_len,
                           const struct attribute_element *elements, size_t count);

/* span_set_int - adds an integer attribute. */
void span_set_int(struct span *span, enum attribute_key key, int64_t value);

/* span_set_true - adds a boolean attribute that is true. */
void span_set_true(struct span *span, enum attribute_key key);

/* span_set_links - once a span, after its context; at most SPAN_LINKS_MAX. */
void span_set_links(struct span *span, const struct span_link *links, size_t count);

/* span_set_part - adds @len bytes as @part; what does not fit is dropped and counted. Once each. */
void span_set_part(struct span *span, enum span_part part, const void *bytes, size_t len);

/* span_part - the bytes of @part within the record, whatever bytes that consists of, and how many they are; NULL and
 * 0 if it has none. */
const char *span_part(const struct span *span, enum span_part part, size_t *len);

/* span_remove_part - takes @part out of a record that nobody else has. */
void span_remove_part(struct span *span, enum span_part part);

/* span_room - how long the value of one more attribute can be, in bytes. */
size_t span_room(const struct span *span);

/* span_attributes_end - where its attributes end now, for span_copy_attributes. */
uint32_t span_attributes_end(const struct span *span);

/* span_copy_attributes - @out becomes what was added to @span since its attributes ended at @from; empty
 * if that is not whole or too much. Hot path, signal-safe. */
void span_copy_attributes(const struct span *span, uint32_t from, struct attribute_block *out);

/* span_add_attributes - adds all of @block; a block that does not fit is dropped and counted. */
void span_add_attributes(struct span *span, const struct attribute_block *block);

/* The name of a span that stands for a connection which could not be seen into. */
#define SPAN_NAME_TLS "tls"

/* span_is_opaque - it is one of those. */
bool span_is_opaque(const struct span *span);

/* span_add_event - notes that @id happened at @monotonic_ns. Each id at most once. */
void span_add_event(struct span *span, enum span_event_id id, uint64_t monotonic_ns);

/* span_add_custom_event - the same for an event of another name, of which there may be several: SPAN_EVENT_COUNT in all,
 * others are dropped and counted as attributes are. Quotes, backslashes and what is no printable ASCII become '_'. */
void span_add_custom_event(struct span *span, const char *name, size_t len, uint64_t monotonic_ns);

/* span_set_status - the outcome when it is no error. */
void span_set_status(struct span *span, enum span_status status);

/* span_set_error - ends in status ERROR. @error_type: the value of error.type, of low cardinality,
 * such as an errno's name, a status code or "timeout". @message: for people. The first error counts;
 * later ones are ignored. */
void span_set_error(struct span *span, const char *error_type, const char *message);

/* span_end - the span is over at @end_ns (monotonic): handed to the sink, not to be touched again. */
void span_end(struct span *span, uint64_t end_ns);

/* span_abandon - gives the record back unreported: what it stood for did not take place. */
void span_abandon(struct span *span);

/* Where attribute_next() stands: for each key the offset of its last value, plus 1. */
struct attribute_iterator {
    const struct span *span;
    unsigned key;
    uint16_t custom_at, end; /* where the next CUSTOM one is looked for */
    uint16_t places[ATTRIBUTE_COUNT];
};

/* attribute_begin - starts a walk over the attributes of @span, whatever bytes it consists of: what
 * would lead out of the record or has an unknown key or type is passed over. The record must not
 * change until the walk is over. Hot path, signal-safe. */
void attribute_begin(struct attribute_iterator *iterator, const struct span *span);

/* attribute_next - the next attribute, in the order of attributes.def; of a key that was set more than
 * once the last value alone. Then the CUSTOM ones in their order; of a name that was set more than once the last
 * alone, and none whose name is in attributes.def or is not printable ASCII. Returns false, @out untouched, at the
 * end. Hot path, signal-safe. */
bool attribute_next(struct attribute_iterator *iterator, struct attribute *out);

/* attribute_element_next - the next element of a STRING_ARRAY. @at: 0 at first. False at the end, or where what
 * follows would lead out of the attribute. */
bool attribute_element_next(const struct attribute *attribute, size_t *at, struct attribute_element *out);

/* span_tracestate - the tracestate of @span, whatever bytes that consists of. Returns its length in
 * bytes, 0 for none. */
size_t span_tracestate(const struct span *span, const char **tracestate);

/* span_links - the links of @span, whatever bytes that consists of: at most SPAN_LINKS_MAX are copied to @out.
 * Returns how many. */
size_t span_links(const struct span *span, struct span_link *out);

enum { ATTRIBUTE_NAME_LEN_MAX = 39 };

/* attribute_name - the name on the wire; NULL if @key is out of range. */
const char *attribute_name(unsigned key);

/* span_is_test - it is that of a test. */
bool span_is_test(const struct span *span);

/* span_forget_test - it is that of a test no more, but that of the program alone: another span goes on with the test. */
void span_forget_test(struct span *span);

/* span_name - the name of @span, whatever bytes that consists of; within the record. */
struct attribute_element span_name(const struct span *span);

/* span_event_name - the name on the wire of the event @id of @span, whatever bytes that consists of: printable ASCII without
 * quotes and backslashes. NULL if there is none. */
const char *span_event_name(const struct span *span, unsigned id);

#endif
