/* The ring's file: private, reserved before it is used, and opened only if it is one. */
#include "export/ring.h"

#include "support/ring_fixture.h"
#include "support/tiny_file_system.h"

static char g_path[128];

static void set_up(void)
{
    fixture_set_up();
    snprintf(g_path, sizeof g_path, "%s/other", g_fixture_directory);
}

static void tear_down(void)
{
    unlink(g_path);
    fixture_tear_down();
}

TestSuite(ring, .init = set_up, .fini = tear_down, .timeout = 60);

static int descriptor_count(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

Test(ring, created_file_is_private_whatever_the_umask)
{
    struct ring *ring;
    struct stat st;
    umask(0);
    cr_assert_eq(ring_create(g_path, &ring), 0);
    cr_assert_eq(stat(g_path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_eq(st.st_size, (off_t)sizeof(struct ring));
    cr_expect_eq(ring->record_limit, RING_RECORDS_FIRST);
    cr_expect_eq(ring->process_limit, RING_PROCESSES_FIRST);
}

Test(ring, what_exists_is_not_taken_over)
{
    struct ring *ring = NULL;
    int fd = open(g_path, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(fd, "mine", 4), 4);
    close(fd);
    cr_expect_eq(ring_create(g_path, &ring), -EEXIST);
    struct stat st;
    cr_assert_eq(stat(g_path, &st), 0);
    cr_expect_eq(st.st_size, 4);
    unlink(g_path);
    cr_assert_eq(symlink(g_fixture_spans_path, g_path), 0);
    cr_expect_eq(ring_create(g_path, &ring), -EEXIST);
    cr_expect_eq(access(g_fixture_spans_path, F_OK), -1);
    cr_expect_null(ring);
}

Test(ring, opened_twice_is_the_same_memory_and_costs_no_descriptor)
{
    struct ring *one, *other;
    int before = descriptor_count();
    cr_assert_eq(ring_create(g_path, &one), 0);
    cr_assert_eq(ring_open(g_path, &other), 0);
    cr_expect_eq(descriptor_count(), before);
    one->records[RING_RECORDS_FIRST - 1].tid = 4711;
    cr_expect_eq(other->records[RING_RECORDS_FIRST - 1].tid, 4711);
}

/* Each makes something at g_path that is no ring. */
static void make_nothing(void)
{
}
static void make_directory(void)
{
    cr_assert_eq(mkdir(g_path, 0700), 0);
}
static void make_fifo(void)
{
    cr_assert_eq(mkfifo(g_path, 0600), 0);
}
static void make_link(void)
{
    cr_assert_eq(symlink(g_fixture_ring_path, g_path), 0);
}
static void make_file(off_t size)
{
    int fd = open(g_path, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(ftruncate(fd, size), 0);
    close(fd);
}
static void make_empty(void)
{
    make_file(0);
}
static void make_zeros(void)
{
    make_file(sizeof(struct ring));
}
static void make_ring_cut(off_t size)
{
    struct ring *ring;
    cr_assert_eq(ring_create(g_path, &ring), 0);
    cr_assert_eq(truncate(g_path, size), 0);
}
static void make_short(void)
{
    make_ring_cut(sizeof(struct ring) - 4096);
}
static void make_long(void)
{
    make_ring_cut(sizeof(struct ring) + 1);
}
static void make_other_version(void)
{
    struct ring *ring;
    cr_assert_eq(ring_create(g_path, &ring), 0);
    ring->version++;
}
static void make_other_magic(void)
{
    struct ring *ring;
    cr_assert_eq(ring_create(g_path, &ring), 0);
    ring->magic ^= 1;
}

Test(ring, what_is_no_ring_is_not_opened)
{
    static const struct {
        const char *name;
        void (*make)(void);
        int expected;
    } cases[] = {
        {"nothing", make_nothing, -ENOENT},
        {"a directory", make_directory, -EISDIR},
        {"a FIFO", make_fifo, -EINVAL},
        {"a symbolic link to a ring", make_link, -ELOOP},
        {"an empty file", make_empty, -EINVAL},
        {"zeros", make_zeros, -EINVAL},
        {"a ring cut short", make_short, -EINVAL},
        {"a ring too long", make_long, -EINVAL},
        {"another version", make_other_version, -EINVAL},
        {"another magic number", make_other_magic, -EINVAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ring *ring = NULL;
        cases[i].make();
        int before = descriptor_count();
        int error = ring_open(g_path, &ring);
        cr_expect_eq(error, cases[i].expected, "%s: %d", cases[i].name, error);
        cr_expect_null(ring, "%s", cases[i].name);
        cr_expect_eq(descriptor_count(), before, "%s", cases[i].name);
        remove(g_path);
    }
    struct ring *ring = NULL;
    cr_expect_eq(ring_open("/dev/zero", &ring), -EINVAL);
    cr_expect_null(ring);
}

Test(ring, sink_takes_nothing_but_a_ring)
{
    make_zeros();
    cr_expect_null(ring_sink_init(NULL));
    cr_expect_null(ring_sink_init(""));
    cr_expect_null(ring_sink_init("/nowhere/ring"));
    cr_expect_null(ring_sink_init(g_path));
}

/* The sizes: what a new ring reserves is somewhat more than 10 MiB. */

Test(ring, full_file_system_is_an_error_and_leaves_no_file)
{
    static const char *const sizes[] = {"size=0", "size=4k", "size=64k", "size=2m", "size=9m"};
    for (size_t i = 1; i < sizeof sizes / sizeof *sizes; i++) {
        struct ring *ring = NULL;
        if (!tiny_file_system_mount(g_fixture_directory, sizes[i]))
            cr_skip_test("no tmpfs can be mounted here");
        cr_expect_eq(ring_create(g_path, &ring), -ENOSPC, "%s", sizes[i]);
        cr_expect_null(ring);
        cr_expect_eq(access(g_path, F_OK), -1, "%s", sizes[i]);
        tiny_file_system_unmount(g_fixture_directory);
    }
}
