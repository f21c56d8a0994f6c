#include "launcher/newcomers.h"

#include "base/clock.h"
#include "base/compiler.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Who is woken so often need not be woken at all: as long as somebody comes, it looks by itself. */
static const uint64_t CROWD_NS = 3 * NANOS_PER_MILLI;
static const useconds_t LOOK_US = 1000;

bool newcomers_is_recent(uint64_t boottime_ns)
{
    enum { COMES_ROUND_NS = 20 * NANOS_PER_MILLI };
    uint64_t now_ns = clock_read_ns(CLOCK_BOOTTIME);
    return boottime_ns <= now_ns && now_ns - boottime_ns < COMES_ROUND_NS;
}

static void loop_wake(struct newcomers *newcomers)
{
    uint64_t one = 1;
    if (atomic_load(&newcomers->is_loop_asleep) && write(newcomers->wake_fd, &one, sizeof one) < 0)
        return; /* it is full: the loop has been told already */
}

/* The number may be looked at twice, and what it says be anything. */
static void pidfd_get(struct newcomers *newcomers, uint32_t number)
{
    const struct ring_process *process = &newcomers->ring->processes[number];
    uint64_t pid = atomic_load_explicit(&process->identity, memory_order_acquire) >> 8;
    if (pid == 0 || pid > INT_MAX || ring_process_is_foreign(process, newcomers->pid_namespace) ||
        !newcomers_is_recent(process->start_boottime_ns))
        return;
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    uint64_t before = fd < 0 ? 0 : atomic_exchange(&newcomers->pidfds[number], pid << 32 | (uint32_t)(fd + 1));
    if (before)
        close((int)(uint32_t)before - 1);
}

/* Returns how many have come. */
static unsigned newcomers_look(struct newcomers *newcomers)
{
    unsigned count = 0;
    for (uint32_t word = 0; word < newcomers->process_limit / 64; word++) {
        if (!atomic_load_explicit(&newcomers->ring->new_processes[word], memory_order_relaxed))
            continue;
        uint64_t come = atomic_exchange(&newcomers->ring->new_processes[word], 0);
        for (uint64_t bits = come; bits; bits &= bits - 1, count++)
            pidfd_get(newcomers, word * 64 + (uint32_t)__builtin_ctzll(bits));
        atomic_fetch_or(&newcomers->seen[word], come);
    }
    if (count)
        loop_wake(newcomers);
    return count;
}

static void nameless_note(struct newcomers *newcomers)
{
    atomic_store(&newcomers->has_nameless, true);
    loop_wake(newcomers);
}

/* Sleeps until somebody says that it has come; returns if that is so. */
static bool newcomers_wait(struct newcomers *newcomers)
{
    const struct timespec at_most = {.tv_nsec = 100 * NANOS_PER_MILLI}; /* whatever is in the ring */
    _Atomic uint32_t *word = &newcomers->ring->has_new_process;
    syscall(SYS_futex, word, FUTEX_WAIT, 0, &at_most, NULL, 0); /* not if it is set already */
    return atomic_load(word) && !atomic_load(&newcomers->is_leaving);
}

static void *newcomers_run(void *argument)
{
    struct newcomers *newcomers = argument;
    uint64_t woken_ns = 0;
    while (!atomic_load(&newcomers->is_leaving)) {
        if (!newcomers_wait(newcomers))
            continue;
        uint64_t now_ns = clock_monotonic_ns();
        bool is_crowd = now_ns - woken_ns < CROWD_NS;
        woken_ns = now_ns;
        unsigned count = newcomers_look(newcomers);
        if (!count)
            nameless_note(newcomers);
        /* Nobody makes a system call to wake us while the word is set. */
        while (is_crowd && count) {
            usleep(LOOK_US);
            count = newcomers_look(newcomers);
        }
        atomic_store(&newcomers->ring->has_new_process, 0);
        newcomers_look(newcomers); /* who came just before */
    }
    return NULL;
}

int newcomers_open(struct newcomers *newcomers, struct ring *ring, uint32_t process_limit)
{
    newcomers->ring = ring;
    newcomers->process_limit = process_limit;
    newcomers->pid_namespace = ring_pid_namespace();
    newcomers->is_loop_asleep = true;
    newcomers->has_nameless = true; /* whom one before us has met, or was about to */
    newcomers->wake_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* 1: a first look is due */
    return newcomers->wake_fd < 0 ? -errno : -pthread_create(&newcomers->thread, NULL, newcomers_run, newcomers);
}

uint64_t newcomers_take(struct newcomers *newcomers, uint32_t word)
{
    return atomic_load(&newcomers->seen[word]) ? atomic_exchange(&newcomers->seen[word], 0) : 0;
}

bool newcomers_take_nameless(struct newcomers *newcomers)
{
    return atomic_exchange(&newcomers->has_nameless, false);
}

int newcomers_take_pidfd(struct newcomers *newcomers, uint32_t number, pid_t pid)
{
    uint64_t found = atomic_exchange(&newcomers->pidfds[number], 0);
    int fd = (int)(uint32_t)found - 1;
    if (!found || found >> 32 == (uint32_t)pid)
        return fd;
    close(fd);
    return -1;
}

void newcomers_note_sleep(struct newcomers *newcomers, bool is_asleep)
{
    if (atomic_exchange(&newcomers->is_loop_asleep, is_asleep) == is_asleep || !is_asleep)
        return;
    bool has_come = atomic_load(&newcomers->has_nameless);
    for (uint32_t word = 0; word < RING_PROCESSES_MAX / 64; word++)
        has_come = has_come || atomic_load(&newcomers->seen[word]);
    if (has_come)
        loop_wake(newcomers);
}

void newcomers_close(struct newcomers *newcomers)
{
    atomic_store(&newcomers->is_leaving, true);
    /* The word is set so that the thread cannot fall asleep between looking and waiting. */
    atomic_store(&newcomers->ring->has_new_process, 1);
    syscall(SYS_futex, &newcomers->ring->has_new_process, FUTEX_WAKE, 1, NULL, NULL, 0);
    pthread_join(newcomers->thread, NULL);
    for (uint32_t number = 0; number < RING_PROCESSES_MAX; number++) {
        uint64_t left = atomic_load(&newcomers->pidfds[number]);
        if (left)
            close((int)(uint32_t)left - 1);
    }
}
