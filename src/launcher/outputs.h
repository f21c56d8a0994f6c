/* outputs.h - where this run's spans go: the command line's -o and -e, checked and made absolute,
 * as the traced processes are told of them. */
#ifndef RUN_TRACED_LAUNCHER_OUTPUTS_H
#define RUN_TRACED_LAUNCHER_OUTPUTS_H

#include "backend/target.h"
#include "launcher/options.h"

#include <stddef.h>

enum { OUTPUTS_LEN_MAX = (EXPORTER_COUNT_MAX + 1) * 3 * 4096 };

struct outputs {
    char exporters[OUTPUTS_LEN_MAX]; /* the value of RUN_TRACED_EXPORTER */
    char description[8192];          /* for people: "in spans.jsonl and to unix:/run/x" */
    struct target targets[EXPORTER_COUNT_MAX + 1]; /* backends: what the collector alone can write to */
    unsigned target_count;
    char view_path[4096];            /* a file that --view can read; empty: there is none */
};

/* outputs_prepare - creates the spans file, opens the files that exporters append to, and resolves
 * the hosts' names (which may wait for DNS). Returns 0, or a negative errno after a message. The
 * files stay open, and locked, till we exit. */
int outputs_prepare(const struct options *options, struct outputs *outputs);

/* exporter_resolve_host - gives a tcp exporter with a host's name that host's first numeric
 * address, since the traced processes must not call a resolver. Returns 0, or getaddrinfo's error
 * code. */
int exporter_resolve_host(struct exporter *exporter);

#endif
