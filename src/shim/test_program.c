/* Runners that start a process a test. Each says in its own way which test that is; src/README.md, "Tests". */
#include "shim/test_program.h"

#include "base/compiler.h"
#include "base/process.h"
#include "base/raw.h"
#include "base/text.h"
#include "export/ring_sink.h"
#include "shim/ctest_file.h"
#include "shim/node_test.h"
#include "shim/proc_file.h"
#include "shim/real.h"
#include "trace/active.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

enum { NAME_LEN_MAX = 512, COMMAND_LEN_MAX = 4096, WORDS_MAX = 128 };

/* What a runner makes of the exit status. */
enum judge {
    JUDGE_NO_TEST,
    JUDGE_NONE,           /* it goes by something else */
    JUDGE_FAILURES,       /* what is not 0 is a failure; 0 may be one, too */
    JUDGE_STATUS,         /* 0 is success, all else failure */
    JUDGE_AUTOMAKE,       /* 77 is skipped, 99 always a failure */
    JUDGE_AUTOMAKE_XFAIL, /* the same of one that is expected to fail */
    JUDGE_BATS,
    JUDGE_CRITERION,
};

static struct {
    bool is_test, has_failed;
    enum judge judge;
    struct test_name name;
    char name_bytes[NAME_LEN_MAX], suite_bytes[NAME_LEN_MAX];
} g_program;

/* The arguments of a process. */
struct command_line {
    char bytes[COMMAND_LEN_MAX];
    char *words[WORDS_MAX + 1]; /* NULL-terminated */
    size_t count;
};

static void command_line_read(int pid, struct command_line *line)
{
    size_t len = proc_file_read(pid, "cmdline", line->bytes, sizeof line->bytes);
    line->count = 0;
    for (char *at = line->bytes; at < line->bytes + len && line->count < WORDS_MAX; at += strlen(at) + 1)
        line->words[line->count++] = at;
    line->words[line->count] = NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void name_set(const char *name, size_t len)
{
    g_program.name.name = g_program.name_bytes;
    g_program.name.name_len = MIN(len, NAME_LEN_MAX);
    memcpy(g_program.name_bytes, name, g_program.name.name_len);
}

static void suite_set(const char *suite, size_t len)
{
    g_program.name.suite = g_program.suite_bytes;
    g_program.name.suite_len = MIN(len, NAME_LEN_MAX);
    memcpy(g_program.suite_bytes, suite, g_program.name.suite_len);
}

static bool found(enum judge judge)
{
    g_program.judge = judge;
    return g_program.is_test = true;
}

/* ---- by an environment variable that the process above does not have yet, unless that is run-traced ---- */

bool test_program_is_new_variable(int parent_pid, const char *entry)
{
    return ring_sink_is_command() || !proc_has_variable(parent_pid, entry);
}

/* RUN_TRACED_TEST=NAME. */
static bool by_variable(int parent_pid)
{
    const char *name = getenv("RUN_TRACED_TEST");
    char bytes[NAME_LEN_MAX + 32];
    struct text entry = text_on(bytes, sizeof bytes - 1);
    if (!name || !*name)
        return false;
    text_append_string(&entry, "RUN_TRACED_TEST=");
    text_append_string(&entry, name);
    if (entry.overflowed || !test_program_is_new_variable(parent_pid, text_terminate(&entry)))
        return false;
    name_set(name, strlen(name));
    return found(JUDGE_STATUS);
}

static bool is_interpreter(const char *path)
{
    static const char names[][8] = {"perl", "python", "ruby", "php", "node", "sh", "bash", "dash", "lua", "tclsh"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strncmp(base_name(path), names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* The program, or what an interpreter is to run. */
static const char *script_of(char *const argv[])
{
    if (is_interpreter(argv[0]))
        for (size_t i = 1; argv[i]; i++)
            if (argv[i][0] != '-')
                return argv[i];
    return argv[0];
}

/* prove, and what else is made of Perl's Test::Harness. By TAP a test that exits with 0 may have failed. */
static bool by_harness(char *const argv[], int parent_pid)
{
    if (!getenv("HARNESS_ACTIVE") || !test_program_is_new_variable(parent_pid, "HARNESS_ACTIVE="))
        return false;
    const char *script = script_of(argv);
    name_set(script, strlen(script));
    return found(JUDGE_FAILURES);
}

/* What Node is to run: the first word that belongs to no option, from the working directory if it lies there. */
static const char *node_script(char *const argv[])
{
    static const char *const with_value[] = {"-r", "--require", "--import", "--loader", "--experimental-loader",
                                             "-C", "--conditions"};
    size_t i = 1;
    while (argv[i] && argv[i][0] == '-') {
        bool has_value = false;
        for (size_t k = 0; k < ARRAY_LEN(with_value); k++)
            has_value = has_value || strcmp(argv[i], with_value[k]) == 0;
        i += has_value && argv[i + 1] ? 2 : 1;
    }
    return argv[i];
}

static const char *below_working_directory(const char *path)
{
    char here[1024];
    size_t len = getcwd(here, sizeof here) ? strlen(here) : 0;
    return len && strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

/* node --test: a process for each file, which exits with 1 if a test in it fails. */
static bool by_node(char *const argv[], int parent_pid)
{
    const char *script = node_test_is_file(parent_pid) ? node_script(argv) : NULL;
    if (!script)
        return false;
    script = below_working_directory(script);
    name_set(script, strlen(script));
    return found(JUDGE_STATUS);
}

/* ---- by arguments ---- */

static size_t words_count(char *const words[])
{
    size_t count = 0;
    while (words[count])
        count++;
    return count;
}

/* Does @argv end with @words? A script has its interpreter before it. */
static bool ends_with(char *const argv[], char *const words[])
{
    size_t count = words_count(words), argc = words_count(argv);
    if (!count || count > argc)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(argv[argc - count + i], words[i]) != 0)
            return false;
    return true;
}

/* Where in @words the test driver's name is, or where they end. */
static size_t test_driver_at(char *const words[])
{
    enum { DRIVER_AT_MAX = 3 };
    size_t i = 0;
    while (words[i] && i < DRIVER_AT_MAX && strcmp(base_name(words[i]), "test-driver") != 0)
        i++;
    return i < DRIVER_AT_MAX ? i : words_count(words);
}

static bool is_ctest(char *const words[])
{
    return words[0] && strcmp(base_name(words[0]), "ctest") == 0;
}

bool test_program_is_runner(char *const argv[])
{
    return is_ctest(argv) || (argv[0] && argv[test_driver_at(argv)]);
}

/* automake: sh test-driver --test-name NAME ... --expect-failure no -- PROGRAM ... */
static bool by_test_driver(char *const argv[], const struct command_line *parent)
{
    size_t i = test_driver_at(parent->words), name = 0;
    bool is_failure_expected = false;
    if (!parent->words[i])
        return false;
    for (i++; i + 1 < parent->count && strcmp(parent->words[i], "--") != 0; i++) {
        if (strcmp(parent->words[i], "--test-name") == 0)
            name = i + 1;
        if (strcmp(parent->words[i], "--expect-failure") == 0)
            is_failure_expected = strcmp(parent->words[i + 1], "yes") == 0;
    }
    if (!name || i + 1 >= parent->count || !ends_with(argv, (char *const *)parent->words + i + 1))
        return false;
    name_set(parent->words[name], strlen(parent->words[name]));
    return found(is_failure_expected ? JUDGE_AUTOMAKE_XFAIL : JUDGE_AUTOMAKE);
}

/* As bats writes names: '_' for a blank, -HH for any other byte but letters and digits; -2d5f for '_' in some. */
static void bats_name_set(const char *encoded)
{
    static const char digits[] = "0123456789abcdef";
    char bytes[NAME_LEN_MAX];
    struct text name = text_on(bytes, sizeof bytes);
    for (const char *at = encoded + strlen("test_"); *at; at++) {
        if (strncmp(at, "-2d5f", strlen("-2d5f")) == 0) {
            text_append_char(&name, '_');
            at += strlen("-2d5f") - 1;
            continue;
        }
        const char *high = at[0] == '-' && at[1] ? strchr(digits, at[1]) : NULL;
        const char *low = high && at[2] ? strchr(digits, at[2]) : NULL;
        text_append_char(&name, low ? (char)((high - digits) << 4 | (low - digits)) : *at == '_' ? ' ' : *at);
        at += low ? 2 : 0;
    }
    name_set(name.bytes, name.len);
}

/* bats: bash bats-exec-test [OPTIONS] FILE test_NAME ... */
static bool by_bats(char *const argv[])
{
    size_t i = strcmp(base_name(argv[0]), "bats-exec-test") == 0 ? 1 : 2;
    if (i == 2 && (!argv[1] || strcmp(base_name(argv[1]), "bats-exec-test") != 0))
        return false;
    for (; argv[i] && argv[i + 1]; i++)
        if (argv[i][0] != '-' && strncmp(argv[i + 1], "test_", strlen("test_")) == 0)
            break;
    if (!argv[i] || !argv[i + 1])
        return false;
    suite_set(argv[i], strlen(argv[i]));
    bats_name_set(argv[i + 1]);
    return found(JUDGE_BATS);
}

static bool by_criterion(char *const argv[])
{
    if (strcmp(argv[0], "boxfort-worker") != 0 || !getenv("BXFI_MAP"))
        return false;
    return found(JUDGE_CRITERION); /* its name is known to it alone, and later */
}

static bool by_ctest_file(const char *path, char *const argv[])
{
    struct stat st;
    struct ctest_test test;
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    bool is_file = fd >= 0 && raw_fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    void *text = is_file ? raw_mmap((size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd) : NULL;
    if (fd >= 0)
        raw_close(fd);
    bool is_there = text && ctest_file_find(text, (size_t)st.st_size, argv, &test);
    if (is_there) {
        name_set(test.name, test.name_len);
        found(test.is_judged_by_status ? JUDGE_STATUS : JUDGE_NONE);
    }
    if (text)
        raw_munmap(text, (size_t)st.st_size);
    return is_there;
}

/* --gtest_filter with one test in it: what gtest_discover_tests makes. */
static const char *gtest_filter(char *const argv[])
{
    static const char option[] = "--gtest_filter=";
    for (size_t i = 1; argv[i]; i++)
        if (strncmp(argv[i], option, sizeof option - 1) == 0 && !strpbrk(argv[i], "*?:"))
            return argv[i] + sizeof option - 1;
    return NULL;
}

/* CTest tells a test nothing of its name. The file that has it lies where tests are run, unless they ask for another place, or
 * where ctest was started. */
static bool by_ctest(char *const argv[], const struct command_line *parent)
{
    static const char file[] = "/CTestTestfile.cmake";
    char path[1024];
    struct text there = text_on(path, sizeof path - 1);
    const char *started_in = getenv("PWD");
    if (!is_ctest(parent->words))
        return false;
    text_append_string(&there, started_in ? started_in : "");
    text_append_string(&there, file);
    if (by_ctest_file(file + 1, argv) || by_ctest_file(text_terminate(&there), argv))
        return true;
    const char *name = gtest_filter(argv);
    if (!name)
        name = base_name(script_of(argv));
    name_set(name, strlen(name));
    return found(JUDGE_NONE);
}

/* May the arguments of who has started us say more? To ask /proc for them costs as much as 20 system calls. */
static bool has_started_tests(int parent_pid)
{
    const struct active_context *environment = active_environment();
    return !environment || ring_sink_parent_runs_tests(parent_pid, environment->context.span_id);
}

static bool is_test(char *const argv[], int parent_pid)
{
    static BULKY struct command_line parent;
    if (by_variable(parent_pid) || by_criterion(argv) || by_bats(argv) || by_harness(argv, parent_pid) ||
        by_node(argv, parent_pid))
        return true;
    if (!has_started_tests(parent_pid))
        return false;
    command_line_read(parent_pid, &parent);
    return by_test_driver(argv, &parent) || by_ctest(argv, &parent);
}

/* What a test's process becomes by exec goes on with that test: the collector takes it off the one before. */
static bool is_sequel(void)
{
    const struct span *before = ring_sink_predecessor();
    struct attribute_iterator iterator;
    struct attribute attribute;
    if (!before || before->role != SPAN_ROLE_PROCESS || !before->test_judge)
        return false;
    attribute_begin(&iterator, before);
    while (attribute_next(&iterator, &attribute)) {
        if (attribute.type == ATTRIBUTE_STRING && attribute.key == ATTRIBUTE_TEST_CASE_NAME)
            name_set(attribute.string, attribute.len);
        if (attribute.type == ATTRIBUTE_STRING && attribute.key == ATTRIBUTE_TEST_SUITE_NAME)
            suite_set(attribute.string, attribute.len);
    }
    return found((enum judge)before->test_judge);
}

bool test_program_begin(char *const argv[], int parent_pid)
{
    return argv[0] && (is_sequel() || is_test(argv, parent_pid));
}

bool test_program_is_test(void)
{
    return g_program.is_test;
}

size_t test_program_script(char *bytes, size_t size)
{
    static BULKY struct command_line own;
    command_line_read(process_pid(), &own);
    if (!own.count)
        return 0;
    const char *script = script_of(own.words);
    size_t len = MIN(strlen(script), size);
    memcpy(bytes, script, len);
    return len;
}

void test_program_forget(struct span *span)
{
    g_program.is_test = false;
    if (!span)
        return;
    span->test_judge = JUDGE_NO_TEST;
    span_forget_test(span);
}

/* ---- what is said of it ---- */

void test_program_describe(struct span *span)
{
    span->test_judge = (uint8_t)g_program.judge;
    if (!g_program.is_test || !g_program.name.name_len)
        return;
    span_set_long_name(span, g_program.name.name, g_program.name.name_len);
    test_span_describe(span, &g_program.name);
}

/* As Criterion's types.h has it, from version 2 on. */
struct criterion_test {
    const char *name, *category;
};

void test_program_describe_criterion(struct span *span)
{
    struct criterion_test **test = real_dlsym(RTLD_DEFAULT, "criterion_current_test");
    if (g_program.judge != JUDGE_CRITERION || !test || !*test || !(*test)->name)
        return;
    name_set((*test)->name, strnlen((*test)->name, NAME_LEN_MAX));
    if ((*test)->category)
        suite_set((*test)->category, strnlen((*test)->category, NAME_LEN_MAX));
    test_program_describe(span);
}

void test_program_note_failure(void)
{
    g_program.has_failed = true;
}

/* Who skips a test there exits with 0: its own variable tells, by the function that bash has for its plugins. */
static enum test_result bats_result(int status)
{
    const char *(*get_string_value)(const char *) =
        (const char *(*)(const char *))real_dlsym(RTLD_DEFAULT, "get_string_value");
    if (status != 0)
        return TEST_FAIL;
    const char *reason = get_string_value ? get_string_value("BATS_TEST_SKIPPED") : NULL;
    if (!get_string_value)
        return TEST_UNKNOWN;
    return reason && *reason ? TEST_SKIPPED : TEST_PASS;
}

static enum test_result automake_result(int status, bool is_failure_expected)
{
    if (status == 77)
        return TEST_SKIPPED;
    if (status == 99)
        return TEST_FAIL;
    return (status != 0) == is_failure_expected ? TEST_PASS : TEST_FAIL;
}

static enum test_result result_of(int status)
{
    switch (g_program.judge) {
    case JUDGE_FAILURES:
        return status ? TEST_FAIL : TEST_UNKNOWN;
    case JUDGE_STATUS:
        return status ? TEST_FAIL : TEST_PASS;
    case JUDGE_AUTOMAKE:
    case JUDGE_AUTOMAKE_XFAIL:
        return automake_result(status, g_program.judge == JUDGE_AUTOMAKE_XFAIL);
    case JUDGE_BATS:
        return bats_result(status);
    default:
        return g_program.has_failed ? TEST_FAIL : TEST_UNKNOWN;
    }
}

void test_program_end(struct span *span, int status)
{
    if (!g_program.is_test)
        return;
    char bytes[48];
    struct text message = text_on(bytes, sizeof bytes);
    text_append_string(&message, g_program.has_failed ? "an assertion failed" : "the test exited with status ");
    if (!g_program.has_failed)
        text_append_decimal(&message, status);
    test_span_describe_result(span, result_of(status), text_terminate(&message));
}
