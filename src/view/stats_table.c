#include "view/stats_table.h"

#include "base/compiler.h"

#include <stdlib.h>
#include <string.h>

static size_t key_hash(const struct stats_key *key)
{
    uint64_t hash = key->kind;
    const char *const strings[] = {key->service, key->what, key->other, key->place};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        hash = (hash ^ (uintptr_t)strings[i]) * 0x9e3779b97f4a7c15ULL;
    return (size_t)(hash >> 20);
}

static bool is_same(const struct stats_key *a, const struct stats_key *b)
{
    return a->service == b->service && a->what == b->what && a->other == b->other && a->place == b->place &&
           a->kind == b->kind;
}

/* The slot that has the key, or the free one where it belongs. */
static size_t *slot_find(const struct stats_table *table, const struct stats_key *key)
{
    for (size_t i = key_hash(key);; i++) {
        size_t *slot = &table->slots[i & (table->slot_count - 1)];
        if (*slot == 0 || is_same(&table->items[*slot - 1].key, key))
            return slot;
    }
}

static bool table_grow(struct stats_table *table)
{
    size_t capacity = MAX(table->capacity * 2, (size_t)32);
    struct stats *items = reallocarray(table->items, capacity, sizeof *items);
    if (!items)
        return false;
    table->items = items;
    size_t *slots = calloc(capacity * 2, sizeof *slots);
    if (!slots)
        return false;
    free(table->slots);
    table->slots = slots;
    table->slot_count = capacity * 2;
    table->capacity = capacity;
    for (size_t i = 0; i < table->count; i++)
        *slot_find(table, &table->items[i].key) = i + 1;
    return true;
}

struct stats *stats_table_find(struct stats_table *table, const struct stats_key *key)
{
    if (table->count == table->capacity && !table_grow(table))
        return NULL;
    size_t *slot = slot_find(table, key);
    if (*slot == 0) {
        table->items[table->count++] = (struct stats){.key = *key, .longest_us = -1};
        *slot = table->count;
    }
    return &table->items[*slot - 1];
}

int stats_note(struct stats *stats, int64_t us, bool is_error, const uint8_t *trace_id)
{
    stats->error_count += is_error;
    if (us > stats->longest_us) {
        stats->longest_us = us;
        memcpy(stats->trace_id, trace_id, TRACE_ID_LEN);
    }
    return samples_add(&stats->us, us);
}

static int text_compare(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

int stats_key_compare(const struct stats_key *a, const struct stats_key *b)
{
    int order = text_compare(a->service, b->service);
    order = order ? order : text_compare(a->what, b->what);
    order = order ? order : text_compare(a->other, b->other);
    order = order ? order : text_compare(a->place, b->place);
    return order ? order : a->kind - b->kind;
}

static int stats_compare(const void *left, const void *right)
{
    const struct stats *a = left, *b = right;
    if (a->path_us != b->path_us)
        return a->path_us > b->path_us ? -1 : 1;
    if (a->us.count != b->us.count)
        return a->us.count > b->us.count ? -1 : 1;
    return stats_key_compare(&a->key, &b->key);
}

void stats_table_sort(struct stats_table *table)
{
    if (table->count)
        qsort(table->items, table->count, sizeof *table->items, stats_compare);
}

void stats_table_free(struct stats_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        samples_free(&table->items[i].us);
    free(table->items);
    free(table->slots);
    *table = (struct stats_table){0};
}
