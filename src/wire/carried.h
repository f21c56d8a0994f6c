/* carried.h - what goes with bytes from one thread to another: for each write that has not been read yet, the context
 * that it was made in. The caller holds a lock over all of it. Hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_CARRIED_H
#define RUN_TRACED_WIRE_CARRIED_H

#include "trace/active.h"

enum { CARRIED_ROOM = 128 };

enum carried_state {
    CARRIED_NOTHING, /* by a thread that nothing is known of */
    CARRIED_UNCLEAR, /* it may be any request's */
    CARRIED_CONTEXT,
};

struct carried_context; /* one that is kept, from our own memory */

/* One write: @len bytes, messages' or a counter's units, of which @taken_len have been read. */
struct carried_entry {
    uint64_t number;
    uint64_t len, taken_len;
    uint64_t hash; /* of the bytes; 0: not to be recognised by them */
    struct carried_context *context;
    uint8_t state; /* enum carried_state */
};

struct carried_queue {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    uint64_t last_number;
    uint32_t first, count;
    struct carried_entry entries[CARRIED_ROOM];
};

/* What a read took. */
struct carried {
    bool is_any;
    bool is_wakeup; /* a single byte among it: says that there is something, but not what */
    uint8_t state;
    struct active_context context;
};

/* carried_queue_new - an empty one, or NULL. */
struct carried_queue *carried_queue_new(void);

/* carried_queue_free - with all that is in it. */
void carried_queue_free(struct carried_queue *queue);

/* carried_put - @len units are about to be written. @active: CARRIED_CONTEXT only; copied. Returns the write's number,
 * or 0 if there is no room. */
uint64_t carried_put(struct carried_queue *queue, uint64_t len, uint64_t hash, enum carried_state state,
                     const struct active_context *active);

/* carried_correct - of the write @number, @len units went out. False if it has been read already. */
bool carried_correct(struct carried_queue *queue, uint64_t number, uint64_t len);

/* carried_take_same - takes the one write of @len bytes with this @hash, wherever it stands. Of several that are alike
 * nobody can say which it was. False if there is none. */
bool carried_take_same(struct carried_queue *queue, uint64_t len, uint64_t hash, struct carried *out);

/* carried_take - takes the next @len units. False if there are fewer; those are taken. */
bool carried_take(struct carried_queue *queue, uint64_t len, struct carried *out);

/* carried_peek - tells of the first write, and leaves it. */
bool carried_peek(struct carried_queue *queue, struct carried *out);

/* carried_next_len - units of the first write, or 0. */
uint64_t carried_next_len(const struct carried_queue *queue);

/* carried_clear - all that is in it is forgotten. */
void carried_clear(struct carried_queue *queue);

/* carried_is_same - do two contexts stand for the same work? */
bool carried_is_same(const struct active_context *a, const struct active_context *b);

#endif
