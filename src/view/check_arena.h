/* check_arena.h - memory that is given back all at once. */
#ifndef RUN_TRACED_VIEW_CHECK_ARENA_H
#define RUN_TRACED_VIEW_CHECK_ARENA_H

#include <stddef.h>

/* All zero: empty. */
struct check_arena {
    struct check_arena_piece *pieces;
};

/* check_arena_get - @size zeroed bytes, fit for any type. NULL: there is no memory. */
void *check_arena_get(struct check_arena *arena, size_t size);

/* check_arena_free - gives all of it back. */
void check_arena_free(struct check_arena *arena);

#endif
