/* The direct sink as the library uses it: from a span's start to the lines at every exporter. */
#include "export/direct_sink.h"

#include "support/shared_stats.h"
#include "trace/resource.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char g_directory[64], g_path[96], g_second_path[96];
static struct run_stats *g_stats;

static void set_up(void)
{
    strcpy(g_directory, "/tmp/test_direct_sink.XXXXXX");
    cr_assert(mkdtemp(g_directory) && chdir(g_directory) == 0);
    snprintf(g_path, sizeof g_path, "%s/spans.jsonl", g_directory);
    snprintf(g_second_path, sizeof g_second_path, "%s/a,b", g_directory);
    g_stats = shared_stats_new();
    setenv("OTEL_SERVICE_NAME", "shop", 1);
    resource_init();
}

static void tear_down(void)
{
    unlink(g_path);
    unlink(g_second_path);
    rmdir(g_directory);
}

TestSuite(direct_sink, .init = set_up, .fini = tear_down, .timeout = 30);

static struct span *start_span(void)
{
    struct span_context context;
    struct span *span = span_start(SPAN_KIND_SERVER, 0);
    span_context_child(&context, NULL);
    if (span) {
        span_set_context(span, &context, NULL);
        span_set_name(span, "GET", 3);
    }
    return span;
}

static int count_lines(const char *path)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        cr_expect_eq(strncmp(line, "{\"traceId\":\"", 12), 0);
        cr_expect_str_eq(line + strlen(line) - 3, "}}\n");
        count++;
    }
    if (file)
        fclose(file);
    return count;
}

static int find_own_descriptor(void)
{
    for (int fd = 0; fd < 2000; fd++)
        if (direct_sink_owns(fd))
            return fd;
    return -1;
}

Test(direct_sink, no_exporter_means_no_sink)
{
    cr_expect_null(direct_sink_init(NULL));
    cr_expect_null(direct_sink_init(""));
    cr_expect_null(direct_sink_init("nonsense:"));
    cr_expect_not(direct_sink_owns(-1));
    cr_expect_not(direct_sink_owns(0));
    direct_sink_prepare();
    direct_sink_flush(10);
}

Test(direct_sink, every_exporter_gets_every_span_even_after_chdir)
{
    span_sink_set(direct_sink_init("file:spans.jsonl,unix:/nonexistent/socket,file:a%2Cb"));
    cr_assert_eq(chdir("/"), 0);
    for (int i = 0; i < 3; i++) {
        struct span *span = start_span();
        if (i == 0)
            span_set_error(span, "500", "");
        span_end(span, span->start_ns + 1000);
    }
    cr_expect_eq(count_lines(g_path), 3);
    cr_expect_eq(count_lines(g_second_path), 3);
    cr_expect_eq(g_stats->span_count, 3);
    cr_expect_eq(g_stats->error_count, 1);
    cr_expect_eq(g_stats->dropped_count[DROP_SOCKET_GONE], 3);
    cr_expect_eq(run_stats_service_count(g_stats), 1);
}

Test(direct_sink, span_that_nobody_took_is_not_counted_as_exported)
{
    span_sink_set(direct_sink_init("file:/nonexistent/spans"));
    span_end(start_span(), 0);
    cr_expect_eq(g_stats->span_count, 0);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 1);
    cr_expect_eq(g_stats->last_errno[DROP_WRITE_FAILED], ENOENT);
}

Test(direct_sink, abandoned_and_twice_ended_spans_are_not_written)
{
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    span_abandon(start_span());
    struct span *span = start_span();
    span_end(span, 0);
    span_end(span, 0);
    span_abandon(span);
    cr_expect_neq(start_span(), start_span(), "a record was handed out twice");
    cr_expect_eq(count_lines(g_path), 1);
}

Test(direct_sink, span_without_an_id_is_counted_as_damaged)
{
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    span_end(span_start(SPAN_KIND_CLIENT, 0), 0);
    cr_expect_eq(g_stats->dropped_count[DROP_DAMAGED], 1);
    cr_expect_eq(g_stats->span_count, 0);
}

Test(direct_sink, open_spans_are_bounded_and_come_back)
{
    enum { MAX = 65536 };
    static struct span *spans[MAX];
    const struct span_sink *sink = direct_sink_init("file:/dev/null");
    span_sink_set(sink);
    for (int i = 0; i < MAX; i++)
        cr_assert(spans[i] = start_span());
    cr_expect_null(start_span());
    cr_expect_eq(g_stats->dropped_count[DROP_NO_MEMORY], 1);
    for (int i = 0; i < MAX; i++)
        span_abandon(spans[i]);
    for (int i = 0; i < MAX; i++)
        cr_assert(start_span());
}

Test(direct_sink, prepare_opens_before_privileges_are_dropped)
{
    if (geteuid() != 0)
        cr_skip_test("only root can drop privileges");
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    cr_assert_eq(chmod(g_directory, 0700), 0);
    if (fork() == 0) {
        direct_sink_prepare();
        if (setuid(65534))
            _exit(1);
        span_end(start_span(), 0);
        _exit(0);
    }
    wait(NULL);
    cr_expect_eq(count_lines(g_path), 1);
}

Test(direct_sink, owns_its_descriptor_as_long_as_it_is_the_same_file)
{
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    cr_expect_eq(find_own_descriptor(), -1);
    direct_sink_prepare();
    int fd = find_own_descriptor();
    cr_expect_geq(fd, 64);
    cr_expect_not(direct_sink_owns(fd + 1));
    cr_expect_not(direct_sink_owns(-1));
    close(fd);
    cr_expect_not(direct_sink_owns(fd));
    cr_assert_eq(dup2(1, fd), fd);
    cr_expect_not(direct_sink_owns(fd));
    direct_sink_move(fd);
    direct_sink_prepare();
    cr_expect_neq(find_own_descriptor(), fd);
}

Test(direct_sink, moves_away_for_the_program)
{
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    direct_sink_prepare();
    int fd = find_own_descriptor();
    direct_sink_move(fd - 1);
    cr_expect_eq(find_own_descriptor(), fd);
    direct_sink_move(fd);
    int moved = find_own_descriptor();
    cr_expect_neq(moved, fd);
    cr_expect_eq(fcntl(moved, F_GETFD), FD_CLOEXEC);
    cr_expect_neq(fcntl(fd, F_GETFD), -1);
    cr_assert_eq(dup2(open("/dev/null", O_WRONLY), fd), fd);
    span_end(start_span(), 0);
    cr_expect_eq(count_lines(g_path), 1);
}

static volatile int g_fd; /* not a local one: vfork returns twice */

Test(direct_sink, vfork_child_moves_nothing_of_its_parent)
{
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    direct_sink_prepare();
    g_fd = find_own_descriptor();
    pid_t child = vfork();
    if (child == 0) {
        direct_sink_move(g_fd);
        dup2(1, g_fd);
        direct_sink_owns(g_fd);
        direct_sink_flush(10);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    cr_expect(direct_sink_owns(g_fd));
}

Test(direct_sink, fork_child_reports_its_own_spans_only)
{
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    struct span *parents = start_span();
    if (fork() == 0) {
        span_end(start_span(), 0);
        _exit(0);
    }
    wait(NULL);
    span_end(parents, 0);
    cr_expect_eq(count_lines(g_path), 2);
    cr_expect_eq(g_stats->span_count, 2);
}

enum { THREADS = 8, SPANS = 400 };

static void *make_spans(void *unused)
{
    for (int i = 0; i < SPANS; i++)
        span_end(start_span(), 0);
    return unused;
}

static void on_signal(int number)
{
    (void)number;
    span_end(start_span(), 0);
}

/* Threads with the smallest stacks, and signal handlers on 8 KiB ones that interrupt the sink. */
static void *make_spans_on_small_stack(void *stack)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = 8192};
    sigaltstack(&alternate, NULL);
    make_spans(NULL);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    return NULL;
}

Test(direct_sink, threads_with_small_stacks_and_signal_handlers)
{
    enum { SIGNALS = 300 };
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
    pthread_t threads[THREADS];
    pthread_attr_t attributes;
    static char stacks[THREADS][8192];
    span_sink_set(direct_sink_init("file:spans.jsonl"));
    direct_sink_prepare();
    sigaction(SIGUSR1, &action, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], &attributes, make_spans_on_small_stack, stacks[t]);
    for (int i = 0; i < SIGNALS; i++)
        kill(getpid(), SIGUSR1);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    cr_expect_geq(count_lines(g_path), THREADS * SPANS + 1);
    cr_expect_eq(g_stats->span_count, (uint64_t)count_lines(g_path));
    for (int i = 0; i < DROP_REASON_COUNT; i++)
        cr_expect_eq(g_stats->dropped_count[i], 0);
}
