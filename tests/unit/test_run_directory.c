/* The directory of a run's ring: private, where there is memory for it, and gone afterwards. */
#include "launcher/run_directory.h"

#include "support/ring_fixture.h"
#include "support/tiny_file_system.h"

static char g_parent[64], g_path[96];
static struct run_directory g_directory;

static void set_up(void)
{
    strcpy(g_parent, "/dev/shm/test_run_directory.XXXXXX");
    cr_assert(mkdtemp(g_parent));
    snprintf(g_path, sizeof g_path, "%s/mine", g_parent);
    setenv("XDG_RUNTIME_DIR", g_parent, 1);
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", g_parent);
    cr_expect_eq(system(command), 0);
}

TestSuite(run_directory, .init = set_up, .fini = tear_down, .timeout = 30);

static int mode_of(const char *path)
{
    struct stat st;
    return lstat(path, &st) < 0 ? -1 : (int)(st.st_mode & 07777);
}

Test(run_directory, is_made_in_the_runtime_directory_and_removed)
{
    umask(0);
    cr_assert_eq(run_directory_create(&g_directory), 0);
    cr_expect_eq(strncmp(g_directory.path, g_parent, strlen(g_parent)), 0, "%s", g_directory.path);
    cr_expect_eq(mode_of(g_directory.path), 0700);
    cr_expect_eq(mode_of(g_directory.ring_path), 0600);
    struct ring *other;
    cr_expect_eq(ring_open(g_directory.ring_path, &other), 0);
    run_directory_remove(&g_directory);
    cr_expect_eq(access(g_directory.path, F_OK), -1);
    g_directory.ring->records[0].tid = 1; /* the memory stays */
    cr_expect_eq(other->records[0].tid, 1);
}

Test(run_directory, is_elsewhere_if_the_runtime_directory_is_of_no_use)
{
    static const char *const values[] = {NULL, "", "relative", "/nowhere", "/dev/null"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (values[i])
            setenv("XDG_RUNTIME_DIR", values[i], 1);
        else
            unsetenv("XDG_RUNTIME_DIR");
        cr_assert_eq(run_directory_create(&g_directory), 0);
        cr_expect_eq(strncmp(g_directory.path, "/dev/shm/run-traced-", 20), 0, "%s",
                     g_directory.path);
        run_directory_remove(&g_directory);
        cr_expect_eq(access(g_directory.path, F_OK), -1);
    }
}

Test(run_directory, a_full_runtime_directory_leaves_nothing_and_another_is_taken)
{
    if (!tiny_file_system_mount(g_parent, "size=1m"))
        cr_skip_test("no tmpfs can be mounted here");
    cr_assert_eq(run_directory_create(&g_directory), 0);
    cr_expect_neq(strncmp(g_directory.path, g_parent, strlen(g_parent)), 0);
    cr_expect_eq(rmdir(g_directory.path), -1);
    run_directory_remove(&g_directory);
    struct stat st;
    cr_assert_eq(stat(g_parent, &st), 0);
    cr_expect_eq(st.st_nlink, 2, "a directory was left behind");
    tiny_file_system_unmount(g_parent);
}

Test(run_directory, nothing_is_removed_if_there_is_nothing)
{
    struct run_directory none = {.ring = NULL};
    run_directory_remove(&none);
    cr_expect_eq(access(g_parent, F_OK), 0);
}

Test(run_directory, adopting_makes_what_is_not_there_and_uses_what_is)
{
    umask(0);
    cr_assert_eq(run_directory_adopt(&g_directory, g_path), 0);
    cr_expect_eq(mode_of(g_path), 0700);
    cr_expect_eq(mode_of(g_directory.ring_path), 0600);
    g_directory.ring->records[0].tid = 4711;
    struct run_directory again;
    cr_expect_eq(run_directory_adopt(&again, g_path), -EBUSY, "one collector at a time");
    close(g_directory.lock_fd);
    cr_assert_eq(run_directory_adopt(&again, g_path), 0);
    cr_expect_eq(again.ring->records[0].tid, 4711);
    cr_expect_str_eq(again.ring_path, g_directory.ring_path);
}

Test(run_directory, adopted_by_a_relative_path_its_own_is_absolute)
{
    cr_assert_eq(chdir(g_parent), 0);
    cr_assert_eq(run_directory_adopt(&g_directory, "mine"), 0);
    cr_expect_str_eq(g_directory.path, g_path);
}

Test(run_directory, what_others_may_enter_is_not_adopted)
{
    static const mode_t modes[] = {0755, 0750, 0710, 0701, 0770, 0777, 01777};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        cr_assert_eq(mkdir(g_path, 0700), 0);
        cr_assert_eq(chmod(g_path, modes[i]), 0);
        cr_expect_eq(run_directory_adopt(&g_directory, g_path), -EPERM, "%o", modes[i]);
        cr_expect_null(g_directory.ring);
        cr_expect_eq(rmdir(g_path), 0, "something was made in it");
    }
}

Test(run_directory, somebody_elses_directory_is_not_adopted)
{
    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert_eq(mkdir(g_path, 0700), 0);
    cr_assert_eq(chown(g_path, 65534, 65534), 0);
    cr_expect_eq(run_directory_adopt(&g_directory, g_path), -EPERM);
}

Test(run_directory, what_is_no_directory_is_not_adopted)
{
    char link[96];
    snprintf(link, sizeof link, "%s/link", g_parent);
    cr_expect_eq(run_directory_adopt(&g_directory, "/nowhere/at/all"), -ENOENT);
    cr_expect_eq(run_directory_adopt(&g_directory, "/dev/null"), -ENOTDIR);
    cr_assert_eq(mkdir(g_path, 0700), 0);
    cr_assert_eq(symlink(g_path, link), 0);
    cr_expect_eq(run_directory_adopt(&g_directory, link), -ENOTDIR);
}

Test(run_directory, a_directory_with_something_else_for_a_ring_is_left_as_it_is)
{
    char ring[128];
    cr_assert_eq(mkdir(g_path, 0700), 0);
    snprintf(ring, sizeof ring, "%s/ring", g_path);
    int fd = open(ring, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(fd, "mine", 4), 4);
    close(fd);
    cr_expect_eq(run_directory_adopt(&g_directory, g_path), -EINVAL);
    struct stat st;
    cr_assert_eq(stat(ring, &st), 0);
    cr_expect_eq(st.st_size, 4);
}
