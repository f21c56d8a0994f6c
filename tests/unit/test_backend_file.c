/* test_backend_file.c - messages in files: each once, and only files are rotated. */
#include "backend/delivery.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char g_folder[] = "/tmp/backend-file-XXXXXX", g_rotated[TARGET_PATH_LEN_MAX + 8];
static struct target g_target;
static struct transport *g_transport;

static void open_at(const char *name)
{
    struct text reason = {0};
    char path[sizeof g_folder + 32];
    cr_assert_not_null(mkdtemp(g_folder));
    snprintf(path, sizeof path, "%s/%s", g_folder, name);
    target_file(path, &FORMAT_NATIVE, &g_target);
    snprintf(g_rotated, sizeof g_rotated, "%s.1", path);
    g_transport = file_transport_open(&g_target, &reason);
    cr_assert_not_null(g_transport);
}

static enum delivery_outcome send_text(const char *text)
{
    struct delivery delivery;
    size_t len = strlen(text);
    struct message *message = malloc(sizeof *message + len);
    *message = (struct message){.span_count = 1, .len = len};
    memcpy(message->bytes, text, len);
    transport_send(g_transport, message, &delivery);
    free(message);
    return delivery.outcome;
}

static void close_all(void)
{
    transport_close(g_transport);
    unlink(g_target.path);
    unlink(g_rotated);
    rmdir(g_folder);
}

static void limit_set(rlim_t len)
{
    struct rlimit limit = {len, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void expect_content(const char *path, const char *expected)
{
    char content[64] = "";
    int fd = open(path, O_RDONLY);
    cr_expect(read(fd, content, sizeof content - 1) >= 0);
    cr_expect_str_eq(content, expected);
    close(fd);
}

Test(backend_file, what_a_full_disk_took_is_not_written_again)
{
    open_at("spans");
    limit_set(9);
    cr_expect_eq(send_text("first\nsecond\nthird"), DELIVERY_LATER);
    cr_expect_eq(send_text("first\nsecond\nthird"), DELIVERY_LATER);
    limit_set(18);
    cr_expect_eq(send_text("first\nsecond\nthird"), DELIVERY_LATER, "the end of the line alone is wanting");
    limit_set(RLIM_INFINITY);
    cr_expect_eq(send_text("first\nsecond\nthird"), DELIVERY_DONE);
    cr_expect_eq(send_text("next\n"), DELIVERY_DONE);
    expect_content(g_target.path, "first\nsecond\nthird\nnext\n");
    close_all();
}

Test(backend_file, it_is_rotated_before_it_grows_too_long)
{
    open_at("spans");
    g_target.rotate_len = 8;
    cr_expect_eq(send_text("first\n"), DELIVERY_DONE);
    cr_expect_eq(send_text("next\n"), DELIVERY_DONE);
    expect_content(g_rotated, "first\n");
    expect_content(g_target.path, "next\n");
    close_all();
}

/* /dev/null would be gone for all. */
Test(backend_file, a_device_is_never_moved_away)
{
    open_at("fifo");
    g_target.rotate_len = 8;
    cr_assert_eq(mkfifo(g_target.path, 0600), 0);
    int reader = open(g_target.path, O_RDWR);
    cr_expect_eq(send_text("first\n"), DELIVERY_DONE);
    cr_expect_eq(send_text("next\n"), DELIVERY_DONE);
    cr_expect_eq(access(g_rotated, F_OK), -1);
    close(reader);
    close_all();
}
