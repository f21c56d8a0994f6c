/* parent.h - whose child is a call? src/README.md, "Whose child". */
#ifndef RUN_TRACED_WIRE_PARENT_H
#define RUN_TRACED_WIRE_PARENT_H

#include "trace/active.h"
#include "trace/span.h"

/* What a connection remembers of who made it. */
struct parent_memory {
    bool is_said;   /* by the runtime, for the next request on it; nothing else counts then */
    bool was_ended; /* the request that it was made for had been answered by then */
    int tid;        /* by which thread, and in which of its turns, it was heard to be connected */
    uint32_t turn;
    struct active_context active; /* who it was made for; source ACTIVE_NONE: not known */
};

struct parent {
    const struct active_context *active; /* NULL: a root span. Valid until the thread's context is set anew */
    bool may_be_sampled;                 /* one of those at least is recorded */
    size_t link_count;                   /* not 0: it is the child of one of these, nobody can say which */
    struct span_link links[SPAN_LINKS_MAX];
};

/* parent_memory_clear - nothing is known. */
void parent_memory_clear(struct parent_memory *memory);

/* parent_memory_copy - copies only what is filled. */
void parent_memory_copy(struct parent_memory *to, const struct parent_memory *from);

/* parent_memory_connect - the calling thread makes the connection. Hot path, signal-safe. */
void parent_memory_connect(struct parent_memory *memory);

/* parent_memory_connected - it has heard just now that it is made. */
void parent_memory_connected(struct parent_memory *memory);

/* parent_memory_say - the next request is made for @active, or, if that is NULL, for who knows whom. So it is when
 * two say different things before there is one. */
void parent_memory_say(struct parent_memory *memory, const struct active_context *active);

/* parent_choose - for a call that the calling thread makes now. @memory: of the connection, if this is its first
 * request or something was said; else NULL. Hot path, signal-safe; where nothing decides between open requests they
 * are looked for, which takes microseconds. */
void parent_choose(struct parent *parent, const struct parent_memory *memory);

/* parent_is_plain - parent_describe has nothing to say. */
static inline bool parent_is_plain(const struct active_context *active, size_t link_count)
{
    return (active->source == ACTIVE_NONE || active->source == ACTIVE_SERVER) && !link_count;
}

/* parent_describe - says on @span how its parent @active was found, or that it was not and may be any of @links, where that
 * is not plain. */
void parent_describe(struct span *span, const struct active_context *active, const struct span_link *links,
                     size_t link_count);

#endif
