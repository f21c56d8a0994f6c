/* surefire_event.h - what Maven Surefire's and Failsafe's forked JVM tells Maven on its standard output, from version
 * 3.0.0-M5 on: frames ":maven-surefire-event:", an operation, a run's id, and strings with their lengths before them.
 * What tests print is in frames of its own. */
#ifndef RUN_TRACED_SHIM_SUREFIRE_EVENT_H
#define RUN_TRACED_SHIM_SUREFIRE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum surefire_kind { SUREFIRE_OTHER, SUREFIRE_STARTING, SUREFIRE_SUCCEEDED, SUREFIRE_FAILED, SUREFIRE_SKIPPED };

struct surefire_event {
    enum surefire_kind kind;
    uint64_t run_id; /* the same when a test begins and when it ends */
    const char *class_name, *test_name; /* not NUL-terminated, in the bytes; NULL: not said */
    size_t class_name_len, test_name_len;
};

/* surefire_is_event - does a frame begin here? */
bool surefire_is_event(const char *bytes, size_t len);

/* surefire_event_parse - the first event of a test in what was written in one go; SUREFIRE_OTHER if there is none
 * before anything that is not known. */
struct surefire_event surefire_event_parse(const char *bytes, size_t len);

#endif
