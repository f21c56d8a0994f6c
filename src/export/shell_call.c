#include "export/shell_call.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/raw.h"
#include "export/ring_sink.h"

#include <string.h>
#include <unistd.h>

/* A shell that has not looked after so long is none that looks: its call's place is taken by another. */
#define PATIENCE_NS (60 * NANOS_PER_SECOND)

static enum ring_shell_state state_of(uint64_t word)
{
    return (enum ring_shell_state)(word & 0xff);
}

static uint64_t with_state(uint64_t word, enum ring_shell_state state)
{
    return (word & ~0xffULL) | state;
}

/* A use that follows the one of @word; without a pipe. */
static uint64_t next_use(uint64_t word)
{
    return with_state((word & 0xffffff00U) + 0x100, RING_SHELL_WRITTEN) & 0xffffffffU;
}

static bool is_free(const struct ring_shell *shell, uint64_t word, uint64_t now_ns)
{
    enum ring_shell_state state = state_of(word);
    return state == RING_SHELL_FREE ||
           (state != RING_SHELL_WRITTEN && shell->begin_monotonic_ns + PATIENCE_NS < now_ns);
}

static void limit_raise(struct ring *ring, uint32_t limit)
{
    uint32_t before = atomic_load_explicit(&ring->shell_limit, memory_order_relaxed);
    while (before < limit && !atomic_compare_exchange_weak(&ring->shell_limit, &before, limit))
        ;
}

/* NULL: there is no room. */
static struct ring_shell *place_take(struct ring *ring, struct shell_call *call)
{
    uint64_t now_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < RING_SHELLS_MAX; i++) {
        struct ring_shell *shell = &ring->shells[i];
        uint64_t word = atomic_load_explicit(&shell->word, memory_order_acquire);
        if (!is_free(shell, word, now_ns) || !atomic_compare_exchange_strong(&shell->word, &word, next_use(word)))
            continue;
        shell->begin_monotonic_ns = now_ns;
        *call = (struct shell_call){shell, with_state(next_use(word), RING_SHELL_CALLED)};
        limit_raise(ring, i + 1);
        return shell;
    }
    return NULL;
}

void shell_call_begin(struct shell_call *call, const struct shell_command *command, const struct span_context *context)
{
    struct ring *ring = ring_sink_ring();
    *call = (struct shell_call){NULL, 0};
    struct ring_shell *shell = ring && !g_raw_is_forbidden ? place_take(ring, call) : NULL;
    if (!shell)
        return;
    shell->command_hash = command->hash;
    shell->pid = process_pid();
    shell->tid = process_tid();
    memcpy(shell->environment_span_id, command->environment_span_id, SPAN_ID_LEN);
    span_context_copy(&ring->shell_contexts[shell - ring->shells], context);
    atomic_store_explicit(&shell->word, call->word, memory_order_release);
}

/* Unless the shell has taken it already. */
static void call_change(const struct shell_call *call, uint64_t word)
{
    uint64_t expected = call->word;
    if (call->place)
        atomic_compare_exchange_strong(&call->place->word, &expected, word);
}

void shell_call_end(const struct shell_call *call)
{
    call_change(call, with_state(call->word, RING_SHELL_FREE));
}

void shell_call_leave(const struct shell_call *call, uint64_t pipe_inode)
{
    call_change(call, with_state(call->word, RING_SHELL_LEFT) | pipe_inode << 32);
}

/* ---- in the shell ---- */

bool shell_call_is_any(void)
{
    const struct ring *ring = ring_sink_ring();
    return ring && atomic_load_explicit(&ring->shell_limit, memory_order_relaxed) > 0;
}

struct search {
    struct ring *ring;
    const struct shell_command *command;
    int parent_pid;
    /* What was found: */
    struct ring_shell *shell; /* NULL: nothing */
    uint64_t word;
    uint64_t begin_ns;
};

static bool is_alike(const struct search *search, const struct ring_shell *shell)
{
    return shell->pid == search->parent_pid && shell->command_hash == search->command->hash &&
           memcmp(shell->environment_span_id, search->command->environment_span_id, SPAN_ID_LEN) == 0;
}

typedef bool matcher(const struct search *search, const struct ring_shell *shell, uint64_t word);

/* The newest of those that @matches. */
static void look(struct search *search, enum ring_shell_state state, matcher *matches)
{
    uint32_t limit = atomic_load_explicit(&search->ring->shell_limit, memory_order_acquire);
    for (uint32_t i = 0; i < limit && i < RING_SHELLS_MAX; i++) {
        struct ring_shell *shell = &search->ring->shells[i];
        uint64_t word = atomic_load_explicit(&shell->word, memory_order_acquire);
        if (state_of(word) != state || !is_alike(search, shell) || !matches(search, shell, word) ||
            (search->shell && shell->begin_monotonic_ns <= search->begin_ns))
            continue;
        search->shell = shell;
        search->word = word;
        search->begin_ns = shell->begin_monotonic_ns;
    }
}

/* A thread in such a call does nothing else meanwhile. */
static bool is_by_this_thread(const struct search *search, const struct ring_shell *shell, uint64_t word)
{
    (void)word;
    return process_thread_has_child(search->parent_pid, shell->tid, process_pid());
}

static bool is_pipe(int fd, uint32_t inode)
{
    struct stat st;
    return raw_fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && (uint32_t)st.st_ino == inode;
}

static bool is_by_this_pipe(const struct search *search, const struct ring_shell *shell, uint64_t word)
{
    (void)search, (void)shell;
    return is_pipe(STDIN_FILENO, (uint32_t)(word >> 32)) || is_pipe(STDOUT_FILENO, (uint32_t)(word >> 32));
}

/* What is left is looked at last, and counts more: the thread may have gone on to its next call between. */
static void find(struct search *search)
{
    look(search, RING_SHELL_CALLED, is_by_this_thread);
    struct search left = {search->ring, search->command, search->parent_pid, NULL, 0, 0};
    look(&left, RING_SHELL_LEFT, is_by_this_pipe);
    if (left.shell)
        *search = left;
}

/* It was left meanwhile, perhaps: with a pipe, but in the same use. */
static bool is_same_use(uint64_t word, uint64_t other)
{
    return (word & 0xffffff00U) == (other & 0xffffff00U) && state_of(other) >= RING_SHELL_CALLED;
}

bool shell_call_take(const struct shell_command *command, struct span_context *out)
{
    struct search search = {ring_sink_ring(), command, (int)raw_syscall3(SYS_getppid, 0, 0, 0), NULL, 0, 0};
    if (!search.ring)
        return false;
    find(&search);
    if (!search.shell)
        return false;
    const struct span_context *context = &search.ring->shell_contexts[search.shell - search.ring->shells];
    *out = *context;
    if (out->tracestate_len > TRACESTATE_LEN_MAX || out->baggage_len > BAGGAGE_LEN_MAX)
        return false;
    uint64_t word = atomic_load(&search.shell->word);
    while (is_same_use(search.word, word))
        if (atomic_compare_exchange_weak(&search.shell->word, &word, with_state(word, RING_SHELL_FREE)))
            return true;
    return false; /* its place was taken while it was copied */
}
