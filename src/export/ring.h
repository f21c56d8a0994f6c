/* ring.h - the memory that spans are born in: one file, mapped by every traced process and by the
 * collector.
 *
 * A record is claimed by one compare-and-swap on its state word, filled in place, and published by one
 * store. There is no queue and no list: a process that dies at any point leaves nothing behind
 * that others could stumble over, and what it had claimed carries its name. Nobody ever waits.
 *
 * The collector believes nothing it finds here (launcher/collector.h). */
#ifndef RUN_TRACED_EXPORT_RING_H
#define RUN_TRACED_EXPORT_RING_H

#include "export/run_stats.h"
#include "trace/resource.h"
#include "trace/span.h"

enum {
    RING_RECORDS_MAX = 32768,
    RING_RECORDS_FIRST = 4096, /* usable from the start; the collector makes more so under load */
    RING_PROCESSES_MAX = 8192,
    RING_PROCESSES_FIRST = 1024,
    RING_GROUP_LEN = 64, /* records that one bit of the dirty words stands for */
    RING_DIRTY_WORDS = RING_RECORDS_MAX / RING_GROUP_LEN / 64,
    RING_CACHE_LINE = 64,
    RING_USUAL_LEN = 640, /* bytes of a record that a usual span fills */
};

/* A record's state word: enum span_state, then a count of its uses, then its process's number. */
static inline uint32_t ring_state_make(enum span_state state, uint32_t use, uint32_t process)
{
    return process << 16 | (use & 0xff) << 8 | (uint32_t)state;
}
static inline enum span_state ring_state_of(uint32_t word)
{
    return (enum span_state)(word & 0xff);
}
static inline uint32_t ring_state_process(uint32_t word)
{
    return word >> 16;
}
static inline uint32_t ring_state_use(uint32_t word)
{
    return word >> 8 & 0xff;
}

enum ring_process_state {
    RING_PROCESS_FREE,
    RING_PROCESS_CLAIMED,
    RING_PROCESS_READY,
    /* Of a program that makes no span, by who is about to execute it in its own place: */
    RING_PROCESS_EXECUTING, /* it may still fail; then the place is free again */
    RING_PROCESS_WATCHED,   /* the same, and the collector knows of it */
    RING_PROCESS_ABANDONED, /* it has failed; the collector frees the place */
};

/* The span of a process: of the program that it executes. */
struct ring_program {
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t span_id[SPAN_ID_LEN];
    uint8_t parent_span_id[SPAN_ID_LEN]; /* all zero: a root span */
    uint8_t trace_flags;
    bool runs_tests; /* it is a runner whose tests find their names in its arguments */
    bool is_set; /* false: it has none, the rest is unspecified */
};

/* One process that makes spans. Its identity is one word, so that it is never half there. */
struct ring_process {
    _Atomic uint64_t identity; /* pid << 8 | enum ring_process_state */
    uint64_t start_boottime_ns; /* CLOCK_BOOTTIME when it came: a pid that is used again starts later */
    uint64_t pid_namespace; /* whose pid it is: the inode of /proc/self/ns/pid; 0: not known */
    struct ring_program program; /* whose it goes on under, after a fork, is its parent's */
    uint32_t program_record;     /* where that span is, + 1; 0: it is not this process's own */
    _Atomic uint32_t killed_status; /* by its parent's word, a wait status, of a signal; 0: not known */
    struct resource resource;
};

enum { RING_MARKS_MAX = 256, RING_MARK_NAME_LEN_MAX = 216 };

/* A script says which step it is at: run-traced --mark, which it runs, writes this for it. The newest of each process. */
struct ring_mark {
    _Atomic uint64_t owner; /* pid << 32 | how often it was written, odd while it is being written; 0: free */
    uint64_t pid_namespace; /* whose pid that is */
    uint64_t monotonic_ns;
    uint16_t name_len;
    char name[RING_MARK_NAME_LEN_MAX];
};

enum { RING_SHELLS_MAX = 256 };

enum ring_shell_state {
    RING_SHELL_FREE,
    RING_SHELL_WRITTEN, /* it is being filled */
    RING_SHELL_CALLED,  /* the call has not returned */
    RING_SHELL_LEFT,    /* popen(3) has, but the shell has not looked here yet */
};

/* A thread calls system(3) or popen(3) for a request (export/shell_call.h). */
struct ring_shell {
    /* inode of popen's pipe << 32, if it is left | count of its uses << 8 | enum ring_shell_state */
    _Alignas(RING_CACHE_LINE) _Atomic uint64_t word;
    uint64_t begin_monotonic_ns;
    uint64_t command_hash;
    int32_t pid, tid;
    uint8_t environment_span_id[SPAN_ID_LEN]; /* of what TRACEPARENT says in that process; all zero: nothing */
};

struct ring_dirty {
    _Alignas(RING_CACHE_LINE) _Atomic uint64_t word;
};

struct ring {
    uint32_t magic;
    uint32_t version;
    _Atomic uint32_t is_closed;      /* nobody collects any more: make no spans */
    _Atomic uint32_t record_limit;   /* how many records may be used; grows */
    _Atomic uint32_t process_limit;  /* the same of processes */
    _Atomic uint32_t has_new_process;
    /* Set before the command starts: */
    uint32_t has_programs;         /* each program makes a span */
    uint32_t keeps_environment;    /* programs with environments of their own are traced */
    int32_t command_pid;           /* who is to make that of the command */
    _Atomic uint32_t root_is_made; /* it has */
    struct ring_program root;      /* of the command; not set: there is none */
    _Atomic uint32_t mark_count;   /* how many were ever made */
    _Atomic uint32_t shell_limit;  /* how many of the shells' places were ever used */
    _Alignas(RING_CACHE_LINE) struct run_stats stats; /* off what every claim reads */
    _Atomic uint64_t new_processes[RING_PROCESSES_MAX / 64]; /* a bit for each that has come since these were looked at */
    struct ring_dirty dirty[RING_DIRTY_WORDS]; /* a bit a group that has ended spans */
    _Alignas(RING_CACHE_LINE) _Atomic uint32_t states[RING_RECORDS_MAX];
    struct ring_mark marks[RING_MARKS_MAX];
    struct ring_shell shells[RING_SHELLS_MAX];
    struct span_context shell_contexts[RING_SHELLS_MAX]; /* the shells' requests */
    _Alignas(4096) struct ring_process processes[RING_PROCESSES_MAX];
    _Alignas(4096) struct span records[RING_RECORDS_MAX];
};

/* ring_pid_namespace - the calling process's. One system call. */
uint64_t ring_pid_namespace(void);

/* ring_process_is_foreign - is its pid one of another namespace than @pid_namespace? */
static inline bool ring_process_is_foreign(const struct ring_process *process,
                                           uint64_t pid_namespace)
{
    return process->pid_namespace && process->pid_namespace != pid_namespace;
}

/* ring_create - makes the file @path (mode 0600, must not exist) and maps it. Memory for what is
 * usable is reserved, so that a full file system is an error here and no SIGBUS in a traced program.
 * Returns 0 or a negative errno. Collector only. */
int ring_create(const char *path, struct ring **out);

/* ring_open - maps an existing ring. Returns 0; -EINVAL if it is none; another negative errno. No
 * descriptor stays open. Start-up of the library, and of a collector that takes over. */
int ring_open(const char *path, struct ring **out);

/* ring_reserve - makes sure that there is memory behind the first @records and @processes of the ring at
 * @path. Returns 0 or a negative errno. Collector only. */
int ring_reserve(const char *path, uint32_t records, uint32_t processes);

#endif
