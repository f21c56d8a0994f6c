/* traced_processes.h - the processes that share a ring, as the collector knows them: a private copy of
 * what each said of itself, and a pidfd that tells when it is gone. */
#ifndef RUN_TRACED_LAUNCHER_TRACED_PROCESSES_H
#define RUN_TRACED_LAUNCHER_TRACED_PROCESSES_H

#include "export/ring.h"
#include "launcher/exit_reason.h"

struct traced_process {
    pid_t pid;
    uint64_t registered_boottime_ns; /* when it came, by its own word: with its first span */
    uint64_t started_boottime_ns; /* 0: not asked yet: traced_process_started */
    bool is_number_anothers; /* by now */
    int pidfd;   /* -1: none; it was gone already, or there was no descriptor left */
    struct ring_process *executing; /* its place, until it is certain that it was executed; then NULL */
    bool is_foreign; /* in another pid namespace: there is no telling what becomes of it */
    bool is_dead;
    bool has_opaque; /* connections that were not seen into */
    bool is_noted; /* something was seen in it (launcher/process_spans.h) */
    bool is_reason_asked;
    struct exit_reason reason; /* once it is dead and traced_process_reason was called */
    const struct ring_process *shared; /* what it and its parent say of it; NULL: nothing */
    uint64_t ended_boottime_ns; /* when another program took its place; 0: it did not, or has not ended */
    struct ring_program program; /* whose span it is under */
    struct resource resource;
};

struct traced_processes {
    int epoll_fd; /* readable when one has ended; event data: its number in the ring */
    uint32_t live_count;
    uint32_t unwatched_count; /* live ones without a pidfd: asked after at each look */
    uint32_t executing_count; /* of which it is not certain that they were executed */
    uint32_t number_end;      /* beyond all that have been in use */
    uint64_t pid_namespace;   /* our own */
    ino_t ring_inode;         /* 0: not known */
    bool has_dead; /* some are dead and their records not yet swept */
    struct newcomers *newcomers; /* who says who has come; NULL: nobody */
    struct traced_process *table[RING_PROCESSES_MAX]; /* NULL: not in use */
};

/* traced_processes_open - none yet. @ring_path: of the ring that they share; NULL: not known. Returns 0 or a negative
 * errno. */
int traced_processes_open(struct traced_processes *processes, const char *ring_path);

/* traced_processes_scan - looks through the first @limit of the ring for new ones. What is there is taken with care: it
 * may be anything. */
void traced_processes_scan(struct traced_processes *processes, struct ring *ring, uint32_t limit);

/* traced_processes_scan_new - looks only at those which the ring says have come since. Returns how many it says. */
uint32_t traced_processes_scan_new(struct traced_processes *processes, struct ring *ring, uint32_t limit);

/* traced_process_reason - how the dead @process ended, which is asked here: few have left anything for which it matters.
 * To be called in the pass in which it was found to be dead. */
const struct exit_reason *traced_process_reason(struct traced_process *process);

/* traced_process_started - when @process started: CLOCK_BOOTTIME, rounded down to a tick; for one that came by fork(),
 * that. 0: not known, it has ended, say. Asks /proc the first time. */
uint64_t traced_process_started(struct traced_process *process);

/* traced_processes_reap - marks those that have ended since. */
void traced_processes_reap(struct traced_processes *processes);

/* traced_processes_note_exit - our own child @pid was reaped with this status. */
void traced_processes_note_exit(struct traced_processes *processes, pid_t pid, int wait_status);

/* traced_processes_forget_dead - gives the numbers of the dead back to the ring, after their records
 * have been swept. */
void traced_processes_forget_dead(struct traced_processes *processes, struct ring *ring);

/* traced_processes_give_up_foreign - those in other pid namespaces count as ended now: the collector ends. */
void traced_processes_give_up_foreign(struct traced_processes *processes);

/* traced_processes_resource - of process @number; a nameless one if it is unknown. */
const struct resource *traced_processes_resource(const struct traced_processes *processes,
                                                 uint32_t number);

#endif
