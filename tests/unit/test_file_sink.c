/* The file sink: whole lines, a descriptor out of the program's way, and no harm on any failure. */
#include "export/file_sink.h"

#include "base/clock.h"
#include "base/process.h"
#include "support/shared_stats.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char g_directory[64], g_path[96], g_other_path[96], g_content[1 << 20];
static struct file_sink g_sink;
static struct run_stats *g_stats;

static void set_up(void)
{
    strcpy(g_directory, "/tmp/test_file_sink.XXXXXX");
    cr_assert(mkdtemp(g_directory));
    snprintf(g_path, sizeof g_path, "%s/spans.jsonl", g_directory);
    snprintf(g_other_path, sizeof g_other_path, "%s/other", g_directory);
    g_stats = shared_stats_new();
    g_sink.path = g_path;
    process_pid(); /* as the library's start does */
}

static void tear_down(void)
{
    unlink(g_path);
    unlink(g_other_path);
    rmdir(g_directory);
}

TestSuite(file_sink, .init = set_up, .fini = tear_down, .timeout = 20);

static const char *content_of(const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, g_content, sizeof g_content - 1);
    close(fd);
    g_content[len > 0 ? len : 0] = '\0';
    return g_content;
}

static int write_text(const char *text)
{
    return file_sink_write(&g_sink, text, strlen(text), NULL);
}

static int sink_fd(void)
{
    return atomic_load(&g_sink.fd.number) - 1;
}

static int lowest_free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

Test(file_sink, appends_lines_to_what_is_there)
{
    struct stat st;
    umask(0);
    cr_expect_eq(write_text("one\n"), 0);
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_str_eq(content_of(g_path), "one\ntwo\n");
    cr_assert_eq(stat(g_path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
}

Test(file_sink, descriptor_is_high_and_closed_on_exec)
{
    struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &limit);
    int before = lowest_free_descriptor();
    cr_assert_eq(file_sink_prepare(&g_sink), 0);
    cr_expect_eq(lowest_free_descriptor(), before);
    cr_expect_eq(sink_fd(), 960);
    cr_expect_eq(fcntl(sink_fd(), F_GETFD), FD_CLOEXEC);
}

Test(file_sink, small_descriptor_limits)
{
    for (rlim_t max = 64; max >= 12; max--) {
        struct rlimit limit = {max, 64};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        int before = lowest_free_descriptor();
        cr_assert_eq(write_text("line\n"), 0, "limit %d", (int)max);
        cr_expect_gt(sink_fd(), 2);
        cr_expect_geq(sink_fd(), (int)max - (int)max / 4);
        cr_expect_eq(lowest_free_descriptor(), before);
        own_fd_close(&g_sink.fd);
    }
}

Test(file_sink, taken_numbers_are_evaded_and_a_full_table_is_a_counted_drop)
{
    struct rlimit limit = {40, 40};
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 30; fd < 40; fd++)
        dup2(1, fd);
    cr_assert_eq(write_text("line\n"), 0);
    cr_expect(sink_fd() >= 20 && sink_fd() < 30);
    own_fd_close(&g_sink.fd);
    while (dup(1) >= 0)
        ;
    cr_expect_eq(write_text("line\n"), -EMFILE);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 1);
    cr_expect_eq(g_stats->last_errno[DROP_WRITE_FAILED], EMFILE);
}

Test(file_sink, number_stays_below_1024_while_one_is_free_there)
{
    struct rlimit limit = {2048, 2048};
    if (setrlimit(RLIMIT_NOFILE, &limit))
        cr_skip_test("the limit cannot be raised");
    for (int fd = 900; fd < 1024; fd++)
        dup2(1, fd);
    cr_assert_eq(write_text("line\n"), 0);
    cr_expect(sink_fd() >= 832 && sink_fd() < 900, "%d", sink_fd());
    own_fd_close(&g_sink.fd);
    while (dup(1) < 1100)
        ;
    cr_assert_eq(write_text("line\n"), 0);
    cr_expect_geq(sink_fd(), 1024);
}

Test(file_sink, replaced_descriptor_is_not_written_to)
{
    cr_assert_eq(write_text("one\n"), 0);
    int fd = sink_fd(), other = open(g_other_path, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(dup2(other, fd), fd);
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_str_eq(content_of(g_other_path), "");
    cr_expect_str_eq(content_of(g_path), "one\ntwo\n");
    cr_expect_neq(fcntl(fd, F_GETFD), -1, "the program's descriptor was closed");
    cr_expect_neq(sink_fd(), fd);
}

Test(file_sink, closed_descriptor_is_opened_again)
{
    cr_assert_eq(write_text("one\n"), 0);
    close(sink_fd());
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_str_eq(content_of(g_path), "one\ntwo\n");
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 0);
}

Test(file_sink, goes_on_under_another_number_before_the_program_takes_it)
{
    cr_assert_eq(write_text("one\n"), 0);
    int fd = sink_fd(), other = open(g_other_path, O_RDWR | O_CREAT, 0600);
    own_fd_move(&g_sink.fd);
    cr_expect_neq(sink_fd(), fd);
    cr_assert_eq(dup2(other, fd), fd);
    unlink(g_path); /* a file opened anew would not be the same */
    int same = sink_fd();
    cr_expect_eq(write_text("two\n"), 0);
    cr_expect_eq(sink_fd(), same);
    cr_expect_str_eq(content_of(g_other_path), "");
}

static _Atomic bool g_use_begun, g_use_done;

static void *use_for_a_while(void *unused)
{
    struct stat st;
    own_fd_use(&g_sink.fd, &st);
    atomic_store(&g_use_begun, true);
    usleep(500);
    atomic_store(&g_use_done, true);
    own_fd_done(&g_sink.fd);
    return unused;
}

/* On a busy machine the user may well be kept from running for longer than the bound. */
Test(file_sink, move_waits_for_a_write_under_way_within_its_bound)
{
    pthread_t thread;
    cr_assert_eq(write_text("one\n"), 0);
    pthread_create(&thread, NULL, use_for_a_while, NULL);
    while (!atomic_load(&g_use_begun))
        sched_yield();
    uint64_t begin_ns = clock_monotonic_ns();
    own_fd_move(&g_sink.fd);
    bool is_done = atomic_load(&g_use_done);
    uint64_t waited_ns = clock_monotonic_ns() - begin_ns;
    pthread_join(thread, NULL);
    cr_expect(is_done || waited_ns >= OWN_FD_MOVE_WAIT_NS);
}

Test(file_sink, symbolic_link_is_not_followed)
{
    cr_assert_eq(symlink(g_other_path, g_path), 0);
    cr_expect_eq(write_text("line\n"), -ELOOP);
    cr_expect_eq(access(g_other_path, F_OK), -1);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 1);
    cr_expect_eq(g_stats->last_errno[DROP_WRITE_FAILED], ELOOP);
}

Test(file_sink, fifo_is_refused_at_once)
{
    cr_assert_eq(mkfifo(g_path, 0600), 0);
    cr_expect_eq(write_text("line\n"), -ENXIO);
    int reader = open(g_path, O_RDONLY | O_NONBLOCK);
    char byte;
    usleep(110000);
    cr_expect_eq(write_text("line\n"), -EINVAL);
    cr_expect_eq(read(reader, &byte, 1), 0);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 2);
}

Test(file_sink, devices)
{
    g_sink.path = "/dev/null";
    cr_expect_eq(write_text("line\n"), 0);
    own_fd_close(&g_sink.fd);
    g_sink.path = "/dev/full";
    errno = 77;
    cr_expect_eq(write_text("line\n"), -ENOSPC);
    cr_expect_eq(write_text("line\n"), -ENOSPC);
    cr_expect_eq(errno, 77);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 2);
    cr_expect_eq(g_stats->last_errno[DROP_WRITE_FAILED], ENOSPC);
}

Test(file_sink, failed_open_is_tried_again_after_a_while)
{
    rmdir(g_directory);
    cr_expect_eq(write_text("one\n"), -ENOENT);
    mkdir(g_directory, 0700);
    cr_expect_eq(write_text("two\n"), -ENOENT);
    usleep(110000);
    cr_expect_eq(write_text("three\n"), 0);
    cr_expect_str_eq(content_of(g_path), "three\n");
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 2);
}

/* A file system of three pages, so that a line can end in the middle. Needs root. */
static bool mount_tiny_file_system(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", g_directory, "tmpfs", 0, "size=12k") == 0;
}

/* Every line but the damaged one is whole; empty ones may stand between. Returns how many are
 * whole. */
static int count_whole_lines(const char *content, int expected_damaged)
{
    int whole = 0, damaged = 0;
    while (*content) {
        size_t len = strcspn(content, "\n");
        if (len > 0) {
            bool is_whole = content[0] == '{' && content[len - 1] == '}' && content[len] == '\n' &&
                            memchr(content + 1, '{', len - 1) == NULL;
            whole += is_whole;
            damaged += !is_whole;
        }
        content += len + (content[len] == '\n');
    }
    cr_expect_eq(damaged, expected_damaged, "%d damaged lines", damaged);
    return whole;
}

Test(file_sink, line_cut_by_a_full_disk_spoils_no_other)
{
    static char line[1001];
    int taken = 0;
    if (!mount_tiny_file_system())
        cr_skip_test("no tmpfs can be mounted here");
    snprintf(line, sizeof line, "{%0997d}\n", 0);
    int ballast = open(g_other_path, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(ballast, line, 1), 1);
    for (int i = 0; i < 20; i++)
        taken += file_sink_write(&g_sink, line, 1000, NULL) == 0;
    cr_expect_eq(taken, 8, "%d", taken);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 12);
    cr_expect_eq(ftruncate(ballast, 0), 0);
    for (int i = 0; i < 2; i++)
        taken += file_sink_write(&g_sink, line, 1000, NULL) == 0;
    cr_expect_eq(taken, 10);
    cr_expect_eq(count_whole_lines(content_of(g_path), 1), 10);
    close(ballast);
    umount(g_directory);
}

/* With the default action: SIGXFSZ would end this test. */
Test(file_sink, file_size_limit_raises_no_signal)
{
    struct rlimit limit = {100, RLIM_INFINITY};
    cr_assert_eq(write_text("one\n"), 0);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int taken = 1;
    for (int i = 0; i < 50; i++)
        taken += write_text("{12345}\n") == 0;
    limit.rlim_cur = RLIM_INFINITY;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_expect_eq(taken, 12);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 39);
    cr_expect_eq(g_stats->last_errno[DROP_WRITE_FAILED], EFBIG);
    cr_expect_eq(strlen(content_of(g_path)), 4 + 11 * 8);
}

enum { PROCESSES = 4, THREADS = 3, LINES = 300 };

static char g_line[801];

static void *write_lines(void *unused)
{
    for (int i = 0; i < LINES; i++)
        file_sink_write(&g_sink, g_line, 800, NULL);
    return unused;
}

static void write_lines_in_threads(void)
{
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, write_lines, NULL);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
}

Test(file_sink, lines_of_many_threads_and_processes_stay_whole)
{
    static char all[PROCESSES * THREADS * LINES * 800 + 1];
    snprintf(g_line, sizeof g_line, "{%0797d}\n", 7);
    for (int i = 0; i < PROCESSES; i++) {
        /* The first children open the file for themselves, the others inherit it. */
        if (i == PROCESSES / 2)
            cr_assert_eq(file_sink_prepare(&g_sink), 0);
        if (fork() == 0) {
            write_lines_in_threads();
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    int fd = open(g_path, O_RDONLY);
    cr_assert_eq(read(fd, all, sizeof all), (ssize_t)sizeof all - 1);
    cr_expect_eq(count_whole_lines(all, 0), PROCESSES * THREADS * LINES);
    cr_expect_eq(g_stats->dropped_count[DROP_WRITE_FAILED], 0);
}

static void *write_first_line(void *barrier)
{
    pthread_barrier_wait(barrier);
    write_text("{}\n");
    return NULL;
}

Test(file_sink, threads_that_open_at_once_leave_one_descriptor)
{
    for (int round = 0; round < 200; round++) {
        pthread_t threads[4];
        pthread_barrier_t barrier;
        pthread_barrier_init(&barrier, NULL, 4);
        for (int t = 0; t < 4; t++)
            pthread_create(&threads[t], NULL, write_first_line, &barrier);
        for (int t = 0; t < 4; t++)
            pthread_join(threads[t], NULL);
        own_fd_close(&g_sink.fd);
    }
    for (int fd = 64; fd < 1024; fd++)
        cr_assert_eq(fcntl(fd, F_GETFD), -1, "%d was left open", fd);
    cr_expect_eq(count_whole_lines(content_of(g_path), 0), 800);
}

static volatile pid_t g_vfork_result;

Test(file_sink, vfork_child_does_not_open_for_its_parent)
{
    pid_t child = vfork();
    if (child == 0) {
        g_vfork_result = write_text("child\n");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    cr_expect_eq(g_vfork_result, -EBUSY);
    cr_expect_eq(sink_fd(), -1);
    cr_expect_eq(write_text("parent\n"), 0);
    /* Open already: the child has a copy of the descriptor. What it closes stays open here. */
    int fd = sink_fd();
    child = vfork();
    if (child == 0) {
        g_vfork_result = write_text("child\n");
        close(fd);
        write_text("lost\n");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    cr_expect_eq(g_vfork_result, 0);
    cr_expect_eq(sink_fd(), fd);
    cr_expect_eq(write_text("parent\n"), 0);
    cr_expect_str_eq(content_of(g_path), "parent\nchild\nparent\n");
}
