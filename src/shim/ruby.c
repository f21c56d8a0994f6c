/* Ruby's threads run one at a time. Who wants its turn waits on a condition variable of its own, with the mutex of the
 * interpreter's lock; who sleeps, for a time, a Queue, a Mutex or another thread, waits on that same variable, with a mutex
 * that lies beside it in the same structure (Ruby 2.7 to 3.1). A native thread whose Ruby thread has ended waits for a
 * few seconds on a variable on its stack (up to Ruby 3.2): Thread.new takes such a thread where there is one, signals it, and
 * calls pthread_create only where there is none. */
#include "shim/ruby.h"

#include "base/memory.h"
#include "base/process.h"
#include "shim/handover.h"
#include "shim/module.h"
#include "shim/real.h"

#include <stdatomic.h>
#include <stdint.h>

enum {
    BESIDE_LEN = 1024,         /* within one structure of Ruby's: 88 bytes in 3.1 */
    OUTERMOST_LEN = 64 * 1024, /* between the last variables of a thread's first functions and its descriptor: static TLS */
    FRAMES_LEN = 4096,         /* between that wait's frame and ours */
};

bool g_ruby_is_here;

static const struct link_map *g_library;
static bool g_turns_are_known; /* this version takes them as said above */
static _Atomic(const void *) g_turns_mutex;
static int (*g_is_reserved)(int fd);
static _Atomic int g_signal_fd = -1, g_signal_fd_pid;

static bool is_from_ruby(const void *caller)
{
    struct module module;
    return module_find(caller, &module) && module.map == g_library;
}

/* On the calling thread's own stack, at its very beginning: above our frame, and below the thread's descriptor, which glibc
 * puts at a stack's end. A stack from elsewhere (a fiber's) is not so near to it. */
static bool is_outermost(const void *variable)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0), end = (uintptr_t)pthread_self();
    uintptr_t place = (uintptr_t)variable;
    return place > frame && place - frame < FRAMES_LEN && place < end && end - place < OUTERMOST_LEN;
}

static bool are_beside(const void *one, const void *other)
{
    return (uintptr_t)one - (uintptr_t)other < BESIDE_LEN || (uintptr_t)other - (uintptr_t)one < BESIDE_LEN;
}

/* The first who waits for the interpreter's lock looks to the time as well. */
static bool is_turn(const pthread_cond_t *condition, const pthread_mutex_t *mutex, bool is_timed)
{
    const void *known = atomic_load_explicit(&g_turns_mutex, memory_order_relaxed);
    if (!g_turns_are_known || known)
        return g_turns_are_known && known == mutex;
    if (!is_timed || are_beside(condition, mutex))
        return false;
    return atomic_compare_exchange_strong(&g_turns_mutex, &known, mutex) || known == mutex;
}

enum ruby_wait ruby_wait_of(const void *caller, const pthread_cond_t *condition, const pthread_mutex_t *mutex,
                            bool is_timed)
{
    if (!is_from_ruby(caller))
        return RUBY_WAIT;
    if (is_timed && is_outermost(condition))
        return RUBY_WAIT_PARKED;
    return is_turn(condition, mutex, is_timed) ? RUBY_WAIT_TURN : RUBY_WAIT;
}

int ruby_signal_fd(void)
{
    if (LIKELY(!g_ruby_is_here) ||
        atomic_load_explicit(&g_signal_fd_pid, memory_order_acquire) != process_pid())
        return -1;
    return atomic_load_explicit(&g_signal_fd, memory_order_relaxed);
}

/* A fork child makes a new one. Ruby is asked until there is one, which is in one of the first polls. */
static bool is_signal_fd(int fd)
{
    int known = ruby_signal_fd();
    if (LIKELY(known >= 0) || !g_is_reserved || !g_is_reserved(fd))
        return fd == known && fd >= 0;
    handover_pass_by(fd); /* who reads it is told of others' wake-ups as well, and gets no work by it */
    atomic_store_explicit(&g_signal_fd, fd, memory_order_relaxed);
    atomic_store_explicit(&g_signal_fd_pid, process_pid(), memory_order_release);
    return true;
}

nfds_t ruby_poll_begin(const struct pollfd *fds, nfds_t count)
{
    if (!memory_is_readable(fds, count * sizeof *fds))
        return count;
    if (is_signal_fd(fds[0].fd)) /* the main thread has another of Ruby's own behind it */
        return 0;
    return count == 2 && is_signal_fd(fds[1].fd) ? 1 : count;
}

void ruby_begin(void)
{
    const struct link_map *program = _r_debug.r_map;
    if (!program || !program->l_ld)
        return;
    g_library = module_exports(program, "ruby_thread_has_gvl_p") ? program : module_find_named(program, "libruby");
    if (!g_library)
        return;
    const int *version = real_dlsym(RTLD_DEFAULT, "ruby_api_version");
    g_turns_are_known = version && ((version[0] == 2 && version[1] == 7) || (version[0] == 3 && version[1] <= 1));
    *(void **)&g_is_reserved = real_dlsym(RTLD_DEFAULT, "rb_reserved_fd_p");
    g_ruby_is_here = true;
}
