/* operation.h - what a span does, by a name that is the same for each request of its sort. */
#ifndef RUN_TRACED_VIEW_OPERATION_H
#define RUN_TRACED_VIEW_OPERATION_H

#include "view/span_decode.h"

enum { OPERATION_CACHE_LEN = 4096 };

/* All zero: empty. Names are looked up by the addresses of interned strings: all spans are of one pool. */
struct operation_names {
    struct string_pool strings;
    struct {
        const char *name;
        const char *path;
        const char *operation;
    } cache[OPERATION_CACHE_LEN];
};

/* operation_name - "POST /users/{id}": the span's name, and its path where the name has none, with {id} for each id in
 * it (trace/path_id.h). Interned in @names: equal names are equal pointers. Without memory "", and
 * strings.is_out_of_memory. */
const char *operation_name(struct operation_names *names, const struct view_span *span);

/* operation_callee - the address that a call without a server's span went to, without a port that differs from run to
 * run (32768 and above); interned. NULL: unknown. */
const char *operation_callee(struct operation_names *names, const struct view_span *span);

/* operation_names_free - gives back all memory. */
void operation_names_free(struct operation_names *names);

#endif
