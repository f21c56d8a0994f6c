#include "launcher/command.h"

#include "launcher/library.h"
#include "launcher/process_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void enter_new_directory(void)
{
    static char directory[] = "/tmp/test_command_XXXXXX";
    cr_assert(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
}

TestSuite(command, .init = enter_new_directory);

static void make_file(const char *path, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

Test(command, is_found_as_a_shell_finds_it)
{
    char path[PATH_MAX];
    mkdir("a", 0755);
    mkdir("b", 0755);
    mkdir("a/dir", 0755);
    make_file("a/plain", 0644);
    make_file("b/plain", 0755);
    make_file("b/dir", 0755);
    make_file("a/locked", 0644);
    make_file("here", 0755);
    setenv("PATH", "nowhere:a:b:", 1);
    static const struct {
        const char *name;
        int result;
        const char *path;
    } cases[] = {
        {"plain", 0, "b/plain"}, {"dir", 0, "b/dir"},      {"here", 0, "here"},
        {"locked", -EACCES, ""}, {"missing", -ENOENT, ""}, {"a/plain", -EACCES, ""},
        {"./here", 0, "./here"}, {"a/dir", -EISDIR, ""},   {"./missing", -ENOENT, ""},
        {"", -ENOENT, ""},       {"here/x", -ENOTDIR, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(command_find(cases[i].name, path, sizeof path), cases[i].result, "%s",
                     cases[i].name);
        if (cases[i].result == 0)
            cr_expect_str_eq(path, cases[i].path);
    }
}

Test(command, is_found_without_a_path_variable)
{
    char path[PATH_MAX];
    unsetenv("PATH");
    cr_expect_eq(command_find("sh", path, sizeof path), 0);
    setenv("PATH", "", 1);
    make_file("here", 0755);
    cr_expect_eq(command_find("here", path, sizeof path), 0);
    cr_expect_eq(command_find("sh", path, sizeof path), -ENOENT);
}

Test(command, path_that_is_too_long_is_no_match)
{
    char path[8];
    setenv("PATH", "/a/long/directory:.", 1);
    make_file("x", 0755);
    cr_expect_eq(command_find("x", path, sizeof path), 0);
    cr_expect_eq(command_find("./longname", path, sizeof path), -ENAMETOOLONG);
}

Test(library, joins_what_is_preloaded_already)
{
    static const struct {
        const char *existing, *wanted;
    } cases[] = {
        {NULL, "/x/librun-traced.so"},
        {"", "/x/librun-traced.so"},
        {"libasan.so", "libasan.so:/x/librun-traced.so"},
        {"a.so b.so", "a.so:b.so:/x/librun-traced.so"},
        {":a.so::", "a.so:/x/librun-traced.so"},
        {"/x/librun-traced.so", "/x/librun-traced.so"},
        {"/tmp/run-traced-0/librun-traced-0123.so:a.so", "a.so:/x/librun-traced.so"},
        {"/librun-traced/a.so", "/librun-traced/a.so:/x/librun-traced.so"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char value[128];
        cr_assert_eq(
            library_preload_value(cases[i].existing, "/x/librun-traced.so", value, sizeof value),
            0);
        cr_expect_str_eq(value, cases[i].wanted);
    }
}

Test(library, does_not_cut_a_long_value)
{
    char value[20]; /* "/x/librun-traced.so" and its end just fit */
    cr_expect_eq(library_preload_value(NULL, "/x/librun-traced.so", value, sizeof value), 0);
    cr_expect_eq(library_preload_value("a", "/x/librun-traced.so", value, sizeof value),
                 -ENAMETOOLONG);
}

Test(library, links_to_a_path_that_cannot_be_named)
{
    char link[PATH_MAX], again[PATH_MAX], target[PATH_MAX];
    cr_assert_eq(library_link("/a b/librun-traced.so", link, sizeof link), 0);
    cr_assert_eq(library_link("/a b/librun-traced.so", again, sizeof again), 0);
    cr_expect_str_eq(link, again);
    ssize_t len = readlink(link, target, sizeof target - 1);
    cr_assert_gt(len, 0);
    target[len] = 0;
    cr_expect_str_eq(target, "/a b/librun-traced.so");
    unlink(link);
}

Test(process_tree, knows_descendants)
{
    cr_expect(process_descends_from(getpid(), getppid()));
    cr_expect_not(process_descends_from(getppid(), getpid()));
    cr_expect_not(process_descends_from(getpid(), getpid()));
    cr_expect_not(process_descends_from(0, getpid()));
    cr_expect_not(process_is_stopped(getpid()));
}
