#include "view/check_arena.h"

#include <stdlib.h>

struct check_arena_piece {
    struct check_arena_piece *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

void *check_arena_get(struct check_arena *arena, size_t size)
{
    struct check_arena_piece *piece = calloc(1, sizeof *piece + size);
    if (!piece)
        return NULL;
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

void check_arena_free(struct check_arena *arena)
{
    while (arena->pieces) {
        struct check_arena_piece *next = arena->pieces->next;
        free(arena->pieces);
        arena->pieces = next;
    }
}
