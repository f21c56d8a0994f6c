/* The counters of a run: shared by processes, and never a danger to them. */
#include "export/run_stats.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char g_path[64];

static void make_path(void)
{
    snprintf(g_path, sizeof g_path, "/tmp/test_run_stats.%d", (int)getpid());
    unlink(g_path);
}

static void remove_path(void)
{
    unlink(g_path);
}

TestSuite(run_stats, .init = make_path, .fini = remove_path);

static int lowest_free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

Test(run_stats, counts_of_several_processes_add_up)
{
    struct run_stats *stats = run_stats_create(g_path);
    cr_assert(stats);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            run_stats_open(g_path);
            run_stats_count_process();
            for (int j = 0; j < 1000; j++)
                run_stats_count_span(i < 2 ? "a" : "b", 1, j % 10 == 0);
            run_stats_count_drop(DROP_WRITE_FAILED, ENOSPC);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    cr_expect_eq(stats->process_count, 4);
    cr_expect_eq(stats->span_count, 4000);
    cr_expect_eq(stats->error_count, 400);
    cr_expect_eq(stats->dropped_count[DROP_WRITE_FAILED], 4);
    cr_expect_eq(stats->last_errno[DROP_WRITE_FAILED], ENOSPC);
    cr_expect_eq(stats->dropped_count[DROP_BUSY], 0);
    cr_expect_eq(run_stats_service_count(stats), 2);
}

Test(run_stats, file_is_private_and_new_and_leaves_no_descriptor)
{
    struct stat st;
    int before = lowest_free_descriptor();
    umask(0);
    cr_assert(run_stats_create(g_path));
    run_stats_open(g_path);
    cr_expect_eq(lowest_free_descriptor(), before);
    cr_assert_eq(stat(g_path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_null(run_stats_create(g_path));
    cr_expect_eq(errno, EEXIST);
}

Test(run_stats, mapping_outlives_the_file)
{
    struct run_stats *stats = run_stats_create(g_path);
    run_stats_open(g_path);
    unlink(g_path);
    run_stats_count_process();
    cr_expect_eq(stats->process_count, 1);
}

static void write_file(const void *bytes, size_t len)
{
    int fd = open(g_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static bool file_is_unchanged_by_counting(const void *bytes, size_t len)
{
    static char now[sizeof(struct run_stats) + 1];
    run_stats_open(g_path);
    run_stats_count_process();
    run_stats_count_span("a", 1, true);
    int fd = open(g_path, O_RDONLY);
    ssize_t got = read(fd, now, sizeof now);
    close(fd);
    return got == (ssize_t)len && memcmp(now, bytes, len) == 0;
}

Test(run_stats, what_is_not_ours_is_not_touched)
{
    static struct run_stats other, shorter;
    struct run_stats *valid = run_stats_create(g_path);
    memcpy(&other, valid, sizeof other);
    memcpy(&shorter, valid, sizeof shorter);
    other.magic++;
    write_file(&other, sizeof other);
    cr_expect(file_is_unchanged_by_counting(&other, sizeof other));
    other.magic--;
    other.version++;
    write_file(&other, sizeof other);
    cr_expect(file_is_unchanged_by_counting(&other, sizeof other));
    /* A file shorter than the mapping would be a SIGBUS. */
    write_file(&shorter, sizeof shorter - 1);
    cr_expect(file_is_unchanged_by_counting(&shorter, sizeof shorter - 1));
    write_file(&shorter, sizeof shorter);
    cr_expect_not(file_is_unchanged_by_counting(&shorter, sizeof shorter));
}

Test(run_stats, a_missing_file_a_directory_and_a_fifo_are_harmless, .timeout = 5)
{
    run_stats_open(NULL);
    run_stats_open("");
    run_stats_open("/nonexistent/stats");
    run_stats_open("/tmp");
    cr_assert_eq(mkfifo(g_path, 0600), 0);
    run_stats_open(g_path);
    run_stats_count_span("a", 1, false);
    run_stats_count_drop(DROP_BUSY, 0);
}

Test(run_stats, a_full_set_of_services_stays_full)
{
    struct run_stats *stats = run_stats_create(g_path);
    run_stats_open(g_path);
    for (unsigned i = 0; i < 2 * RUN_STATS_SERVICES_MAX; i++) {
        run_stats_count_span((const char *)&i, sizeof i, false);
        run_stats_count_span((const char *)&i, sizeof i, false);
        cr_assert_eq(run_stats_service_count(stats),
                     i < RUN_STATS_SERVICES_MAX ? i + 1 : RUN_STATS_SERVICES_MAX);
    }
}

Test(run_stats, every_drop_reason_has_a_text)
{
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
        cr_expect(drop_reason_text(i) && *drop_reason_text(i));
    cr_expect_null(drop_reason_text(DROP_REASON_COUNT));
}
