/* line_batch.h - the collector's way out: spans become lines, lines are handed to the exporters many
 * at a time. Memory is bounded. */
#ifndef RUN_TRACED_LAUNCHER_LINE_BATCH_H
#define RUN_TRACED_LAUNCHER_LINE_BATCH_H

#include "trace/resource.h"
#include "trace/span.h"

#include <stdbool.h>

struct line_batch;

/* line_batch_new - @exporters: as in RUN_TRACED_EXPORTER. NULL if there is no memory. */
struct line_batch *line_batch_new(const char *exporters);

/* line_batch_add - one more span; what is no valid span is counted as damaged. @span must not change
 * meanwhile. @is_taken: somebody has it already, so that it counts as exported even if no exporter here takes it. Hands
 * the batch on when it is full. */
void line_batch_add(struct line_batch *batch, const struct span *span,
                    const struct resource *resource, bool is_taken);

/* line_batch_flush - hands on what there is. Does not wait for slow peers. */
void line_batch_flush(struct line_batch *batch);

/* line_batch_finish - the same, but gives slow peers a last while; then frees @batch. */
void line_batch_finish(struct line_batch *batch);

#endif
