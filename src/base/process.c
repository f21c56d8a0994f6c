#include "base/process.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/raw.h"
#include "base/text.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

THREAD_LOCAL uint64_t t_process_self;

static struct process_page g_no_page; /* stays empty */
_Atomic(struct process_page *) g_process_page = &g_no_page;

static _Atomic uint32_t g_fork_count;
static _Atomic uint32_t g_spawn_count;
static _Atomic int g_last_pid;   /* only with the fallback page */
static _Atomic bool g_was_filled; /* in this process or one that it was forked from */

/* Without memory or without MADV_WIPEONFORK (Linux before 4.14): one page for all, never wiped, so
 * the process id is asked for each time. */
static struct process_page g_fallback_page;

static struct process_page *page_map(void)
{
    struct process_page *page = raw_map_anonymous(4096);
    if (!page)
        return &g_fallback_page;
    if (raw_syscall3(SYS_madvise, (long)page, 4096, MADV_WIPEONFORK) < 0) {
        raw_munmap(page, 4096);
        return &g_fallback_page;
    }
    struct process_page *expected = &g_no_page;
    if (atomic_compare_exchange_strong(&g_process_page, &expected, page))
        return page;
    raw_munmap(page, 4096);
    return expected;
}

/* Every thread that finds no key brings one; the first one's counts. */
static void key_fill(struct process_page *page, int pid)
{
    uint64_t key[2] = {0, 0};
    if (raw_getrandom(key, sizeof key, 1 /* GRND_NONBLOCK */) != (long)sizeof key) {
        /* Early boot: no entropy yet. Time and pid still tell processes of one machine apart. */
        uint64_t now_ns = clock_monotonic_ns();
        key[0] = clock_unix_nano_at(now_ns) * 0x9e3779b97f4a7c15ULL;
        key[1] = now_ns ^ (uint64_t)pid << 40;
    }
    for (int i = 0; i < 2; i++) {
        uint64_t none = 0;
        atomic_compare_exchange_strong(&page->id_key[i], &none, key[i] | 1);
    }
}

/* A page that nobody wipes tells a new process by its pid only. */
static struct process_page *fallback_page_fill(int pid)
{
    if (atomic_exchange(&g_last_pid, pid) != pid) {
        atomic_fetch_add(&g_fork_count, 1);
        atomic_store(&g_fallback_page.ring_process, 0);
        atomic_store(&g_fallback_page.ring_registered, 0);
        atomic_store(&g_fallback_page.id_key[0], 0);
        atomic_store(&g_fallback_page.id_key[1], 0);
    }
    key_fill(&g_fallback_page, pid);
    return &g_fallback_page;
}

/* The first call of all, or the first in a fork child; several threads of it may come at once. */
COLD struct process_page *process_page_fill(void)
{
    struct process_page *page = atomic_load(&g_process_page);
    /* A fork child in a sandbox cannot ask; it is nobody that could be taken for another. */
    int pid = g_raw_is_forbidden ? INT_MAX : raw_getpid(), none = 0;
    if (page == &g_no_page)
        page = page_map();
    if (page == &g_fallback_page)
        return fallback_page_fill(pid);
    key_fill(page, pid);
    if (atomic_compare_exchange_strong(&page->pid, &none, pid) && g_was_filled)
        atomic_fetch_add(&g_fork_count, 1);
    g_was_filled = true;
    return page;
}

/* The page may have been wiped just now; one for all never has a pid. */
COLD int process_pid_ask(void)
{
    int pid = atomic_load_explicit(&process_page()->pid, memory_order_relaxed);
    return pid ? pid : raw_getpid();
}

COLD uint64_t process_self_ask(int pid)
{
    t_process_self = (uint64_t)(uint32_t)pid << 32 | (uint32_t)raw_gettid();
    return t_process_self;
}

/* "PID (NAME) STATE PPID ..."; the name may hold anything, also ")". */
static int stat_parent(const char *line, size_t len)
{
    int parent = 0;
    const char *name_end = memrchr(line, ')', len);
    if (!name_end || line + len - name_end < 5)
        return 0;
    for (const char *at = name_end + 4; at < line + len && *at >= '0' && *at <= '9'; at++)
        parent = parent * 10 + *at - '0';
    return parent;
}

int process_parent_of(int pid)
{
    char line[256], path_bytes[32];
    struct text path = text_on(path_bytes, sizeof path_bytes);
    text_append_string(&path, "/proc/");
    text_append_decimal(&path, pid);
    text_append_string(&path, "/stat");
    int fd = raw_open(text_terminate(&path), O_RDONLY | O_CLOEXEC, 0);
    long len = fd < 0 ? fd : raw_syscall3(SYS_read, fd, (long)line, sizeof line);
    if (fd >= 0)
        raw_close(fd);
    return len > 0 ? stat_parent(line, (size_t)len) : 0;
}

/* Is @child one of the numbers in what is read of @fd, each of which a blank ends? */
static bool has_number(int fd, int child)
{
    char bytes[512];
    ssize_t len;
    for (int number = 0; (len = raw_read(fd, bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < len; i++) {
            bool is_digit = bytes[i] >= '0' && bytes[i] <= '9';
            if (!is_digit && number == child)
                return true;
            number = is_digit ? number * 10 + bytes[i] - '0' : 0;
        }
    return false;
}

bool process_thread_has_child(int pid, int tid, int child)
{
    char path_bytes[64];
    struct text path = text_on(path_bytes, sizeof path_bytes);
    text_append_string(&path, "/proc/");
    text_append_decimal(&path, pid);
    text_append_string(&path, "/task/");
    text_append_decimal(&path, tid);
    text_append_string(&path, "/children");
    int fd = raw_open(text_terminate(&path), O_RDONLY | O_CLOEXEC, 0);
    bool is_found = fd >= 0 && has_number(fd, child);
    if (fd >= 0)
        raw_close(fd);
    return is_found;
}

bool process_is_vfork_child(void)
{
    return !g_raw_is_forbidden && raw_getpid() != process_pid();
}

uint32_t process_fork_count(void)
{
    process_page();
    return atomic_load_explicit(&g_fork_count, memory_order_relaxed);
}

uint32_t process_spawn_count(void)
{
    return atomic_load_explicit(&g_spawn_count, memory_order_relaxed);
}

void process_note_spawn(void)
{
    atomic_fetch_add_explicit(&g_spawn_count, 1, memory_order_relaxed);
}

void process_note_fork(void)
{
    atomic_fetch_add(&g_fork_count, 1);
}
