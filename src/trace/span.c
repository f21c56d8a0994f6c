#include "trace/span.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/text.h"
#include "trace/callsite.h"
#include "trace/redact.h"
#include "trace/sink.h"

#include <string.h>

/* What the sink does not need: all but where the record lives, and its state. */
enum { OWN_BEGIN = offsetof(struct span, trace_id) };

struct span *span_start(enum span_kind kind, uint64_t start_ns)
{
    struct span *span = span_sink_claim();
    if (UNLIKELY(!span))
        return NULL;
    span_open(span, kind, start_ns, process_pid(), process_tid());
    return span;
}

void span_open(struct span *span, enum span_kind kind, uint64_t start_ns, int pid, int tid)
{
    memset((char *)span + OWN_BEGIN, 0, offsetof(struct span, name) - OWN_BEGIN);
    span->kind = (uint8_t)kind;
    span->pid = pid;
    span->tid = tid;
    span->start_ns = start_ns ? start_ns : clock_monotonic_ns();
    span->start_unix_nano = clock_unix_nano_at(span->start_ns);
    atomic_store_explicit(&span->state, SPAN_OPEN, memory_order_release);
}

struct span *span_copy(const struct span *span)
{
    struct span *copy = span_sink_claim();
    if (!copy)
        return NULL;
    memcpy((char *)copy + OWN_BEGIN, (const char *)span + OWN_BEGIN, sizeof *copy - OWN_BEGIN);
    copy->pid = process_pid();
    copy->tid = process_tid();
    atomic_store_explicit(&copy->state, SPAN_OPEN, memory_order_release);
    return copy;
}

void span_set_context(struct span *span, const struct span_context *context,
                      const uint8_t *parent_span_id)
{
    if (!span)
        return;
    memcpy(span->trace_id, context->trace_id, TRACE_ID_LEN);
    memcpy(span->span_id, context->span_id, SPAN_ID_LEN);
    span->trace_flags = context->trace_flags;
    if (parent_span_id)
        memcpy(span->parent_span_id, parent_span_id, SPAN_ID_LEN);
    if (atomic_load_explicit(&span->attributes_len, memory_order_relaxed) > 0)
        return; /* they stand where the tracestate would */
    if (UNLIKELY(g_redact_choices.has_patterns) && redact_matches(context->tracestate, context->tracestate_len))
        return; /* with a hole in it, it would be another one */
    span->tracestate_len = context->tracestate_len;
    if (UNLIKELY(context->tracestate_len))
        memcpy(span->bytes, context->tracestate, context->tracestate_len);
}

void span_set_name(struct span *span, const char *name, size_t len)
{
    if (!span)
        return;
    span->name_len = (uint16_t)MIN(len, sizeof span->name);
    memcpy(span->name, name, span->name_len);
}

static ALWAYS_INLINE void attribute_append(struct span *span, struct attribute_header header, const void *value)
{
    uint32_t used = atomic_load_explicit(&span->attributes_len, memory_order_relaxed);
    size_t at = span->tracestate_len + used;
    if (UNLIKELY(at > sizeof span->bytes))
        return; /* no record of ours */
    size_t room = sizeof span->bytes - at;
    if (UNLIKELY(sizeof header + header.len > room)) {
        span->dropped_attributes_count++;
        if (header.type != ATTRIBUTE_STRING || room < sizeof header + 32)
            return;
        header.len = (uint16_t)(room - sizeof header);
    }
    memcpy(span->bytes + at, &header, sizeof header);
    memcpy(span->bytes + at + sizeof header, value, header.len);
    atomic_store_explicit(&span->attributes_len, used + (uint32_t)sizeof header + header.len,
                          memory_order_release);
}

/* Do its values come from outside? */
static bool key_is_foreign(enum attribute_key key)
{
    switch (key) {
    case ATTRIBUTE_HTTP_REQUEST_METHOD_ORIGINAL:
    case ATTRIBUTE_URL_FULL:
    case ATTRIBUTE_URL_PATH:
    case ATTRIBUTE_URL_QUERY:
    case ATTRIBUTE_URL_TEMPLATE:
    case ATTRIBUTE_SERVER_ADDRESS:
    case ATTRIBUTE_USER_AGENT_ORIGINAL:
    case ATTRIBUTE_TLS_OFFERED_PROTOCOLS:
    case ATTRIBUTE_TEST_SUITE_NAME:
    case ATTRIBUTE_TEST_CASE_NAME:
        return true;
    default:
        return false;
    }
}

static ALWAYS_INLINE void string_append(struct span *span, enum attribute_key key, const char *value, size_t len)
{
    struct attribute_header header = {
        .key = (uint8_t)key, .type = ATTRIBUTE_STRING, .len = (uint16_t)MIN(len, SPAN_RECORD_LEN)};
    attribute_append(span, header, value);
}

static COLD void string_append_by_patterns(struct span *span, enum attribute_key key, const char *value, size_t len)
{
    char bytes[SPAN_BYTES_LEN];
    struct text text = text_on(bytes, sizeof bytes);
    redact_append_by_patterns(&text, value, len);
    string_append(span, key, text.bytes, text.len);
}

/* The patterns are looked for here, so that no attribute can be forgotten. */
void span_set_string(struct span *span, enum attribute_key key, const char *value, size_t len)
{
    if (UNLIKELY(g_redact_choices.has_patterns) && span && key_is_foreign(key))
        string_append_by_patterns(span, key, value, len);
    else if (span)
        string_append(span, key, value, len);
}

void span_set_long_name(struct span *span, const char *name, size_t len)
{
    char bytes[SPAN_BYTES_LEN];
    struct text text = text_on(bytes, sizeof bytes);
    if (UNLIKELY(g_redact_choices.has_patterns))
        redact_append_by_patterns(&text, name, len);
    else
        text_append(&text, name, len);
    span_set_name(span, text.bytes, text.len);
    struct attribute_header header = {.key = SPAN_PART_NAME, .type = ATTRIBUTE_STRING, .len = (uint16_t)text.len};
    if (span && text.len > SPAN_NAME_LEN_MAX)
        attribute_append(span, header, text.bytes);
}

/* Room for a CUSTOM attribute with @len bytes behind its name: where they belong. NULL if there is none. What is
 * there does not count before custom_end. */
static char *custom_begin(struct span *span, enum attribute_type type, const char *name, size_t name_len, size_t len)
{
    size_t at = span->tracestate_len + span_attributes_end(span);
    size_t whole_len = 1 + name_len + len;
    struct attribute_header header = {.key = ATTRIBUTE_CUSTOM, .type = (uint8_t)type, .len = (uint16_t)whole_len};
    if (name_len > UINT8_MAX || at > sizeof span->bytes || len > sizeof span->bytes ||
        sizeof header + whole_len > sizeof span->bytes - at) {
        span->dropped_attributes_count++;
        return NULL;
    }
    memcpy(span->bytes + at, &header, sizeof header);
    at += sizeof header;
    span->bytes[at] = (char)name_len;
    memcpy(span->bytes + at + 1, name, name_len);
    return span->bytes + at + 1 + name_len;
}

/* @end: behind its last byte. */
static void custom_end(struct span *span, const char *end)
{
    atomic_store_explicit(&span->attributes_len, (uint32_t)(end - span->bytes - span->tracestate_len),
                          memory_order_release);
}

void span_set_custom(struct span *span, const char *name, size_t name_len, const char *value, size_t len)
{
    char *room = span ? custom_begin(span, ATTRIBUTE_STRING, name, name_len, len) : NULL;
    if (!room)
        return;
    memcpy(room, value, len);
    custom_end(span, room + len);
}

void span_set_custom_int(struct span *span, const char *name, size_t name_len, int64_t value)
{
    char *room = span ? custom_begin(span, ATTRIBUTE_INT, name, name_len, sizeof value) : NULL;
    if (!room)
        return;
    memcpy(room, &value, sizeof value);
    custom_end(span, room + sizeof value);
}

void span_set_custom_bool(struct span *span, const char *name, size_t name_len, bool value)
{
    char *room = span ? custom_begin(span, ATTRIBUTE_BOOL, name, name_len, 1) : NULL;
    if (!room)
        return;
    *room = value;
    custom_end(span, room + 1);
}

void span_set_custom_array(struct span *span, const char *name, size_t name_len,
                           const struct attribute_element *elements, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += sizeof(uint16_t) + MIN(elements[i].len, SPAN_RECORD_LEN);
    char *room = span ? custom_begin(span, ATTRIBUTE_STRING_ARRAY, name, name_len, len) : NULL;
    if (!room)
        return;
    for (size_t i = 0; i < count; i++) {
        uint16_t element_len = (uint16_t)elements[i].len;
        memcpy(room, &element_len, sizeof element_len);
        memcpy(room + sizeof element_len, elements[i].bytes, element_len);
        room += sizeof element_len + element_len;
    }
    custom_end(span, room);
}

void span_set_int(struct span *span, enum attribute_key key, int64_t value)
{
    if (span)
        attribute_append(
            span,
            (struct attribute_header){
                .key = (uint8_t)key, .type = ATTRIBUTE_INT, .len = sizeof value},
            &value);
}

void span_set_true(struct span *span, enum attribute_key key)
{
    if (span)
        attribute_append(
            span, (struct attribute_header){.key = (uint8_t)key, .type = ATTRIBUTE_BOOL, .len = 0},
            "");
}

void span_set_part(struct span *span, enum span_part part, const void *bytes, size_t len)
{
    if (span && len)
        attribute_append(span,
                         (struct attribute_header){.key = (uint8_t)part,
                                                   .type = ATTRIBUTE_BOOL, /* whole or not at all */
                                                   .len = (uint16_t)MIN(len, SPAN_RECORD_LEN)},
                         bytes);
}

void span_set_links(struct span *span, const struct span_link *links, size_t count)
{
    span_set_part(span, SPAN_PART_LINKS, links, MIN(count, SPAN_LINKS_MAX) * sizeof *links);
}

uint32_t span_attributes_end(const struct span *span)
{
    return span ? atomic_load_explicit(&span->attributes_len, memory_order_relaxed) : 0;
}

void span_copy_attributes(const struct span *span, uint32_t from, struct attribute_block *out)
{
    uint32_t end = span_attributes_end(span);
    out->len = 0;
    if (!span || span->dropped_attributes_count || end < from || end - from > sizeof out->bytes ||
        end > sizeof span->bytes - span->tracestate_len)
        return;
    out->len = (uint16_t)(end - from);
    memcpy(out->bytes, span->bytes + span->tracestate_len + from, out->len);
}

void span_add_attributes(struct span *span, const struct attribute_block *block)
{
    uint32_t used = span_attributes_end(span);
    if (!span || span->tracestate_len + used > sizeof span->bytes)
        return;
    if (block->len > sizeof span->bytes - span->tracestate_len - used) {
        span->dropped_attributes_count++;
        return;
    }
    memcpy(span->bytes + span->tracestate_len + used, block->bytes, block->len);
    atomic_store_explicit(&span->attributes_len, used + block->len, memory_order_release);
}

void span_add_event(struct span *span, enum span_event_id id, uint64_t monotonic_ns)
{
    if (!span || span->event_count == SPAN_EVENT_COUNT)
        return;
    for (int i = 0; i < span->event_count; i++)
        if (span->events[i].id == (uint32_t)id)
            return;
    span->events[span->event_count] =
        (struct span_event){.id = (uint32_t)id, .monotonic_ns = monotonic_ns};
    span->event_count++;
}

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

void span_add_custom_event(struct span *span, const char *name, size_t len, uint64_t monotonic_ns)
{
    enum { NAME_LEN_MAX = 128 };
    char bytes[NAME_LEN_MAX];
    if (!span)
        return;
    struct attribute_header header = {
        .key = SPAN_PART_EVENT_NAME, .type = ATTRIBUTE_BOOL /* whole or not at all */, .len = (uint16_t)(MIN(len, NAME_LEN_MAX - 1) + 1)};
    uint32_t id = SPAN_EVENT_CUSTOM + span->tracestate_len + span_attributes_end(span);
    uint16_t dropped_count = span->dropped_attributes_count;
    for (size_t i = 0; i + 1 < header.len; i++)
        bytes[i] = is_plain(name[i]) ? name[i] : '_';
    bytes[header.len - 1] = '\0';
    if (span->event_count == SPAN_EVENT_COUNT)
        span->dropped_attributes_count++;
    else
        attribute_append(span, header, bytes);
    if (span->dropped_attributes_count == dropped_count)
        span_add_event(span, (enum span_event_id)id, monotonic_ns);
}

void span_set_status(struct span *span, enum span_status status)
{
    if (span && span->status == SPAN_STATUS_UNSET)
        span->status = (uint8_t)status;
}

static void message_set(struct span *span, const char *message)
{
    struct text text = text_on(span->message, sizeof span->message);
    if (UNLIKELY(g_redact_choices.has_patterns))
        redact_append_by_patterns(&text, message, strlen(message));
    else
        text_append_string(&text, message);
    span->message_len = (uint16_t)text.len;
}

void span_set_error(struct span *span, const char *error_type, const char *message)
{
    if (!span || span->status == SPAN_STATUS_ERROR)
        return;
    span->status = SPAN_STATUS_ERROR;
    span_set_string(span, ATTRIBUTE_ERROR_TYPE, error_type, strlen(error_type));
    message_set(span, message);
    callsite_note_error(span);
}

void span_end(struct span *span, uint64_t end_ns)
{
    if (!span)
        return;
    span->end_ns = MAX(end_ns, span->start_ns);
    span_sink_publish(span);
}

void span_abandon(struct span *span)
{
    if (span)
        span_sink_abandon(span);
}

/* Reads the header at @at and checks that it and its value end by @end. */
static bool attribute_header_read(const struct span *span, size_t at, size_t end,
                                  struct attribute_header *header)
{
    if (end - at < sizeof *header)
        return false;
    memcpy(header, span->bytes + at, sizeof *header);
    return header->len <= end - at - sizeof *header;
}

static bool attribute_is_known(const struct attribute_header *header)
{
    static const uint16_t smallest[] = {
        [ATTRIBUTE_STRING] = 0, [ATTRIBUTE_INT] = sizeof(int64_t), [ATTRIBUTE_BOOL] = 0};
    return header->key < ATTRIBUTE_COUNT && header->type < ARRAY_LEN(smallest) &&
           header->len >= smallest[header->type];
}

size_t span_tracestate(const struct span *span, const char **tracestate)
{
    *tracestate = span->bytes;
    return span->tracestate_len <= TRACESTATE_LEN_MAX ? span->tracestate_len : 0;
}

void attribute_begin(struct attribute_iterator *iterator, const struct span *span)
{
    *iterator = (struct attribute_iterator){.span = span};
    size_t at = span->tracestate_len;
    if (at > TRACESTATE_LEN_MAX)
        return;
    size_t used = atomic_load_explicit(&span->attributes_len, memory_order_acquire);
    size_t end = at + MIN(used, sizeof span->bytes - at);
    struct attribute_header header;
    bool has_custom = false;
    while (attribute_header_read(span, at, end, &header)) {
        if (attribute_is_known(&header)) {
            iterator->places[header.key] = (uint16_t)(at + 1);
        } else if (!has_custom && header.key == ATTRIBUTE_CUSTOM) {
            has_custom = true;
            iterator->custom_at = (uint16_t)at;
        }
        at += sizeof header + header.len;
    }
    iterator->end = (uint16_t)at;
    if (!has_custom)
        iterator->custom_at = iterator->end;
}

static bool custom_type_fits(unsigned type, size_t len)
{
    return type == ATTRIBUTE_STRING || type == ATTRIBUTE_STRING_ARRAY || (type == ATTRIBUTE_BOOL && len == 1) ||
           (type == ATTRIBUTE_INT && len == sizeof(int64_t));
}

/* The next CUSTOM attribute from @at on that is well-formed; moves @at behind it. */
static bool custom_read(const struct span *span, size_t *at, size_t end, struct attribute *out)
{
    struct attribute_header header;
    while (attribute_header_read(span, *at, end, &header)) {
        const char *name = span->bytes + *at + sizeof header + 1;
        size_t name_len = header.len ? (uint8_t)name[-1] : 0;
        *at += sizeof header + header.len;
        if (header.key != ATTRIBUTE_CUSTOM || !name_len || name_len >= header.len ||
            !custom_type_fits(header.type, header.len - 1 - name_len))
            continue;
        *out = (struct attribute){.key = ATTRIBUTE_CUSTOM,
                                  .type = (enum attribute_type)header.type,
                                  .string = name + name_len,
                                  .len = header.len - 1 - name_len,
                                  .name = name,
                                  .name_len = name_len,
                                  .number = header.type != ATTRIBUTE_BOOL || name[name_len] != 0};
        if (header.type == ATTRIBUTE_INT)
            memcpy(&out->number, out->string, sizeof out->number);
        return true;
    }
    return false;
}

static bool name_is_free(const struct attribute *attribute)
{
    for (size_t i = 0; i < attribute->name_len; i++)
        if (attribute->name[i] <= ' ' || attribute->name[i] > '~')
            return false;
    for (unsigned key = 0; key < ATTRIBUTE_COUNT; key++)
        if (strlen(attribute_name(key)) == attribute->name_len &&
            memcmp(attribute_name(key), attribute->name, attribute->name_len) == 0)
            return false;
    return true;
}

/* Is there another one of this name behind it? */
static bool custom_is_replaced(const struct span *span, size_t at, size_t end, const struct attribute *attribute)
{
    struct attribute later;
    while (custom_read(span, &at, end, &later))
        if (later.name_len == attribute->name_len && memcmp(later.name, attribute->name, later.name_len) == 0)
            return true;
    return false;
}

static bool custom_next(struct attribute_iterator *iterator, struct attribute *out)
{
    size_t at = iterator->custom_at;
    struct attribute found;
    bool has_one;
    do
        has_one = custom_read(iterator->span, &at, iterator->end, &found);
    while (has_one &&
           (!name_is_free(&found) || custom_is_replaced(iterator->span, at, iterator->end, &found)));
    iterator->custom_at = (uint16_t)at;
    if (has_one)
        *out = found;
    return has_one;
}

bool attribute_element_next(const struct attribute *attribute, size_t *at, struct attribute_element *out)
{
    uint16_t len;
    if (*at > attribute->len || attribute->len - *at < sizeof len)
        return false;
    memcpy(&len, attribute->string + *at, sizeof len);
    if (len > attribute->len - *at - sizeof len)
        return false;
    *out = (struct attribute_element){attribute->string + *at + sizeof len, len};
    *at += sizeof len + len;
    return true;
}

bool span_is_test(const struct span *span)
{
    struct attribute_iterator iterator;
    attribute_begin(&iterator, span);
    return iterator.places[ATTRIBUTE_TEST_CASE_NAME] != 0;
}

static bool key_is_of_test(unsigned key)
{
    return key == ATTRIBUTE_TEST_SUITE_NAME || key == ATTRIBUTE_TEST_CASE_NAME || key == ATTRIBUTE_TEST_WORKER ||
           key == SPAN_PART_NAME;
}

void span_forget_test(struct span *span)
{
    struct attribute_header header;
    size_t at = span->tracestate_len;
    if (at > TRACESTATE_LEN_MAX)
        return;
    size_t end = at + MIN(span_attributes_end(span), sizeof span->bytes - at);
    for (; attribute_header_read(span, at, end, &header); at += sizeof header + header.len) {
        if (header.key == ATTRIBUTE_PROCESS_EXECUTABLE_NAME)
            span_set_name(span, span->bytes + at + sizeof header, header.len);
        if (!key_is_of_test(header.key))
            continue;
        header.key = SPAN_PART_NOTHING;
        memcpy(span->bytes + at, &header, sizeof header);
    }
}

struct attribute_element span_name(const struct span *span)
{
    struct attribute_header header;
    struct attribute_element name = {span->name, MIN(span->name_len, sizeof span->name)};
    size_t at = span->tracestate_len;
    if (span->kind != SPAN_KIND_INTERNAL || at > TRACESTATE_LEN_MAX)
        return name;
    size_t used = atomic_load_explicit(&span->attributes_len, memory_order_acquire);
    size_t end = at + MIN(used, sizeof span->bytes - at);
    for (; attribute_header_read(span, at, end, &header); at += sizeof header + header.len) {
        if (header.key != SPAN_PART_NAME || !header.len)
            continue;
        name = (struct attribute_element){span->bytes + at + sizeof header, header.len};
    }
    return name;
}

const char *span_part(const struct span *span, enum span_part part, size_t *len)
{
    size_t at = span->tracestate_len;
    *len = 0;
    if (at > TRACESTATE_LEN_MAX)
        return NULL;
    size_t used = atomic_load_explicit(&span->attributes_len, memory_order_acquire);
    size_t end = at + MIN(used, sizeof span->bytes - at);
    struct attribute_header header;
    for (; attribute_header_read(span, at, end, &header); at += sizeof header + header.len) {
        if (header.key != part)
            continue;
        *len = header.len;
        return span->bytes + at + sizeof header;
    }
    return NULL;
}

void span_remove_part(struct span *span, enum span_part part)
{
    size_t len;
    const char *found = span_part(span, part, &len);
    if (!found)
        return;
    size_t at = (size_t)(found - span->bytes) - sizeof(struct attribute_header);
    size_t end = span->tracestate_len + MIN(span_attributes_end(span), sizeof span->bytes - span->tracestate_len);
    size_t behind = (size_t)(found - span->bytes) + len;
    memmove(span->bytes + at, span->bytes + behind, end - behind);
    atomic_store_explicit(&span->attributes_len, (uint32_t)(end - (behind - at) - span->tracestate_len),
                          memory_order_relaxed);
}

size_t span_room(const struct span *span)
{
    size_t used = span->tracestate_len + span_attributes_end(span) + sizeof(struct attribute_header);
    return used < sizeof span->bytes ? sizeof span->bytes - used : 0;
}

size_t span_links(const struct span *span, struct span_link *out)
{
    size_t len;
    const char *links = span_part(span, SPAN_PART_LINKS, &len);
    size_t count = MIN(len / sizeof *out, SPAN_LINKS_MAX);
    if (count)
        memcpy(out, links, count * sizeof *out);
    return count;
}

bool attribute_next(struct attribute_iterator *iterator, struct attribute *out)
{
    unsigned key = iterator->key;
    while (key < ATTRIBUTE_COUNT && !iterator->places[key])
        key++;
    iterator->key = MIN(key + 1, ATTRIBUTE_COUNT);
    if (key >= ATTRIBUTE_COUNT)
        return custom_next(iterator, out);
    const char *place = iterator->span->bytes + iterator->places[key] - 1;
    struct attribute_header header;
    memcpy(&header, place, sizeof header);
    *out = (struct attribute){.key = (enum attribute_key)key,
                              .type = (enum attribute_type)header.type,
                              .string = place + sizeof header,
                              .len = header.len,
                              .number = 1};
    if (header.type == ATTRIBUTE_INT)
        memcpy(&out->number, out->string, sizeof out->number);
    return true;
}

const char *attribute_name(unsigned key)
{
    static const char names[][ATTRIBUTE_NAME_LEN_MAX + 1] = {
#define ATTRIBUTE(key, name) name,
#include "trace/attributes.def"
#undef ATTRIBUTE
    };
    return key < ARRAY_LEN(names) ? names[key] : NULL;
}

bool span_is_opaque(const struct span *span)
{
    return span->name_len == sizeof SPAN_NAME_TLS - 1 &&
           memcmp(span->name, SPAN_NAME_TLS, sizeof SPAN_NAME_TLS - 1) == 0;
}

/* A custom event's, if there is a plain one where it says. */
static const char *custom_event_name(const struct span *span, size_t at)
{
    struct attribute_header header;
    if (at > sizeof span->bytes || !attribute_header_read(span, at, sizeof span->bytes, &header) ||
        header.key != SPAN_PART_EVENT_NAME || header.len < 2)
        return NULL;
    const char *name = span->bytes + at + sizeof header;
    size_t len = 0;
    while (len < header.len && is_plain(name[len]))
        len++;
    return len > 0 && len < header.len && name[len] == '\0' ? name : NULL;
}

const char *span_event_name(const struct span *span, unsigned id)
{
    static const char *const names[SPAN_EVENT_COUNT] = {
        [SPAN_EVENT_NAME_FOUND] = "dns.lookup.done",
        [SPAN_EVENT_CONNECT] = "connect",
        [SPAN_EVENT_CONNECTED] = "connected",
        [SPAN_EVENT_TLS_START] = "tls.handshake.start",
        [SPAN_EVENT_TLS_DONE] = "tls.handshake.done",
        [SPAN_EVENT_REQUEST_FIRST_BYTE] = "request.first_byte",
        [SPAN_EVENT_RESPONSE_FIRST_BYTE] = "response.first_byte",
        [SPAN_EVENT_REDIRECTED] = "http.redirect",
    };
    if (id >= SPAN_EVENT_CUSTOM)
        return custom_event_name(span, id - SPAN_EVENT_CUSTOM);
    return id < ARRAY_LEN(names) ? names[id] : NULL;
}
