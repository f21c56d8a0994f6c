#include "launcher/process_spans.h"

#include "base/compiler.h"
#include "export/span_facts.h"
#include "launcher/broken_off.h"
#include "launcher/span_store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { BUCKETS = 16384 };

/* A process's span: it is to be reported, or it has ended and waits; or both are not known yet, and there is none. */
struct entry {
    struct entry *next; /* in the same bucket */
    struct entry *older, *newer; /* among those that wait */
    uint8_t span_id[SPAN_ID_LEN];
    bool is_kept;
    struct stored_span *waiting;
};

struct process_spans {
    enum process_spans_mode mode;
    struct ring_program root;
    process_spans_output *output;
    void *argument;
    struct stored_span *root_span; /* the command's, which has ended */
    struct entry *oldest, *newest;
    size_t entries_len; /* bytes */
    struct span_store store;
    struct entry *buckets[BUCKETS];
};

struct process_spans *process_spans_new(enum process_spans_mode mode, const struct ring_program *root,
                                        process_spans_output *output, void *argument)
{
    struct process_spans *spans = calloc(1, sizeof *spans);
    if (!spans)
        return NULL;
    spans->mode = mode;
    spans->root = *root;
    spans->output = output;
    spans->argument = argument;
    return spans;
}

static struct entry **bucket_of(struct process_spans *spans, const uint8_t span_id[SPAN_ID_LEN])
{
    uint64_t id;
    memcpy(&id, span_id, sizeof id);
    return &spans->buckets[(id * 0x9e3779b97f4a7c15ULL >> 32) % BUCKETS];
}

static struct entry *entry_of(struct process_spans *spans, const uint8_t span_id[SPAN_ID_LEN])
{
    struct entry **bucket = bucket_of(spans, span_id), *entry = *bucket;
    while (entry && memcmp(entry->span_id, span_id, SPAN_ID_LEN) != 0)
        entry = entry->next;
    if (entry)
        return entry;
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return NULL;
    memcpy(entry->span_id, span_id, SPAN_ID_LEN);
    entry->next = *bucket;
    *bucket = entry;
    spans->entries_len += sizeof *entry;
    return entry;
}

static void entry_wait(struct process_spans *spans, struct entry *entry, struct stored_span *waiting)
{
    entry->waiting = waiting;
    entry->older = spans->newest;
    if (spans->newest)
        spans->newest->newer = entry;
    else
        spans->oldest = entry;
    spans->newest = entry;
}

/* It waits no more: takes it out of the order, and returns what had waited. */
static struct stored_span *entry_take(struct process_spans *spans, struct entry *entry)
{
    struct stored_span *waiting = entry->waiting;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        spans->oldest = entry->newer;
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        spans->newest = entry->older;
    entry->waiting = NULL;
    entry->older = entry->newer = NULL;
    return waiting;
}

static void entry_forget(struct process_spans *spans, struct entry *entry)
{
    struct entry **link = bucket_of(spans, entry->span_id);
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    spans->entries_len -= sizeof *entry;
    free(entry);
}

static void memory_bound(struct process_spans *spans)
{
    while (spans->oldest && spans->store.memory + spans->entries_len > PROCESS_SPANS_MEMORY_MAX) {
        struct entry *entry = spans->oldest;
        span_store_remove(&spans->store, entry_take(spans, entry));
        entry_forget(spans, entry);
    }
}

/* What has a trace of its own comes from what it has a link to. */
static void origin_of(const struct span *span, uint8_t span_id[SPAN_ID_LEN])
{
    struct span_link links[SPAN_LINKS_MAX];
    bool is_linked = span_is_root(span) && span_links(span, links) > 0;
    memcpy(span_id, is_linked ? links[0].span_id : span->parent_span_id, SPAN_ID_LEN);
}

void process_spans_note(struct process_spans *spans, const uint8_t span_id[SPAN_ID_LEN])
{
    struct span span;
    uint8_t id[SPAN_ID_LEN];
    memcpy(id, span_id, sizeof id);
    for (;;) {
        struct entry *entry = span_id_is_zero(id, SPAN_ID_LEN) ? NULL : entry_of(spans, id);
        if (!entry || entry->is_kept)
            return;
        entry->is_kept = true;
        if (!entry->waiting)
            return; /* its parent is told when it comes */
        struct stored_span *waiting = entry_take(spans, entry);
        stored_span_read(waiting, &span);
        spans->output(spans->argument, &span, &waiting->resource->resource);
        span_store_remove(&spans->store, waiting);
        origin_of(&span, id);
    }
}

/* By itself, whatever is below it: nothing could be seen of it, or it was killed; or it may have been; or it is a test. */
static bool is_worth_seeing(const struct process_spans *spans, const struct span *span)
{
    static const char unknown[] = "unknown";
    struct attribute_iterator iterator;
    struct attribute attribute;
    bool is_worth = spans->mode == PROCESS_SPANS_ALL || span->status == SPAN_STATUS_ERROR || span_is_test(span);
    attribute_begin(&iterator, span);
    while (!is_worth && attribute_next(&iterator, &attribute))
        is_worth = attribute.key == ATTRIBUTE_PROCESS_BLIND ||
                   (attribute.key == ATTRIBUTE_PROCESS_END && attribute.len == sizeof unknown - 1 &&
                    memcmp(attribute.string, unknown, attribute.len) == 0);
    return is_worth;
}

static bool is_root(const struct process_spans *spans, const struct span *span)
{
    return spans->root.is_set && memcmp(span->span_id, spans->root.span_id, SPAN_ID_LEN) == 0;
}

static void root_take(struct process_spans *spans, const struct span *span, const struct resource *resource)
{
    if (spans->root_span)
        return; /* somebody else says that he is the command */
    spans->root_span = span_store_add(&spans->store, span, resource);
    if (!spans->root_span)
        run_stats_count_drop(DROP_NO_MEMORY, 0);
    if (is_worth_seeing(spans, span))
        process_spans_note(spans, span->span_id);
}

void process_spans_add(struct process_spans *spans, const struct span *span, const struct resource *resource)
{
    if (is_root(spans, span)) {
        root_take(spans, span, resource);
        return;
    }
    struct entry *entry = entry_of(spans, span->span_id);
    bool is_kept = !entry || entry->is_kept || entry->waiting || is_worth_seeing(spans, span);
    struct stored_span *waiting = is_kept ? NULL : span_store_add(&spans->store, span, resource);
    if (waiting) {
        entry_wait(spans, entry, waiting);
        memory_bound(spans);
        return;
    }
    spans->output(spans->argument, span, resource);
    if (entry)
        process_spans_note(spans, span->span_id);
    uint8_t origin[SPAN_ID_LEN];
    origin_of(span, origin);
    process_spans_note(spans, origin);
}

/* ---- the end ---- */

static bool drops_set(struct span *span, const struct run_stats *stats)
{
    bool has_any = false;
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++) {
        uint64_t count = atomic_load(&stats->dropped_count[reason]);
        if (!count)
            continue;
        span_set_int(span, drop_reason_attribute((enum drop_reason)reason), (int64_t)count);
        has_any = true;
    }
    return has_any;
}

/* The command is over when its process is, whichever program that executed last. */
static void root_complete(struct span *span, const struct process_spans_end *end)
{
    span->end_ns = MAX(span->end_ns, end->end_ns);
    if (!end->has_status)
        return;
    struct exit_reason reason = {.is_known = true, .wait_status = end->wait_status};
    broken_off_describe_process(span, &reason);
}

static void string_set(struct span *span, enum attribute_key key, const char *value)
{
    span_set_string(span, key, value, strlen(value));
}

static void name_fill(char *field, uint16_t *field_len, size_t field_max, const char *name)
{
    *field_len = (uint16_t)MIN(strlen(name), field_max);
    memcpy(field, name, *field_len);
}

/* The span of a command that has made none. */
static void root_make(const struct process_spans *spans, const struct process_command *command, struct span *span,
                      struct resource *resource)
{
    const struct ring_program *root = &spans->root;
    const char *slash = strrchr(command->path, '/'), *name = slash ? slash + 1 : command->path;
    struct span_context context = {.trace_flags = root->trace_flags, .is_valid = true};
    struct utsname system;
    char path[PATH_MAX];
    memcpy(context.trace_id, root->trace_id, TRACE_ID_LEN);
    memcpy(context.span_id, root->span_id, SPAN_ID_LEN);
    span_open(span, SPAN_KIND_INTERNAL, command->start_ns, command->pid, command->pid);
    span_set_context(span, &context, root->parent_span_id);
    span->role = SPAN_ROLE_PROCESS;
    span_set_name(span, name, strlen(name));
    string_set(span, ATTRIBUTE_PROCESS_EXECUTABLE_NAME, name);
    if (realpath(command->path, path))
        string_set(span, ATTRIBUTE_PROCESS_EXECUTABLE_PATH, path);
    span_set_int(span, ATTRIBUTE_PROCESS_PID, command->pid);
    string_set(span, ATTRIBUTE_PROCESS_BLIND, command->blind ? command->blind : "unknown");
    memset(resource, 0, sizeof *resource);
    name_fill(resource->executable_name, &resource->executable_name_len, sizeof resource->executable_name, name);
    name_fill(resource->service_name, &resource->service_name_len, sizeof resource->service_name,
              command->service_name ? command->service_name : name);
    if (uname(&system) == 0)
        name_fill(resource->host_name, &resource->host_name_len, sizeof resource->host_name, system.nodename);
}

static void root_finish(struct process_spans *spans, const struct process_spans_end *end)
{
    struct span span;
    struct resource resource;
    struct entry *entry = entry_of(spans, spans->root.span_id);
    bool is_needed = !entry || entry->is_kept;
    if (spans->root_span) {
        stored_span_read(spans->root_span, &span);
        resource = spans->root_span->resource->resource;
        span_store_remove(&spans->store, spans->root_span);
    } else if (end->command->pid && (end->command->blind || is_needed)) {
        root_make(spans, end->command, &span, &resource);
    } else {
        return;
    }
    root_complete(&span, end);
    bool has_drops = drops_set(&span, end->stats);
    if (has_drops || is_needed || is_worth_seeing(spans, &span))
        spans->output(spans->argument, &span, &resource);
}

void process_spans_finish(struct process_spans *spans, const struct process_spans_end *end)
{
    if (spans->root.is_set)
        root_finish(spans, end);
    while (spans->oldest)
        span_store_remove(&spans->store, entry_take(spans, spans->oldest));
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *entry = spans->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            free(entry);
        }
    free(spans);
}
