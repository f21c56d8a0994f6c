/* run_stats.h - what one run of the prefix counts: a part of the ring, written by every traced process
 * and the collector with relaxed atomic additions, read by the launcher for its closing line. */
#ifndef RUN_TRACED_EXPORT_RUN_STATS_H
#define RUN_TRACED_EXPORT_RUN_STATS_H

#include "trace/resource.h"
#include "trace/span.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum drop_reason {
    DROP_NO_MEMORY,    /* no record, connection or buffer could be had */
    DROP_WRITE_FAILED, /* the file could not be opened or written */
    DROP_SOCKET_FULL,  /* the socket's peer does not read fast enough */
    DROP_SOCKET_GONE,  /* the socket's peer is not there */
    DROP_BUSY,         /* another thread held the sink for too long */
    DROP_DAMAGED,      /* the record was no valid span: an id all zero, say */
    DROP_RING_FULL,    /* the collector does not keep up, or is stopped */
    DROP_NO_PROCESS,   /* the ring has no room for more processes */
    DROP_REASON_COUNT,
};

enum { RUN_STATS_SERVICES_MAX = 256 };

enum { RUN_STATS_MAGIC = 0x53545252 /* "RRTS" */, RUN_STATS_VERSION = 4 };

struct run_stats {
    uint32_t magic; /* and version: of a file that run_stats_open takes */
    uint32_t version;
    _Atomic uint64_t process_count; /* processes that the library was loaded into */
    _Atomic uint64_t span_count;    /* spans that at least one exporter took */
    _Atomic uint64_t error_count;   /* of these, those with status ERROR */
    _Atomic uint64_t opaque_count;  /* of these, connections that could not be seen into */
    /* Spans that an exporter could not deliver: with two exporters a span may count here (for
     * the one) and above (for the other); a span that waited in a socket's buffer in vain counts
     * in both. */
    _Atomic uint64_t dropped_count[DROP_REASON_COUNT];
    _Atomic int last_errno[DROP_REASON_COUNT];         /* 0: none */
    _Atomic uint64_t services[RUN_STATS_SERVICES_MAX]; /* hashes of service names; 0: unused */
    _Atomic uint64_t sampled_out_count;   /* spans of traces that --keep does not keep: no losses */
    _Atomic uint64_t decided_early_count; /* traces on which was decided before they were over, for want of room */
    _Atomic uint64_t process_span_count; /* spans of processes, which count nowhere else */
};

/* run_stats_open - for processes without a collector: maps the file that RUN_TRACED_STATS names, if it is
 * one of ours, and counts there. Start-up only. No descriptor stays open. */
void run_stats_open(const char *path);

/* run_stats_use - counts go to @stats from now on, till then to private memory. Start-up only. */
void run_stats_use(struct run_stats *stats);

/* What is counted of a span. */
struct span_note {
    uint64_t service_hash;
    bool is_error;
    bool is_opaque;
    bool is_process; /* the span stands for a process: it is counted as that alone */
};

/* run_stats_note - of @span, for when it has been exported. */
struct span_note run_stats_note(const struct span *span, const struct resource *resource);

/* run_stats_count_span - that one was exported. Hot path, signal-safe. */
void run_stats_count_span(const struct span_note *note);

/* run_stats_service_hash - what a service's name is counted by; never 0. */
uint64_t run_stats_service_hash(const char *service, size_t service_len);

/* run_stats_count_drops - @count spans were lost at once. */
void run_stats_count_drops(enum drop_reason reason, int error, uint64_t count);

/* run_stats_count_drop - one span was lost. @error: an errno that says more, or 0. Hot path. */
void run_stats_count_drop(enum drop_reason reason, int error);

/* run_stats_count_sampled_out - @count spans were not wanted. By the collector. */
void run_stats_count_sampled_out(uint64_t count);

/* run_stats_count_decided_early - a trace was decided on before it was over. By the collector. */
void run_stats_count_decided_early(void);

/* run_stats_count_process - the library was loaded. */
void run_stats_count_process(void);

/* run_stats_service_count - distinct services that were counted. */
unsigned run_stats_service_count(const struct run_stats *stats);

/* drop_reason_attribute - the attribute that says how many were lost for @reason. */
enum attribute_key drop_reason_attribute(enum drop_reason reason);

/* drop_reason_text - for people: "the spans file could not be written". NULL if out of range. */
const char *drop_reason_text(unsigned reason);

#endif
