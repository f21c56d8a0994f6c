/* process.h - which process is this? Known without a system call, and right after any kind of fork.
 *
 * One page of memory is marked MADV_WIPEONFORK: the kernel zeroes it in a fork child, however the
 * fork was made. What must not be shared by parent and child (the id generator's key) lives there. */
#ifndef RUN_TRACED_BASE_PROCESS_H
#define RUN_TRACED_BASE_PROCESS_H

#include "base/compiler.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a fork child starts without. All zero in it until process_page() fills it anew. */
struct process_page {
    _Atomic int pid;
    _Atomic uint64_t id_counter;
    _Atomic uint32_t ring_process; /* its number in the ring + 1; 0: none yet, or not in use (export/ring_sink.c) */
    _Atomic uint32_t ring_registered; /* the same, as soon as it has one */
    _Atomic uint64_t id_key[2]; /* from getrandom(2); 0: not yet */
};

/* Behind the functions below: not to be used directly. */
extern _Atomic(struct process_page *) g_process_page; /* one without a pid until there is any */
extern THREAD_LOCAL uint64_t t_process_self;
struct process_page *process_page_fill(void);
int process_pid_ask(void);
uint64_t process_self_ask(int pid);

/* Always inline: merged with a copy that only cold code calls, a function would make all its callers cold. */

/* process_page - this process's page, filled. Two loads and a branch; two system calls the first time
 * in each process. Hot path, signal-safe. */
static ALWAYS_INLINE struct process_page *process_page(void)
{
    struct process_page *page = atomic_load_explicit(&g_process_page, memory_order_acquire);
    return LIKELY(atomic_load_explicit(&page->pid, memory_order_acquire) != 0) ? page : process_page_fill();
}

/* process_pid - the process id, as getpid(2). In a vfork child: the parent's. Hot path. */
static ALWAYS_INLINE int process_pid(void)
{
    struct process_page *page = atomic_load_explicit(&g_process_page, memory_order_acquire);
    int pid = atomic_load_explicit(&page->pid, memory_order_acquire);
    return LIKELY(pid) ? pid : process_pid_ask();
}

/* process_self - the calling thread: its process_pid() << 32 | its process_tid(). Hot path. */
static ALWAYS_INLINE uint64_t process_self(void)
{
    int pid = process_pid();
    return LIKELY(t_process_self >> 32 == (uint64_t)pid) ? t_process_self : process_self_ask(pid);
}

/* process_tid - the thread id, as gettid(2), asked of the kernel once per thread and process. */
static ALWAYS_INLINE int process_tid(void)
{
    return (int)(uint32_t)process_self();
}

/* process_parent_of - the parent of process @pid, by /proc; 0: not known. Three system calls. Signal-safe. */
int process_parent_of(int pid);

/* process_thread_has_child - did thread @tid of process @pid start process @child (or take it over from a thread that
 * has ended), by /proc? False where the kernel does not tell (CONFIG_PROC_CHILDREN). Three system calls.
 * Signal-safe. */
bool process_thread_has_child(int pid, int tid, int child);

/* process_is_vfork_child - true where memory is borrowed from a parent that waits (vfork): what is
 * done to descriptors here must not be written down. One system call. */
bool process_is_vfork_child(void);

/* process_fork_count - how many forks lie between the library's start and now on this branch of the
 * family, those that process_note_fork told of included. What began under another count may have a
 * copy in another process. Hot path. */
uint32_t process_fork_count(void);

/* process_note_fork - the parent's half: a fork was just made, or a descriptor handed to another process.
 * Signal-safe. */
void process_note_fork(void);

/* process_spawn_count - how many programs were started by this process with what it has open: by posix_spawn, system,
 * popen, or exec in a vfork child. Hot path. */
uint32_t process_spawn_count(void);

/* process_note_spawn - one more is about to be; also in a vfork child. Signal-safe. */
void process_note_spawn(void);

#endif
