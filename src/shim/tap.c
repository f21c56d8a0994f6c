/* Believed is only what is sure: a plan that comes before the first test; numbers, where there are any, without a gap;
 * one test a write, since what was buffered does not say when; the same file as at first, as shells put others in its
 * place. Who merely passes on what another program writes reads that from a pipe. */
#include "shim/tap.h"

#include "base/lock.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/raw.h"
#include "base/text.h"
#include "shim/tap_line.h"
#include "shim/test_output.h"
#include "shim/test_program.h"
#include "shim/test_span.h"
#include "trace/span.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LINE_LEN_MAX = 1024, WRITE_LEN_MAX = 65536, SUITE_LEN_MAX = 512 };

static struct lock g_lock; /* guards what follows */
static int g_pid, g_fd;
static struct stat g_file;            /* the standard output of the program; st_ino 0: none */
static bool g_has_plan;
static uint32_t g_planned, g_number;  /* how many tests; which one is running, from 1 on */
static custom_span_id g_test;         /* the same */
static BULKY char g_suite[SUITE_LEN_MAX];
static size_t g_suite_len;
static BULKY char g_line[LINE_LEN_MAX];     /* what has no end yet */
static size_t g_line_len;

/* ---- a test's span ---- */

static void number_name(struct text *name)
{
    text_append_string(name, "test ");
    text_append_decimal(name, g_number);
}

/* What it is called is known at its end. */
static void begin(void)
{
    char bytes[32];
    struct text name = text_on(bytes, sizeof bytes);
    if (++g_number > g_planned)
        return;
    number_name(&name);
    g_test = custom_span_begin(CUSTOM_SPAN_TEST, name.bytes, name.len, 0);
}

static void name_describe(struct span *span, const void *argument)
{
    const struct test_name *name = argument;
    span_set_long_name(span, name->name, name->name_len);
    test_span_describe(span, name);
}

static enum test_result result_of(const struct tap_line *line)
{
    if (line->directive == TAP_SKIP || (line->directive == TAP_TODO && line->kind == TAP_NOT_OK))
        return TEST_SKIPPED;
    return line->kind == TAP_OK ? TEST_PASS : TEST_FAIL;
}

static void end(const struct tap_line *line)
{
    char bytes[32];
    struct text numbered = text_on(bytes, sizeof bytes);
    number_name(&numbered);
    struct test_name name = {
        .suite = g_suite, .suite_len = g_suite_len, .name = numbered.bytes, .name_len = numbered.len};
    if (line->name) {
        name.name = line->name;
        name.name_len = line->name_len;
    }
    custom_span_use(g_test, name_describe, &name);
    test_span_set_result(g_test, result_of(line), NULL);
    custom_span_end(g_test, 0);
    g_test = 0;
}

/* Nothing is said of the test that is running. */
static void give_up(void)
{
    test_output_set_looker(NULL);
    custom_span_end(g_test, 0);
    g_test = 0;
}

/* ---- lines ---- */

static bool is_same_file(int fd)
{
    struct stat now;
    return g_file.st_ino && raw_fstat(fd, &now) == 0 && now.st_dev == g_file.st_dev && now.st_ino == g_file.st_ino;
}

static void plan_take(const struct tap_line *line)
{
    if (g_has_plan || !line->number) {
        give_up();
        return;
    }
    g_has_plan = true;
    g_planned = line->number;
    begin();
}

/* False: there is nothing more to be looked at. */
static bool line_take(const char *bytes, size_t len)
{
    struct tap_line line = tap_line_parse(bytes, len);
    if (line.kind == TAP_OTHER || line.kind == TAP_VERSION)
        return true;
    if (!is_same_file(g_fd))
        return true;
    if (line.kind == TAP_PLAN) {
        plan_take(&line);
        return g_test != 0;
    }
    bool is_next = g_has_plan && line.kind != TAP_BAIL_OUT && (!line.number || line.number == g_number);
    if (!is_next) {
        give_up();
        return false;
    }
    end(&line);
    begin();
    if (!g_test)
        test_output_set_looker(NULL);
    return g_test != 0;
}

static bool is_test(const char *bytes, size_t len)
{
    enum tap_kind kind = tap_line_parse(bytes, len).kind;
    return kind == TAP_OK || kind == TAP_NOT_OK;
}

/* How many results of tests there are in whole lines. */
static size_t tests_count(const char *bytes, size_t len)
{
    size_t count = 0;
    const char *end;
    for (; (end = memchr(bytes, '\n', len)); len -= (size_t)(end + 1 - bytes), bytes = end + 1)
        count += is_test(bytes, (size_t)(end - bytes));
    return count;
}

/* Lines that are too long are none of ours. */
static void bytes_take(const char *bytes, size_t len)
{
    const char *end;
    for (; (end = memchr(bytes, '\n', len)); len -= (size_t)(end + 1 - bytes), bytes = end + 1) {
        struct text line = {.bytes = g_line, .len = g_line_len, .capacity = sizeof g_line};
        text_append(&line, bytes, (size_t)(end - bytes));
        g_line_len = 0;
        if (!line_take(line.bytes, line.len))
            return;
    }
    struct text rest = {.bytes = g_line, .len = g_line_len, .capacity = sizeof g_line};
    text_append(&rest, bytes, len);
    g_line_len = rest.len;
}

static COLD void look(int fd, const char *bytes, size_t len)
{
    int saved = errno;
    if (fd == g_fd && process_pid() == g_pid && !process_is_vfork_child() && lock_acquire(&g_lock)) {
        bool is_line = len <= WRITE_LEN_MAX && memory_is_readable(bytes, len) && tests_count(bytes, len) <= 1;
        if (is_line)
            bytes_take(bytes, len);
        else
            give_up();
        lock_release(&g_lock);
    }
    errno = saved;
}

/* ---- is it TAP ---- */

void tap_begin(void)
{
    if (raw_fstat(STDOUT_FILENO, &g_file) < 0)
        g_file.st_ino = 0;
}

static bool may_begin(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', MIN(len, LINE_LEN_MAX));
    enum tap_kind kind = end ? tap_line_parse(bytes, (size_t)(end - bytes)).kind : TAP_OTHER;
    return (kind == TAP_VERSION || kind == TAP_PLAN) && len <= WRITE_LEN_MAX && tests_count(bytes, len) == 0;
}

/* What passes on, say tee, reads from a pipe. */
static bool passes_on(void)
{
    struct stat in;
    return raw_fstat(STDIN_FILENO, &in) == 0 && (S_ISFIFO(in.st_mode) || S_ISSOCK(in.st_mode));
}

bool tap_recognise(int fd, const char *bytes, size_t len)
{
    if (!may_begin(bytes, len) || !is_same_file(fd) || passes_on())
        return false;
    g_fd = fd;
    g_pid = process_pid();
    g_suite_len = test_program_script(g_suite, sizeof g_suite);
    test_output_set_looker(look);
    look(fd, bytes, len);
    return true;
}
