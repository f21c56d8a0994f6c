/* newcomers.h - the processes that have just come into the ring are got hold of before they can be gone: a thread is
 * woken by the first of them, by a futex (one system call in the traced process, no descriptor), and opens a pidfd of
 * each. The event loop asks for those when it looks into the ring the next time; it is woken only if it sleeps. */
#ifndef RUN_TRACED_LAUNCHER_NEWCOMERS_H
#define RUN_TRACED_LAUNCHER_NEWCOMERS_H

#include "export/ring.h"

#include <pthread.h>
#include <stdbool.h>

struct newcomers {
    struct ring *ring;
    int wake_fd; /* an eventfd: the event loop has to look */
    uint64_t pid_namespace;
    _Atomic uint32_t process_limit; /* there is memory behind so many */
    pthread_t thread;
    _Atomic bool is_leaving;
    _Atomic bool is_loop_asleep; /* it has no timer set, or one for long */
    _Atomic uint64_t seen[RING_PROCESSES_MAX / 64]; /* taken out of the ring's bits, for the event loop */
    _Atomic bool has_nameless; /* somebody said that it came, but not who */
    _Atomic uint64_t pidfds[RING_PROCESSES_MAX];    /* pid << 32 | descriptor + 1; 0: none */
};

/* newcomers_open - begins; the event loop counts as asleep, and is woken at once. @process_limit: there is memory
 * behind so many of the ring's processes. Returns 0 or a negative errno. */
int newcomers_open(struct newcomers *newcomers, struct ring *ring, uint32_t process_limit);

/* newcomers_take - which of the 64 processes from @word * 64 on have come since it was asked last, a bit each. */
uint64_t newcomers_take(struct newcomers *newcomers, uint32_t word);

/* newcomers_take_nameless - has anybody come since that has not said who it is? It may have died doing so. */
bool newcomers_take_nameless(struct newcomers *newcomers);

/* newcomers_take_pidfd - the descriptor of process @pid, which is the caller's from now on, at @number in the ring; it
 * was opened so soon that nobody else can have had that number by then. -1: there is none. Another one's is closed. */
int newcomers_take_pidfd(struct newcomers *newcomers, uint32_t number, pid_t pid);

/* newcomers_is_recent - not long enough ago, @boottime_ns, for a process's number to have come round again. */
bool newcomers_is_recent(uint64_t boottime_ns);

/* newcomers_note_sleep - is the event loop going to look long from now, or never? If somebody has come meanwhile, it is
 * woken. */
void newcomers_note_sleep(struct newcomers *newcomers, bool is_asleep);

/* newcomers_close - ends the thread. */
void newcomers_close(struct newcomers *newcomers);

#endif
