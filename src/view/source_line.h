/* source_line.h - where a call was made, in words. */
#ifndef RUN_TRACED_VIEW_SOURCE_LINE_H
#define RUN_TRACED_VIEW_SOURCE_LINE_H

#include "view/span_decode.h"

/* source_line - "order.c line 142", interned in @pool; NULL if the span does not say. */
const char *source_line(struct string_pool *pool, const struct view_span *span);

#endif
