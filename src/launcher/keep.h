/* keep.h - which traces are kept, once they are over: what --keep says. */
#ifndef RUN_TRACED_LAUNCHER_KEEP_H
#define RUN_TRACED_LAUNCHER_KEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keep {
    bool is_set;             /* false: all traces are kept, and none waits */
    bool errors;             /* every trace in which a span failed */
    bool slower_than_p99;    /* every trace that took longer than 99 % of those that begin alike */
    uint64_t slower_than_ns; /* every trace that took longer; UINT64_MAX: none for that */
    /* Of the rest: those whose id's last 56 bits are not below this, as trace/sampler.h has it; 1 << 56: none. */
    uint64_t share_threshold;
    double rate; /* at most so many of these a second; 0: no limit */
    uint64_t wait_ns; /* how long a trace is to be quiet before it counts as over: --keep-wait */
};

/* For people. */
#define KEEP_KNOWN "errors, slower=500ms, slower=p99, 1%, rate=10/s"

enum { KEEP_WAIT_SECONDS = 2 };

/* keep_parse - @list: what --keep says, words parted by commas. Returns 0; or -EINVAL, and @wrong becomes the word that is
 * none, *@wrong_len bytes. An empty list is wrong. @out->wait_ns stays, or, if it is 0, becomes that of KEEP_WAIT_SECONDS. */
int keep_parse(const char *list, struct keep *out, const char **wrong, size_t *wrong_len);

/* duration_parse - @text, not NUL-terminated: a decimal number and us, ms, s or m: "1.5s". Returns 0, or -EINVAL; no
 * more than a day, and not 0. */
int duration_parse(const char *text, size_t len, uint64_t *ns);

#endif
