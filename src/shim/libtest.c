#include "shim/libtest.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/process.h"
#include "shim/libtest_line.h"
#include "shim/module.h"
#include "shim/proc_file.h"
#include "shim/real.h"
#include "shim/test_output.h"
#include "shim/test_span.h"
#include "trace/span.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Linux's names of threads; a name of that length may be cut. */
enum { THREAD_NAME_LEN_MAX = 15, PLACES = 256, NAME_LEN_MAX = 512, ARGUMENTS_LEN_MAX = 4096, LINE_LEN_MAX = 4096 };

enum state { STATE_FREE, STATE_RESERVED, STATE_RUNNING, STATE_OVER };

/* A test's thread. */
struct place {
    enum state state;
    pthread_t thread;
    custom_span_id test;
    uint64_t end_ns;
    char thread_name[THREAD_NAME_LEN_MAX + 1];
};

bool g_libtest_is_running;

static struct lock g_lock; /* guards what follows */
static BULKY_DATA struct place g_places[PLACES];
static int g_pid;           /* of the runner */
static int g_joined = -1;   /* the place of the test whose line comes next */
static BULKY char g_name[NAME_LEN_MAX];
static struct test_name g_announced; /* the name in the line that is being written; no name: none */
static THREAD_LOCAL int t_place = -1;

/* ---- is it one ---- */

/* Unwinding by itself is what Rust and C++ do; but C++ has its own library for it. */
struct imports {
    bool has_unwinding, has_cpp;
};

static void import_note(void *state, const char *name, const char *version)
{
    struct imports *found = state;
    (void)version;
    found->has_unwinding = found->has_unwinding || strcmp(name, "_Unwind_RaiseException") == 0;
    found->has_cpp = found->has_cpp || strcmp(name, "__cxa_throw") == 0;
}

static bool is_rust(void)
{
    struct imports found = {false, false};
    if (module_find_named(NULL, "librustc_driver-")) /* rustdoc's: it runs the tests in documentation */
        return true;
    if (_r_debug.r_map && _r_debug.r_map->l_ld)
        module_imports_walk(_r_debug.r_map, import_note, &found);
    return found.has_unwinding && !found.has_cpp;
}

/* Names are written in the usual format alone. */
static bool has_other_format(void)
{
    char bytes[ARGUMENTS_LEN_MAX];
    size_t len = proc_file_read(process_pid(), "cmdline", bytes, sizeof bytes);
    for (const char *at = bytes; at < bytes + len; at += strlen(at) + 1)
        if (strcmp(at, "-q") == 0 || strcmp(at, "--quiet") == 0 || strncmp(at, "--format", strlen("--format")) == 0)
            return true;
    return len == 0;
}

/* ---- a test's span ---- */

/* What was known of it by its thread's name is known better now. */
static void name_describe(struct span *span, const void *argument)
{
    const struct test_name *name = argument;
    span_forget_test(span);
    span_set_long_name(span, name->name, MIN(name->name_len, NAME_LEN_MAX));
    test_span_describe(span, name);
}

static struct test_name name_of(const char *name, size_t len, size_t suite_len)
{
    return (struct test_name){.suite = suite_len ? name : NULL, .suite_len = suite_len, .name = name, .name_len = len};
}

/* The line that is written belongs to this thread: its name is the test's, as far as it has room. */
static bool is_announced(const struct place *place)
{
    size_t len = strlen(place->thread_name);
    if (!g_announced.name || !len || len > g_announced.name_len ||
        memcmp(g_announced.name, place->thread_name, len) != 0)
        return false;
    return len == g_announced.name_len || len == THREAD_NAME_LEN_MAX;
}

static void finish(struct place *place, enum test_result result)
{
    if (is_announced(place)) {
        custom_span_use(place->test, name_describe, &g_announced);
        test_span_set_result(place->test, result, NULL);
    }
    custom_span_end(place->test, place->end_ns);
    place->state = STATE_FREE;
}

/* One that is ignored has no thread. */
static void conclude(enum test_result result)
{
    if (g_joined >= 0) {
        finish(&g_places[g_joined], result);
    } else if (g_announced.name && result == TEST_SKIPPED) {
        custom_span_id test = test_span_begin(&g_announced, 0);
        test_span_set_result(test, result, NULL);
        custom_span_end(test, 0);
    }
    g_joined = -1;
    g_announced.name = NULL;
}

/* The name comes when the thread is over, or, with --test-threads=1, before it begins. */
static void announce(const struct libtest_line *line)
{
    size_t len = MIN(line->name_len, sizeof g_name);
    memcpy(g_name, line->name, len);
    g_announced = name_of(g_name, len, MIN(line->suite_len, len));
}

/* The runner is at its end, or writes what is not known of it. Whose line has not come has no result. */
static void give_up(void)
{
    g_libtest_is_running = false;
    test_output_set_looker(NULL);
    for (int i = 0; i < PLACES; i++)
        if (g_places[i].state == STATE_OVER)
            custom_span_end(g_places[i].test, g_places[i].end_ns);
}

static void note(const struct libtest_line *line)
{
    switch (line->event) {
    case LIBTEST_NAME:
        if (g_announced.name)
            give_up();
        announce(line);
        break;
    case LIBTEST_OK:
        conclude(TEST_PASS);
        break;
    case LIBTEST_FAILED:
        conclude(TEST_FAIL);
        break;
    case LIBTEST_IGNORED:
        conclude(TEST_SKIPPED);
        break;
    case LIBTEST_END:
        give_up();
        break;
    default:
        if (g_announced.name) /* a result was to come */
            give_up();
        break;
    }
}

static bool is_runner(void)
{
    return process_tid() == g_pid && process_pid() == g_pid && !process_is_vfork_child();
}

/* What tests write comes from their threads. */
static COLD void look(int fd, const char *bytes, size_t len)
{
    int saved = errno;
    if (fd == STDOUT_FILENO && is_runner() && lock_acquire(&g_lock)) {
        bool is_line = len <= LINE_LEN_MAX && memory_is_readable(bytes, len);
        struct libtest_line line = is_line ? libtest_line_parse(bytes, len) : (struct libtest_line){.event = LIBTEST_OTHER};
        note(&line);
        lock_release(&g_lock);
    }
    errno = saved;
}

void libtest_recognise(const char *bytes, size_t len)
{
    if (libtest_line_parse(bytes, len).event != LIBTEST_BEGIN || process_tid() != process_pid() || !is_rust() ||
        has_other_format())
        return;
    g_pid = process_pid();
    g_libtest_is_running = true;
    test_output_set_looker(look);
}

/* ---- threads ---- */

COLD int libtest_take_place(void)
{
    int found = -1;
    if (!is_runner() || !lock_acquire(&g_lock))
        return -1;
    for (int i = 0; i < PLACES && found < 0; i++)
        if (g_places[i].state == STATE_FREE)
            found = i;
    if (found >= 0)
        g_places[found] = (struct place){.state = STATE_RESERVED};
    lock_release(&g_lock);
    return found;
}

void libtest_give_back(int place)
{
    if (place >= 0)
        g_places[place].state = STATE_FREE;
}

void libtest_thread_begin(int number)
{
    if (!lock_acquire(&g_lock))
        return;
    g_places[number] = (struct place){.state = STATE_RUNNING, .thread = pthread_self()};
    t_place = number;
    lock_release(&g_lock);
}

/* For one that never comes to its line: a name that was not cut is the test's. */
static void thread_name_describe(struct span *span, const void *argument)
{
    const struct test_name *name = argument;
    if (name->name_len < THREAD_NAME_LEN_MAX)
        test_span_describe(span, name);
}

/* Its thread has a name: a test's always has. With --test-threads=1 the test's own was written before. */
static void begin(struct place *place, const char *thread_name, size_t len)
{
    struct test_name name = name_of(thread_name, len, libtest_suite_len(thread_name, len));
    memcpy(place->thread_name, thread_name, len); /* all zero behind it */
    place->test = custom_span_begin(CUSTOM_SPAN_TEST, thread_name, len, 0);
    bool is_known = g_joined < 0 && is_announced(place);
    custom_span_use(place->test, is_known ? name_describe : thread_name_describe, is_known ? &g_announced : &name);
}

COLD void libtest_look_at_name(const char *name)
{
    int saved = errno;
    size_t len = memory_is_readable(name, 1) ? strnlen(name, THREAD_NAME_LEN_MAX + 1) : 0;
    if (t_place >= 0 && len && len <= THREAD_NAME_LEN_MAX && process_pid() == g_pid && lock_acquire(&g_lock)) {
        struct place *place = &g_places[t_place];
        if (place->state == STATE_RUNNING && !place->test)
            begin(place, name, len);
        lock_release(&g_lock);
    }
    errno = saved;
}

void libtest_thread_end(int number)
{
    struct place *place = &g_places[number];
    if (process_pid() != g_pid || !lock_acquire(&g_lock))
        return;
    if (place->state == STATE_RUNNING) {
        place->end_ns = clock_monotonic_ns();
        place->state = STATE_OVER;
        if (!g_libtest_is_running)
            custom_span_end(place->test, place->end_ns);
    }
    lock_release(&g_lock);
}

COLD void libtest_look_at_join(pthread_t thread)
{
    int saved = errno;
    if (is_runner() && lock_acquire(&g_lock)) {
        for (int i = 0; i < PLACES; i++)
            if (g_places[i].state == STATE_OVER && pthread_equal(g_places[i].thread, thread))
                g_joined = i;
        lock_release(&g_lock);
    }
    errno = saved;
}
