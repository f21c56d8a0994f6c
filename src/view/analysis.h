/* analysis.h - where the time of a trace went, and what failed in it. */
#ifndef RUN_TRACED_VIEW_ANALYSIS_H
#define RUN_TRACED_VIEW_ANALYSIS_H

#include "view/critical_path.h"

enum share_kind {
    SHARE_SERVICE, /* a service at work, or waiting for what is not traced */
    SHARE_PROGRAM, /* a program that no span below accounts for: starting, computing, what is not traced */
    SHARE_CALLEE,  /* a client waiting for a server that left no span */
    SHARE_NETWORK, /* a client waiting while its server was not at it yet, or no more */
    SHARE_OUTSIDE, /* no span was active */
    SHARE_REST,    /* the smaller ones, summed up */
};

struct share {
    enum share_kind kind;
    const char *label;   /* SERVICE, PROGRAM: its name; CALLEE: address and port, NULL: unknown; else NULL */
    int64_t us;          /* of the total, along the critical path */
    int percent;         /* rounded so that the sum is 100 */
    const char *caller;  /* the service that called it for most of that time; NULL: not in the file.
                          * NETWORK: the client's service */
    const char *callee;  /* NETWORK: the server's service; else NULL */
    const struct view_span *call; /* SERVICE, CALLEE: the call that the caller made; NULL: none, or not all from one line */
    size_t caller_count; /* callers (NETWORK: pairs) with a part of that time. REST: shares */
};

enum { SHARES_MAX = 12 };

struct analysis {
    struct share *shares; /* longest first; the rest; then services with no part in it (us 0) */
    size_t share_count;
    size_t idle_count; /* of these, the ones with us 0 */
    int64_t total_us;
    struct critical_path path;
    const struct trace_node *failed; /* the deepest span with an error; NULL: none */
    size_t failed_count;             /* spans with an error that have none below them */
};

/* analysis_make - analyses an assembled trace. The shares sum up to total_us, and, unless that is
 * 0, their percentages to 100. Returns 0 or -ENOMEM. O(n log n). */
int analysis_make(const struct trace_tree *tree, struct analysis *analysis);

/* analysis_free - gives back all memory. */
void analysis_free(struct analysis *analysis);

/* call_server - the first SERVER span that answered a CLIENT span; NULL: none in this file. */
const struct trace_node *call_server(const struct trace_node *client);

#endif
