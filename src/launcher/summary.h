/* summary.h - what is said when the command has ended: how many spans, and where they are. */
#ifndef RUN_TRACED_LAUNCHER_SUMMARY_H
#define RUN_TRACED_LAUNCHER_SUMMARY_H

#include "base/text.h"
#include "export/run_stats.h"
#include "launcher/coverage.h"
#include "launcher/diagnosis.h"
#include "launcher/outputs.h"

struct summary {
    const struct run_stats *stats;
    const struct outputs *outputs;
    const struct diagnosis *diagnosis;
    const struct coverage *coverage;
    bool is_coverage_whole; /* --coverage */
    const struct backends *backends; /* NULL: there are none */
};

/* summary_format_spans - "12 spans of 3 services, 1 error, 85 sampled out, in spans.jsonl (run-traced.sh --view
 * spans.jsonl)", or why there are none; nothing if the diagnosis said so when the command started.
 */
void summary_format_spans(const struct summary *summary, struct text *text);

/* summary_format_drops - "5 spans lost: the socket's peer does not read fast enough". Adds nothing
 * if nothing was lost for @reason. */
void summary_format_drops(const struct summary *summary, enum drop_reason reason,
                          struct text *text);

/* summary_format_early - that traces could not be waited for. Adds nothing if all could. */
void summary_format_early(const struct summary *summary, struct text *text);

/* summary_print - all of it, on stderr, a line each. */
void summary_print(const struct summary *summary);

#endif
