#include "launcher/spans_file.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void enter_new_directory(void)
{
    static char directory[] = "/tmp/test_spans_file_XXXXXX";
    cr_assert(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
    cr_redirect_stderr();
}

TestSuite(spans_file, .init = enter_new_directory);

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

static void expect_text(const char *path, const char *wanted)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s is missing", path);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = 0;
    fclose(file);
    cr_expect_str_eq(text, wanted, "%s", path);
}

Test(spans_file, is_private_and_closed_on_exec)
{
    struct stat st;
    umask(0);
    int fd = spans_file_create("f");
    cr_assert_geq(fd, 0);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

Test(spans_file, keeps_one_older_file)
{
    put("f", "two");
    put("f.old", "one");
    cr_assert_geq(spans_file_create("f"), 0);
    expect_text("f", "");
    expect_text("f.old", "two");
}

Test(spans_file, does_not_keep_an_empty_file)
{
    put("f", "");
    put("f.old", "one");
    cr_assert_geq(spans_file_create("f"), 0);
    expect_text("f.old", "one");
}

Test(spans_file, is_shared_while_another_run_writes_it)
{
    int first = spans_file_create("f");
    cr_assert_eq(write(first, "span", 4), 4);
    int second = spans_file_create("f");
    cr_assert_geq(second, 0);
    cr_assert_eq(write(second, "span", 4), 4);
    expect_text("f", "spanspan");
    cr_expect_eq(access("f.old", F_OK), -1);
    close(first);
    cr_assert_geq(spans_file_create("f"), 0);
    cr_expect_eq(access("f.old", F_OK), -1, "the second run still writes it");
    close(second);
}

Test(spans_file, appends_where_asked_to)
{
    put("f", "one");
    int fd = spans_file_append("f");
    cr_assert_eq(write(fd, "two", 3), 3);
    expect_text("f", "onetwo");
}

Test(spans_file, takes_a_character_device_as_it_is)
{
    cr_expect_geq(spans_file_create("/dev/null"), 0);
    cr_expect_geq(spans_file_append("/dev/full"), 0);
    cr_expect_eq(access("/dev/null.old", F_OK), -1);
}

Test(spans_file, refuses_what_is_no_file)
{
    put("target", "precious");
    cr_assert_eq(symlink("target", "link"), 0);
    cr_assert_eq(symlink("nowhere", "dangling"), 0);
    cr_assert_eq(mkdir("directory", 0700), 0);
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    cr_expect_eq(spans_file_create("link"), -ELOOP);
    cr_expect_eq(spans_file_append("link"), -ELOOP);
    cr_expect_eq(spans_file_create("dangling"), -ELOOP);
    cr_expect_eq(spans_file_create("directory"), -EISDIR);
    cr_expect_eq(spans_file_create("fifo"), -ENXIO);
    cr_expect_eq(spans_file_create("no/such"), -ENOENT);
    cr_expect_eq(spans_file_create("f/"), -EISDIR);
    expect_text("target", "precious");
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    cr_expect_lt(spans_file_create("fifo"), 0);
    close(reader);
}

Test(spans_file, reports_an_older_file_that_cannot_be_kept)
{
    put("f", "two");
    cr_assert_eq(mkdir("f.old", 0700), 0);
    cr_expect_eq(spans_file_create("f"), -EISDIR);
    expect_text("f", "two");
}
