#include "backend/format_shared.h"

#include "base/utf8.h"

#include <errno.h>

int batch_keep(struct batch *batch, const struct text *room)
{
    if (room->overflowed)
        return -ENOSPC;
    batch->text.len = room->len;
    return 0;
}

void append_unsigned(struct text *text, uint64_t value)
{
    if (value <= INT64_MAX) {
        text_append_decimal(text, (int64_t)value);
        return;
    }
    text_append_decimal(text, (int64_t)(value / 10));
    text_append_char(text, (char)('0' + value % 10));
}

void attribute_walk_begin(struct attribute_walk *walk, const struct span *span)
{
    attribute_begin(&walk->iterator, span);
    walk->has_thread_id = walk->iterator.places[ATTRIBUTE_THREAD_ID] || span->tid <= 0;
}

bool attribute_walk_next(struct attribute_walk *walk, struct attribute *out)
{
    if (attribute_next(&walk->iterator, out))
        return true;
    if (walk->has_thread_id)
        return false;
    walk->has_thread_id = true;
    *out = (struct attribute){
        .key = ATTRIBUTE_THREAD_ID, .type = ATTRIBUTE_INT, .number = walk->iterator.span->tid};
    return true;
}

static struct resource_entry entry_string(const char *key, const char *string, size_t len)
{
    return (struct resource_entry){.key = key, .key_len = strlen(key), .string = string, .len = len};
}

enum { FIELD_COUNT = 4 };

/* The attributes that have a field of their own. A resource always has a service.name (OpenTelemetry, semantic conventions of
 * "Resource", section "Service"). */
static struct resource_entry entry_of_field(const struct span *span, const struct resource *r, unsigned field)
{
    size_t service_name_len = MIN(r->service_name_len, sizeof r->service_name);
    switch (field) {
    case 0:
        if (service_name_len == 0)
            return entry_string("service.name", "unknown_service", strlen("unknown_service"));
        return entry_string("service.name", r->service_name, service_name_len);
    case 1:
        return (struct resource_entry){
            .key = "process.pid", .key_len = strlen("process.pid"), .number = span->pid};
    case 2:
        return entry_string("process.executable.name", r->executable_name,
                            MIN(r->executable_name_len, sizeof r->executable_name));
    default:
        return entry_string("host.name", r->host_name, MIN(r->host_name_len, sizeof r->host_name));
    }
}

static bool key_is(const char *key, size_t key_len, const char *other, size_t other_len)
{
    return key_len == other_len && memcmp(key, other, key_len) == 0;
}

/* Has it a field, or does it come again behind @at? */
static bool is_told_elsewhere(const struct resource_walk *walk, size_t at, const struct resource_attribute *attribute)
{
    struct resource_attribute later;
    for (unsigned field = 0; field < FIELD_COUNT; field++) {
        struct resource_entry entry = entry_of_field(walk->span, walk->resource, field);
        if (key_is(attribute->key, attribute->key_len, entry.key, entry.key_len))
            return true;
    }
    while (resource_attribute_next(walk->resource, &at, &later))
        if (key_is(attribute->key, attribute->key_len, later.key, later.key_len))
            return true;
    return false;
}

bool resource_walk_next(struct resource_walk *walk, struct resource_entry *out)
{
    struct resource_attribute attribute;
    if (walk->field < FIELD_COUNT) {
        *out = entry_of_field(walk->span, walk->resource, walk->field++);
        return true;
    }
    while (resource_attribute_next(walk->resource, &walk->at, &attribute)) {
        if (attribute.key_len == 0 || !utf8_is_valid(attribute.key, attribute.key_len) ||
            is_told_elsewhere(walk, walk->at, &attribute))
            continue;
        *out = (struct resource_entry){.key = attribute.key,
                                       .key_len = attribute.key_len,
                                       .string = attribute.value,
                                       .len = attribute.value_len};
        return true;
    }
    return false;
}
