#include "launcher/traced_processes.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "launcher/newcomers.h"
#include "launcher/process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS_PER_CALL = 64 };

int traced_processes_open(struct traced_processes *processes, const char *ring_path)
{
    struct stat ring;
    *processes = (struct traced_processes){.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
                                           .pid_namespace = ring_pid_namespace(),
                                           .ring_inode = ring_path && stat(ring_path, &ring) == 0 ? ring.st_ino : 0};
    return processes->epoll_fd < 0 ? -errno : 0;
}

/* When @pid started, on CLOCK_BOOTTIME: field 22 of /proc/PID/stat, in ticks. 0 if it is gone. */
static uint64_t started_boottime_ns(pid_t pid)
{
    char path[64], stat[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, stat, sizeof stat - 1);
    if (fd >= 0)
        close(fd);
    stat[MAX(len, 0)] = '\0';
    char *field = strrchr(stat, ')');
    for (int i = 2; field && i < 22; i++)
        field = strchr(field + 1, ' ');
    return field ? strtoull(field, NULL, 10) * (NANOS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK)) : 0;
}

/* The number is somebody else's by now, who started after the one that wrote to the ring. */
static bool is_reused(const struct traced_process *process)
{
    uint64_t tick_ns = NANOS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
    return process->started_boottime_ns > process->registered_boottime_ns + tick_ns;
}

/* What it says of itself, with lengths that hold. The bytes are only ever read by bounds-checked
 * walks (trace/resource.h). */
static void resource_take(struct resource *to, const struct resource *from)
{
    memcpy(to, from, offsetof(struct resource, attributes));
    to->service_name_len = MIN(to->service_name_len, sizeof to->service_name);
    to->executable_name_len = MIN(to->executable_name_len, sizeof to->executable_name);
    to->host_name_len = MIN(to->host_name_len, sizeof to->host_name);
    to->attributes_len = MIN(to->attributes_len, sizeof to->attributes);
    memcpy(to->attributes, from->attributes, to->attributes_len); /* behind them is what an earlier process left */
}

static bool is_gone(const struct traced_process *process)
{
    return !process->is_foreign && kill(process->pid, 0) < 0 && errno == ESRCH;
}

/* What the kernel no longer says its parent may have said. */
const struct exit_reason *traced_process_reason(struct traced_process *process)
{
    if (process->is_reason_asked || process->reason.is_known || process->is_foreign)
        return &process->reason;
    process->is_reason_asked = true;
    if (!process->is_number_anothers)
        process->reason = exit_reason_find(process->pidfd, process->pid);
    uint32_t status = process->shared ? atomic_load_explicit(&process->shared->killed_status, memory_order_acquire) : 0;
    if (!process->reason.is_known && WIFSIGNALED(status))
        process->reason = (struct exit_reason){.is_known = true, .wait_status = (int)(status & 0xff)};
    return &process->reason;
}

uint64_t traced_process_started(struct traced_process *process)
{
    if (!process->started_boottime_ns && !process->is_dead && !process->is_foreign)
        process->started_boottime_ns = started_boottime_ns(process->pid);
    return process->started_boottime_ns;
}

static void bury(struct traced_processes *processes, struct traced_process *process)
{
    process->is_dead = true;
    processes->has_dead = true;
}

/* The number may be somebody else's by now, unless it was asked for soon enough. */
static void pidfd_open_checked(struct traced_processes *processes, uint32_t number, struct traced_process *process)
{
    if (processes->newcomers)
        process->pidfd = newcomers_take_pidfd(processes->newcomers, number, process->pid);
    if (process->pidfd >= 0)
        return;
    process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (newcomers_is_recent(process->registered_boottime_ns))
        return;
    process->started_boottime_ns = started_boottime_ns(process->pid);
    process->is_number_anothers = is_reused(process);
    if (process->is_number_anothers)
        process->started_boottime_ns = 0;
}

static void watch(struct traced_processes *processes, uint32_t number,
                  struct traced_process *process)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u32 = number};
    if (!process->is_foreign)
        pidfd_open_checked(processes, number, process);
    if (process->is_number_anothers || (process->pidfd < 0 && is_gone(process))) {
        bury(processes, process);
        return;
    }
    if (process->pidfd >= 0 &&
        epoll_ctl(processes->epoll_fd, EPOLL_CTL_ADD, process->pidfd, &event) < 0) {
        close(process->pidfd);
        process->pidfd = -1;
    }
    processes->live_count++;
    processes->unwatched_count += process->pidfd < 0;
}

static void execution_settle(struct traced_processes *processes, struct traced_process *process, bool is_over);

static void process_end(struct traced_processes *processes, struct traced_process *process)
{
    if (!process || process->is_dead)
        return;
    execution_settle(processes, process, true);
    if (process->is_dead)
        return; /* it was none */
    bury(processes, process);
    processes->live_count--;
    processes->unwatched_count -= process->pidfd < 0; /* a descriptor takes itself out when it is closed */
}

/* Two programs in one process, one after the other: what the earlier one had open was over when the later one came.
 * Both may have ended since we last looked: how, is then known of the process, which is the later one's end. */
static void process_become(struct traced_processes *processes, struct traced_process *earlier,
                           struct traced_process *later)
{
    const struct exit_reason exec = {.is_known = true, .is_exec = true};
    if (earlier->reason.is_exec) {
        earlier->ended_boottime_ns = MIN(earlier->ended_boottime_ns, later->registered_boottime_ns);
        return;
    }
    if (earlier->is_dead && !later->reason.is_known)
        later->reason = *traced_process_reason(earlier);
    earlier->reason = exec;
    earlier->ended_boottime_ns = later->registered_boottime_ns;
    process_end(processes, earlier);
}

static void predecessor_bury(struct traced_processes *processes, struct traced_process *fresh)
{
    for (uint32_t i = 0; i < processes->number_end; i++) {
        struct traced_process *other = processes->table[i];
        if (!other || other == fresh || other->pid != fresh->pid || other->is_foreign || other->executing)
            continue;
        if (fresh->registered_boottime_ns >= other->registered_boottime_ns)
            process_become(processes, other, fresh);
        else
            process_become(processes, fresh, other);
    }
}

/* The call that was to execute it has come back: whoever made it goes on. */
static void execution_forget(struct traced_processes *processes, struct traced_process *process)
{
    process->reason = (struct exit_reason){.is_known = true, .is_exec = true};
    process_end(processes, process);
}

/* May the call still come back? What fails does so soon, but for one that has to wait for a processor; that has the ring
 * mapped yet. */
static bool may_fail(const struct traced_processes *processes, const struct traced_process *process)
{
    enum { FAILS_WITHIN_NS = 20000000 };
    if (clock_read_ns(CLOCK_BOOTTIME) < process->registered_boottime_ns + FAILS_WITHIN_NS)
        return true;
    return processes->ring_inode && !process->is_foreign && process_shares(process->pid, processes->ring_inode);
}

/* Was it executed? Who @is_over has not come back from it. */
static void execution_settle(struct traced_processes *processes, struct traced_process *process, bool is_over)
{
    struct ring_process *shared = process->executing;
    uint64_t watched = (uint64_t)process->pid << 8 | RING_PROCESS_WATCHED;
    if (!shared || (atomic_load(&shared->identity) == watched && !is_over && may_fail(processes, process)))
        return;
    process->executing = NULL;
    processes->executing_count--;
    if (!atomic_compare_exchange_strong(&shared->identity, &watched, (uint64_t)process->pid << 8 | RING_PROCESS_READY))
        execution_forget(processes, process);
    else if (!process->is_foreign)
        predecessor_bury(processes, process);
}

static void process_add(struct traced_processes *processes, uint32_t number,
                        struct ring_process *shared, uint64_t identity)
{
    struct traced_process *process = calloc(1, sizeof *process);
    if (!process)
        return; /* asked again at the next scan */
    process->pidfd = -1;
    processes->table[number] = process;
    if (identity >> 8 > INT_MAX) { /* no process of this system */
        bury(processes, process);
        return;
    }
    process->pid = (pid_t)(identity >> 8);
    process->shared = shared;
    process->registered_boottime_ns = shared->start_boottime_ns;
    process->is_foreign = ring_process_is_foreign(shared, processes->pid_namespace);
    memcpy(&process->program, &shared->program, sizeof process->program);
    resource_take(&process->resource, &shared->resource);
    watch(processes, number, process);
    if ((identity & 0xff) == RING_PROCESS_WATCHED && !process->is_dead) {
        process->executing = shared;
        processes->executing_count++;
    } else if (!process->is_foreign) {
        predecessor_bury(processes, process);
    }
}

/* Between claiming a number and being ready it has no spans, and what stands beside its pid is the
 * number's last owner's. If it died there, the number is free again. */
static void number_take_back(const struct traced_processes *processes, struct ring_process *shared, uint64_t identity)
{
    struct traced_process coming = {.pid = (pid_t)MIN(identity >> 8, (uint64_t)INT_MAX)};
    coming.is_foreign = ring_process_is_foreign(shared, processes->pid_namespace);
    if (is_gone(&coming))
        atomic_compare_exchange_strong(&shared->identity, &identity, 0);
}

static void number_look_at(struct traced_processes *processes, struct ring *ring, uint32_t number)
{
    struct ring_process *shared = &ring->processes[number];
    uint64_t identity = atomic_load_explicit(&shared->identity, memory_order_acquire);
    if (identity >> 8 == 0 || processes->table[number])
        return;
    processes->number_end = MAX(processes->number_end, number + 1);
    if ((identity & 0xff) == RING_PROCESS_EXECUTING) {
        uint64_t watched = (identity & ~0xffULL) | RING_PROCESS_WATCHED;
        if (!atomic_compare_exchange_strong(&shared->identity, &identity, watched))
            return;
        identity = watched;
    }
    if ((identity & 0xff) == RING_PROCESS_ABANDONED)
        atomic_compare_exchange_strong(&shared->identity, &identity, RING_PROCESS_FREE);
    else if ((identity & 0xff) != RING_PROCESS_CLAIMED)
        process_add(processes, number, shared, identity);
    else
        number_take_back(processes, shared, identity);
}

void traced_processes_scan(struct traced_processes *processes, struct ring *ring, uint32_t limit)
{
    for (uint32_t i = 0; i < limit; i++)
        number_look_at(processes, ring, i);
}

uint32_t traced_processes_scan_new(struct traced_processes *processes, struct ring *ring, uint32_t limit)
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < limit / 64; word++) {
        uint64_t bits = newcomers_take(processes->newcomers, word);
        if (processes->has_dead) /* whether it has become another program has to be known now */
            bits |= atomic_exchange(&ring->new_processes[word], 0);
        for (; bits; bits &= bits - 1, count++)
            number_look_at(processes, ring, word * 64 + (uint32_t)__builtin_ctzll(bits));
    }
    return count;
}

void traced_processes_reap(struct traced_processes *processes)
{
    struct epoll_event events[EVENTS_PER_CALL];
    int count;
    do {
        count = TEMP_FAILURE_RETRY(epoll_wait(processes->epoll_fd, events, EVENTS_PER_CALL, 0));
        for (int i = 0; i < count; i++)
            process_end(processes, processes->table[events[i].data.u32]);
    } while (count == EVENTS_PER_CALL);
    for (uint32_t i = 0; processes->executing_count > 0 && i < processes->number_end; i++)
        if (processes->table[i] && !processes->table[i]->is_dead)
            execution_settle(processes, processes->table[i], false);
    for (uint32_t i = 0; processes->unwatched_count > 0 && i < processes->number_end; i++) {
        struct traced_process *process = processes->table[i];
        if (process && process->pidfd < 0 && !process->is_dead && is_gone(process))
            process_end(processes, process);
    }
}

void traced_processes_give_up_foreign(struct traced_processes *processes)
{
    for (uint32_t i = 0; i < processes->number_end; i++)
        if (processes->table[i] && processes->table[i]->is_foreign)
            process_end(processes, processes->table[i]);
}

void traced_processes_note_exit(struct traced_processes *processes, pid_t pid, int wait_status)
{
    for (uint32_t i = 0; i < processes->number_end; i++)
        if (processes->table[i] && processes->table[i]->pid == pid)
            processes->table[i]->reason =
                (struct exit_reason){.is_known = true, .wait_status = wait_status};
}

void traced_processes_forget_dead(struct traced_processes *processes, struct ring *ring)
{
    for (uint32_t i = 0; i < processes->number_end; i++) {
        struct traced_process *process = processes->table[i];
        if (!process || !process->is_dead)
            continue;
        if (process->pidfd >= 0)
            close(process->pidfd);
        if (processes->newcomers) /* the next one with this number is not to get what is left of this one */
            newcomers_take_pidfd(processes->newcomers, i, 0);
        processes->table[i] = NULL;
        free(process);
        ring->processes[i].pid_namespace = 0; /* till its next owner says */
        atomic_store_explicit(&ring->processes[i].identity, 0, memory_order_release);
    }
    processes->has_dead = false;
}

const struct resource *traced_processes_resource(const struct traced_processes *processes,
                                                 uint32_t number)
{
    static const struct resource nameless = {.service_name = "unknown_service",
                                             .service_name_len = 15};
    bool is_known = number < RING_PROCESSES_MAX && processes->table[number] != NULL;
    return is_known ? &processes->table[number]->resource : &nameless;
}
