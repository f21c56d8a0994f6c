/* reproducible_order.h - an order of spans, and ids for them, that hang on what they are and not on when they were
 * made. */
#ifndef RUN_TRACED_VIEW_REPRODUCIBLE_ORDER_H
#define RUN_TRACED_VIEW_REPRODUCIBLE_ORDER_H

#include "view/span_decode.h"
#include "view/stable_span.h"

#define ORDER_NO_SPAN UINT32_MAX

struct ordered_span {
    const struct view_span *span;
    const struct stable_span *stable;
    const char *step;               /* service, kind and operation, interned */
    uint32_t parent;                /* ORDER_NO_SPAN: none in the file */
    uint32_t trace;                 /* its number in the file */
    uint64_t digest;                /* of all below it and itself */
    uint64_t trace_digest;          /* of a root: of all roots of its trace */
    uint8_t trace_id[TRACE_ID_LEN]; /* the new ones */
    uint8_t span_id[SPAN_ID_LEN];
    uint8_t parent_span_id[SPAN_ID_LEN]; /* of one that is not in the file, too; all zero: none */
};

/* reproducible_order - settles the digests and the new ids of @count spans, whose other members are set, and where they
 * go. @order: their places, as they are to be written. Returns 0 or -ENOMEM. */
int reproducible_order(struct ordered_span *spans, size_t count, uint32_t trace_count, uint32_t *order);

#endif
