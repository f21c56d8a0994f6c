/* call_sites.h - "module+0xoffset" of a span's call becomes a function, a file and a line.
 *
 * What a record says is not trusted, and what is not sure is left out: no line is better than a wrong one. An
 * address is looked up once, whoever calls from there, and by a thread of its own (place_finder.h): the first spans
 * from a place whose debug information takes long go without. */
#ifndef RUN_TRACED_LAUNCHER_CALL_SITES_H
#define RUN_TRACED_LAUNCHER_CALL_SITES_H

#include "launcher/traced_processes.h"
#include "trace/frames.h"
#include "trace/span.h"

/* Of which what was looked up is remembered; then all is forgotten. */
enum { CALL_SITES_MAX = 65536 };

struct call_sites;

/* call_sites_new - none yet; no thread and nothing loaded before the first one. @oldest_boottime_ns: no traced
 * process has started before; 0: who knows. NULL: no memory. */
struct call_sites *call_sites_new(uint64_t oldest_boottime_ns);

/* call_sites_begin - a pass of the collector begins: all spans of it together may take some 0.4 s of work. */
void call_sites_begin(struct call_sites *sites);

/* call_sites_describe - adds code.function.name, code.file.path and code.line.number to @span, as far as it has none. A
 * function's name that is only its ELF symbol, as the traced process found it, is replaced by what debug information
 * has. @process: whose span it is; NULL: not known. */
void call_sites_describe(struct call_sites *sites, struct span *span, struct traced_process *process);

/* What is known of a place; empty strings, and 0: not that. */
struct call_place {
    const char *function, *file;
    const char *stack; /* of source_place.h: with the functions that it is inlined in */
    int32_t line;
};

/* call_sites_find - what is at @frame of @process, as of a call's. @out: valid until something else is asked. False:
 * nothing is known. */
bool call_sites_find(struct call_sites *sites, const struct frames_place *frame, struct traced_process *process,
                     struct call_place *out);

/* call_sites_look_up_count - how many addresses were looked up. */
uint64_t call_sites_look_up_count(const struct call_sites *sites);

/* call_sites_free - NULL is fine. */
void call_sites_free(struct call_sites *sites);

#endif
