#include "shim/program.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "export/direct_sink.h"
#include "export/ring_sink.h"
#include "shim/program_arguments.h"
#include "shim/test_program.h"
#include "trace/active.h"
#include "trace/resource.h"
#include "trace/sampler.h"
#include "trace/span.h"
#include "trace/trace_per.h"
#include "trace/traceparent.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

/* How long the end of a process may be held up by an exporter that is slow to take this span. */
enum { FLUSH_TIMEOUT_MS = 100 };

static _Atomic(struct span *) g_span; /* NULL: there is none, or it has ended */
static int g_pid;                     /* whose it is: a fork child is not */
static struct rusage g_before;        /* what the process had used before */

static bool is_wanted(void)
{
    const char *asked = getenv("RUN_TRACED_PROCESS_SPANS");
    return ring_sink_has_programs() || (!ring_sink_is_used() && asked && strcmp(asked, "all") == 0);
}

static void context_fill(struct span_context *context, const struct ring_program *program)
{
    memcpy(context->trace_id, program->trace_id, TRACE_ID_LEN);
    memcpy(context->span_id, program->span_id, SPAN_ID_LEN);
    context->trace_flags = program->trace_flags;
    context->is_valid = true;
}

static bool has_own_trace(bool is_test)
{
    return g_trace_per == TRACE_PER_PROCESS || (g_trace_per == TRACE_PER_TEST && is_test);
}

/* The span's context, and its parent's id (all zero: a root): what the launcher has chosen for the command, else a child of
 * what TRACEPARENT names, else of who has started us. What has a trace of its own has a @link to that instead. */
static void context_choose(int parent_pid, struct span_context *context, uint8_t parent_span_id[SPAN_ID_LEN],
                           bool is_test, struct span_link *link)
{
    const struct active_context *environment = active_environment();
    const struct span_context *parent = environment ? &environment->context : NULL;
    static BULKY struct span_context ancestor;
    struct ring_program found;
    memset(parent_span_id, 0, SPAN_ID_LEN);
    if (ring_sink_is_used() && ring_sink_take_root(&found)) {
        if (parent)
            span_context_copy(context, parent); /* its tracestate and baggage */
        context_fill(context, &found);
        memcpy(parent_span_id, found.parent_span_id, SPAN_ID_LEN);
        return;
    }
    if (!parent && ring_sink_is_used() && ring_sink_find_ancestor(&found)) {
        context_fill(&ancestor, &found);
        parent = &ancestor;
    }
    if (parent && has_own_trace(is_test)) {
        memcpy(link->trace_id, parent->trace_id, TRACE_ID_LEN);
        memcpy(link->span_id, parent->span_id, SPAN_ID_LEN);
        parent = NULL;
    }
    if (parent)
        memcpy(parent_span_id, parent->span_id, SPAN_ID_LEN);
    if (environment && ring_sink_is_used())
        ring_sink_recognise_parent(parent_pid, parent_span_id);
    span_context_child(context, parent);
}

static void path_set(struct span *span)
{
    const char *path;
    size_t len = resource_executable_path(&path);
    if (len)
        span_set_string(span, ATTRIBUTE_PROCESS_EXECUTABLE_PATH, path, len);
}

static void span_describe(struct span *span, int parent_pid)
{
    const struct resource *resource = resource_current();
    span->role = SPAN_ROLE_PROCESS;
    span_set_name(span, resource->executable_name, resource->executable_name_len);
    span_set_string(span, ATTRIBUTE_PROCESS_EXECUTABLE_NAME, resource->executable_name, resource->executable_name_len);
    path_set(span);
    test_program_describe(span);
    span_set_int(span, ATTRIBUTE_PROCESS_PID, span->pid);
    span_set_int(span, ATTRIBUTE_PROCESS_PARENT_PID, parent_pid);
}

/* In place: the string lies where the kernel has put it, and nobody has read it yet. Any other length than that of a
 * version 00 is left as it is. */
static void environment_change(const struct span_context *context)
{
    char *value = getenv("TRACEPARENT");
    if (value && strlen(value) == TRACEPARENT_LEN)
        traceparent_format(context, value);
}

static void program_of(const struct span_context *context, const uint8_t *parent_span_id, struct ring_program *out)
{
    *out = (struct ring_program){.trace_flags = context->trace_flags, .is_set = true};
    memcpy(out->trace_id, context->trace_id, TRACE_ID_LEN);
    memcpy(out->span_id, context->span_id, SPAN_ID_LEN);
    memcpy(out->parent_span_id, parent_span_id, SPAN_ID_LEN);
}

/* Known to the ring before the span is: the collector may look at once. */
static struct span *span_claim(const struct span_context *context, const uint8_t parent_span_id[SPAN_ID_LEN],
                               bool runs_tests)
{
    struct ring_program program;
    program_of(context, parent_span_id, &program);
    program.runs_tests = runs_tests;
    ring_sink_set_program(&program);
    struct span *span = span_start(SPAN_KIND_INTERNAL, 0);
    if (ring_sink_is_used())
        ring_sink_note_program(span);
    return span;
}

/* atexit(3) and what it calls come before, since this was asked for first. */
static void exit_note(int status, void *unused)
{
    (void)unused;
    program_exit(status);
}

static bool has_link(const struct span_link *link)
{
    static const struct span_link none;
    return memcmp(link, &none, sizeof none) != 0;
}

void program_begin(char *const argv[])
{
    static struct span_context context;
    static struct span_link link; /* all zero: none */
    uint8_t parent_span_id[SPAN_ID_LEN];
    if (!is_wanted())
        return;
    int parent_pid = (int)raw_syscall3(SYS_getppid, 0, 0, 0);
    context_choose(parent_pid, &context, parent_span_id, test_program_begin(argv, parent_pid), &link);
    if (!span_context_is_sampled(&context))
        return; /* what hangs below does as its parent's flags say */
    struct span *span = span_claim(&context, parent_span_id, test_program_is_runner(argv));
    if (!span)
        return;
    span_set_context(span, &context, parent_span_id);
    span_set_links(span, &link, has_link(&link));
    span_describe(span, parent_pid);
    program_arguments_set(span, argv);
    environment_change(&context);
    active_set_process(&context, parent_span_id);
    raw_getrusage(&g_before);
    g_pid = process_pid();
    g_span = span;
    on_exit(exit_note, NULL);
}

static int64_t used_us(struct timeval before, struct timeval now)
{
    return (now.tv_sec - before.tv_sec) * 1000000 + now.tv_usec - before.tv_usec;
}

static void usage_set(struct span *span)
{
    struct rusage now;
    if (raw_getrusage(&now) < 0)
        return;
    span_set_int(span, ATTRIBUTE_PROCESS_CPU_USER, used_us(g_before.ru_utime, now.ru_utime));
    span_set_int(span, ATTRIBUTE_PROCESS_CPU_SYSTEM, used_us(g_before.ru_stime, now.ru_stime));
    if (now.ru_maxrss > g_before.ru_maxrss) /* else it is what the process was before it executed this */
        span_set_int(span, ATTRIBUTE_PROCESS_MEMORY_PEAK, now.ru_maxrss * 1024);
}

void program_note_test(void)
{
    struct span *span = process_pid() == g_pid ? g_span : NULL;
    if (span)
        test_program_describe_criterion(span);
}

void program_forget_test(void)
{
    if (test_program_is_test())
        test_program_forget(process_pid() == g_pid ? g_span : NULL);
}

void program_exit(int status)
{
    if (!g_span || process_pid() != g_pid || process_is_vfork_child())
        return;
    struct span *span = atomic_exchange(&g_span, NULL);
    if (!span)
        return;
    usage_set(span);
    span_set_int(span, ATTRIBUTE_PROCESS_EXIT_CODE, status & 0xff);
    test_program_end(span, status & 0xff);
    span_end(span, clock_monotonic_ns());
    direct_sink_flush(FLUSH_TIMEOUT_MS);
}

/* Under the request that the thread works for, or else under the program that starts it. */
static const struct span_context *starter_context(void)
{
    const struct active_context *active = active_current(NULL);
    if (!active)
        active = active_environment();
    return active && span_context_is_sampled(&active->context) ? &active->context : NULL;
}

COLD struct span *program_begin_unseen(int pid, const char *path, char *const argv[], const char *why)
{
    const struct span_context *parent = ring_sink_has_programs() ? starter_context() : NULL;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct span_context context;
    struct ring_program program;
    if (!parent || !*name)
        return NULL;
    span_context_child(&context, parent);
    program_of(&context, parent->span_id, &program);
    struct span *span = ring_sink_claim_unseen(pid, pid != raw_getpid(), &program, name, strlen(name));
    if (!span)
        return NULL;
    span_open(span, SPAN_KIND_INTERNAL, 0, pid, pid);
    span_set_context(span, &context, parent->span_id);
    span->role = SPAN_ROLE_PROCESS;
    span_set_name(span, name, strlen(name));
    span_set_string(span, ATTRIBUTE_PROCESS_EXECUTABLE_NAME, name, strlen(name));
    if (slash)
        span_set_string(span, ATTRIBUTE_PROCESS_EXECUTABLE_PATH, path, strlen(path));
    span_set_int(span, ATTRIBUTE_PROCESS_PID, pid);
    span_set_string(span, ATTRIBUTE_PROCESS_BLIND, why, strlen(why));
    program_arguments_set(span, argv);
    return span;
}

void program_abandon_unseen(struct span *span)
{
    if (span)
        ring_sink_abandon_unseen(span);
}

void program_release_ring(void)
{
    struct span *span = process_pid() == g_pid ? atomic_exchange(&g_span, NULL) : NULL;
    if (!ring_sink_release())
        g_span = span;
}
