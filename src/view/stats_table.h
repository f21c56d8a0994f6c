/* stats_table.h - counts and times by what they are of: operations, calls between services, call sites, findings. */
#ifndef RUN_TRACED_VIEW_STATS_TABLE_H
#define RUN_TRACED_VIEW_STATS_TABLE_H

#include "trace/context.h"
#include "view/samples.h"

/* Strings are interned in one pool: they are compared by address. NULL: none. What they mean is the table's business.
 */
struct stats_key {
    const char *service;
    const char *what;
    const char *other;
    const char *place;
    uint8_t kind;
};

struct stats {
    struct stats_key key;
    struct samples us;
    uint64_t error_count;
    int64_t path_us;                /* of critical paths */
    uint64_t calls_max;             /* findings: the most calls in one place */
    uint8_t trace_id[TRACE_ID_LEN]; /* the trace with the longest time in it */
    int64_t longest_us;             /* -1: none yet */
};

/* All zero: empty. */
struct stats_table {
    struct stats *items;
    size_t count;
    size_t capacity;
    size_t *slots; /* index + 1 into items; 0: free */
    size_t slot_count;
};

/* stats_table_find - the item of @key, a new one if there is none yet; until the next call, which may move them. NULL:
 * no memory. */
struct stats *stats_table_find(struct stats_table *table, const struct stats_key *key);

/* stats_note - adds one time to an item, and keeps the trace of the longest. Returns 0 or -ENOMEM. */
int stats_note(struct stats *stats, int64_t us, bool is_error, const uint8_t *trace_id);

/* stats_table_sort - sorts the items: the most time on critical paths first, then the most of them, then by name. The
 * table can not be looked up in or added to from then on. */
void stats_table_sort(struct stats_table *table);

/* stats_key_compare - by name, service first: the same order in every run. */
int stats_key_compare(const struct stats_key *a, const struct stats_key *b);

/* stats_table_free - gives back all memory but the strings. */
void stats_table_free(struct stats_table *table);

#endif
