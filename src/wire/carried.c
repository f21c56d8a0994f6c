#include "wire/carried.h"

#include "base/compiler.h"
#include "base/slab.h"

#include <string.h>

struct carried_context {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct active_context active;
};

static BULKY_DATA struct slab g_queues = SLAB_INITIALIZER(sizeof(struct carried_queue), 16, 128);
static BULKY_DATA struct slab g_contexts = SLAB_INITIALIZER(sizeof(struct carried_context), 64, 64);

bool carried_is_same(const struct active_context *a, const struct active_context *b)
{
    return a->owner.request == b->owner.request && a->owner.expected == b->owner.expected &&
           memcmp(a->context.span_id, b->context.span_id, SPAN_ID_LEN) == 0;
}

struct carried_queue *carried_queue_new(void)
{
    uint32_t index;
    struct carried_queue *queue = slab_alloc(&g_queues, &index);
    if (!queue)
        return NULL;
    queue->index = index;
    queue->first = queue->count = 0;
    return queue;
}

void carried_queue_free(struct carried_queue *queue)
{
    carried_clear(queue);
    slab_free(&g_queues, queue->index);
}

static struct carried_entry *entry_at(struct carried_queue *queue, uint32_t at)
{
    return &queue->entries[(queue->first + at) % CARRIED_ROOM];
}

static void context_free(struct carried_entry *entry)
{
    if (entry->context)
        slab_free(&g_contexts, entry->context->index);
    entry->context = NULL;
}

/* Without memory for it, it is unclear. */
static void context_keep(struct carried_entry *entry, const struct active_context *active)
{
    uint32_t index;
    entry->context = slab_alloc(&g_contexts, &index);
    if (!entry->context) {
        entry->state = CARRIED_UNCLEAR;
        return;
    }
    entry->context->index = index;
    active_copy(&entry->context->active, active);
}

uint64_t carried_put(struct carried_queue *queue, uint64_t len, uint64_t hash, enum carried_state state,
                     const struct active_context *active)
{
    if (queue->count == CARRIED_ROOM)
        return 0;
    struct carried_entry *entry = entry_at(queue, queue->count++);
    *entry = (struct carried_entry){
        .number = ++queue->last_number, .len = len, .hash = hash, .state = (uint8_t)state};
    if (state == CARRIED_CONTEXT)
        context_keep(entry, active);
    return entry->number;
}

static void entry_remove(struct carried_queue *queue, uint32_t at)
{
    context_free(entry_at(queue, at));
    if (at == 0)
        queue->first = (queue->first + 1) % CARRIED_ROOM;
    for (uint32_t i = at; at > 0 && i + 1 < queue->count; i++)
        *entry_at(queue, i) = *entry_at(queue, i + 1);
    queue->count--;
}

void carried_clear(struct carried_queue *queue)
{
    while (queue->count)
        entry_remove(queue, 0);
}

bool carried_correct(struct carried_queue *queue, uint64_t number, uint64_t len)
{
    for (uint32_t i = queue->count; i-- > 0;) {
        struct carried_entry *entry = entry_at(queue, i);
        if (entry->number != number)
            continue;
        if (len < entry->taken_len)
            return false;
        entry->len = len;
        entry->hash = 0;
        if (len == entry->taken_len)
            entry_remove(queue, i);
        return true;
    }
    return false;
}

static void out_add(struct carried *out, const struct carried_entry *entry)
{
    uint8_t state = entry->state;
    out->is_wakeup = out->is_wakeup || entry->len == 1;
    if (!out->is_any && state == CARRIED_CONTEXT)
        active_copy(&out->context, &entry->context->active);
    else if (out->is_any && (state != out->state || (state == CARRIED_CONTEXT &&
                                                     !carried_is_same(&out->context, &entry->context->active))))
        state = CARRIED_UNCLEAR;
    out->state = state;
    out->is_any = true;
}

bool carried_take_same(struct carried_queue *queue, uint64_t len, uint64_t hash, struct carried *out)
{
    uint32_t found = queue->count, found_count = 0;
    for (uint32_t i = queue->count; i-- > 0;) {
        const struct carried_entry *entry = entry_at(queue, i);
        if (entry->hash != hash || entry->len != len || entry->taken_len)
            continue;
        out_add(out, entry);
        found = i;
        found_count++;
    }
    if (!found_count)
        return false;
    for (uint32_t i = found; found_count > 1 && out->state == CARRIED_UNCLEAR && i < queue->count; i++)
        if (entry_at(queue, i)->hash == hash && entry_at(queue, i)->len == len)
            entry_at(queue, i)->state = CARRIED_UNCLEAR;
    entry_remove(queue, found);
    return true;
}

bool carried_take(struct carried_queue *queue, uint64_t len, struct carried *out)
{
    while (len && queue->count) {
        struct carried_entry *entry = entry_at(queue, 0);
        uint64_t part = MIN(len, entry->len - entry->taken_len);
        out_add(out, entry);
        entry->taken_len += part;
        len -= part;
        if (entry->taken_len == entry->len)
            entry_remove(queue, 0);
    }
    return len == 0;
}

bool carried_peek(struct carried_queue *queue, struct carried *out)
{
    if (!queue->count)
        return false;
    out_add(out, entry_at(queue, 0));
    return true;
}

uint64_t carried_next_len(const struct carried_queue *queue)
{
    return queue->count ? queue->entries[queue->first].len : 0;
}
