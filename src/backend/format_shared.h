/* format_shared.h - what the formats of backends have in common: what there is to say of a span and of its resource, and room
 * in a batch. */
#ifndef RUN_TRACED_BACKEND_FORMAT_SHARED_H
#define RUN_TRACED_BACKEND_FORMAT_SHARED_H

#include "backend/format.h"
#include "trace/resource.h"
#include "trace/span.h"

/* The instrumentation scope of all our spans. OpenTelemetry, "Instrumentation Scope". */
#define SCOPE_NAME "run-traced"
#define SCOPE_VERSION RUN_TRACED_VERSION

/* The semantic conventions that the attributes follow: the first in which code.function.name is stable, as all others
 * but those of TLS and sizes were before. */
#define SCOPE_SCHEMA_URL "https://opentelemetry.io/schemas/1.33.0"

/* batch_room - the batch's text to be written to, without what finish() needs: nothing counts before batch_keep(). */
static inline struct text batch_room(const struct batch *batch)
{
    struct text room = batch->text;
    room.capacity -= MIN(room.capacity - room.len, (size_t)BATCH_END_LEN_MAX);
    return room;
}

/* batch_keep - what was written belongs to the batch; or -ENOSPC, and nothing does. */
int batch_keep(struct batch *batch, const struct text *room);

/* append_unsigned - in decimal. */
void append_unsigned(struct text *text, uint64_t value);

/* A walk over the attributes of a span as all formats show them. */
struct attribute_walk {
    struct attribute_iterator iterator;
    bool has_thread_id;
};

/* attribute_walk_begin - @span: any bytes; see attribute_begin(). */
void attribute_walk_begin(struct attribute_walk *walk, const struct span *span);

/* attribute_walk_next - as attribute_next(), and thread.id in the end if there was none: the thread that began the span. Names
 * (attribute_key_text) come once each and are printable ASCII. */
bool attribute_walk_next(struct attribute_walk *walk, struct attribute *out);

/* One attribute of a resource. */
struct resource_entry {
    const char *key; /* UTF-8, not empty */
    size_t key_len;
    const char *string; /* any bytes; NULL: a number */
    size_t len;
    int64_t number;
};

/* A walk over the attributes of a resource: the native format's, in its order. */
struct resource_walk {
    const struct span *span;
    const struct resource *resource;
    size_t at;
    unsigned field;
};

static inline struct resource_walk resource_walk_of(const struct span *span, const struct resource *resource)
{
    return (struct resource_walk){.span = span, .resource = resource};
}

/* resource_walk_next - service.name first. No key comes twice: of what a hostile process put there, the last; a key that is
 * no UTF-8, which could become another's when it is repaired, is left out. False at the end. */
bool resource_walk_next(struct resource_walk *walk, struct resource_entry *out);

#endif
