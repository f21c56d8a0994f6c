#include "view/html_values.h"

#include "base/compiler.h"
#include "view/string_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 1024, BYTES_MIN = 64 * 1024 };

struct html_value {
    uint64_t hash;
    size_t at; /* in the bytes, plus 1; 0: free */
    uint32_t len;
    uint32_t number;
};

/* The value's slot, or the free one where it belongs. */
static struct html_value *slot_find(struct html_values *values, uint64_t hash, const char *json, size_t len)
{
    size_t mask = values->capacity - 1;
    for (size_t i = (hash ^ hash >> 32) & mask;; i = (i + 1) & mask) {
        struct html_value *slot = &values->slots[i];
        if (slot->at == 0)
            return slot;
        if (slot->hash == hash && slot->len == len && memcmp(values->bytes + slot->at - 1, json, len) == 0)
            return slot;
    }
}

static int slots_grow(struct html_values *values)
{
    struct html_values grown = *values;
    grown.capacity = MAX(values->capacity * 2, (size_t)SLOTS_MIN);
    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    if (!grown.slots)
        return -ENOMEM;
    for (size_t i = 0; i < values->capacity; i++) {
        const struct html_value *slot = &values->slots[i];
        if (slot->at)
            *slot_find(&grown, slot->hash, values->bytes + slot->at - 1, slot->len) = *slot;
    }
    free(values->slots);
    *values = grown;
    return 0;
}

static int bytes_add(struct html_values *values, const char *json, size_t len)
{
    if (values->room - values->len < len + 1) {
        size_t room = MAX(values->room * 2 + len + 1, (size_t)BYTES_MIN);
        char *bytes = realloc(values->bytes, room);
        if (!bytes)
            return -ENOMEM;
        values->bytes = bytes;
        values->room = room;
    }
    if (values->count)
        values->bytes[values->len++] = ',';
    memcpy(values->bytes + values->len, json, len);
    values->len += len;
    return 0;
}

long html_values_add(struct html_values *values, const char *json, size_t len)
{
    if (values->count * 4 >= values->capacity * 3 && slots_grow(values) < 0)
        return -ENOMEM;
    uint64_t hash = string_hash(json, len);
    struct html_value *slot = slot_find(values, hash, json, len);
    if (slot->at)
        return slot->number;
    if (bytes_add(values, json, len) < 0)
        return -ENOMEM;
    *slot = (struct html_value){hash, values->len - len + 1, (uint32_t)len, (uint32_t)values->count};
    return (long)values->count++;
}

void html_values_print(const struct html_values *values, FILE *out)
{
    putc('[', out);
    if (values->len)
        fwrite(values->bytes, 1, values->len, out);
    putc(']', out);
}

void html_values_free(struct html_values *values)
{
    free(values->slots);
    free(values->bytes);
    *values = (struct html_values){0};
}
