/* test_libtest_line.c - what Rust's libtest writes. */
#include "shim/libtest_line.h"

#include "base/compiler.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *bytes;
    enum libtest_event event;
    const char *name, *suite;
} TABLE[] = {
    {"\nrunning 12 tests\n", LIBTEST_BEGIN, NULL, NULL},
    {"\nrunning 1 test\n", LIBTEST_BEGIN, NULL, NULL},
    {"\nrunning  tests\n", LIBTEST_OTHER, NULL, NULL},
    {"running 1 test\n", LIBTEST_OTHER, NULL, NULL},
    {"\nrunning 1 test\nmore", LIBTEST_OTHER, NULL, NULL},
    {"test tests::deep::passes ... ", LIBTEST_NAME, "tests::deep::passes", "tests::deep"},
    {"test passes ... ", LIBTEST_NAME, "passes", ""},
    {"test passes    ... ", LIBTEST_NAME, "passes", ""},
    {"test a::b - should panic ... ", LIBTEST_NAME, "a::b", "a"},
    {"test src/lib.rs - add (line 3) ... ", LIBTEST_NAME, "src/lib.rs - add (line 3)", ""},
    {"test ... ", LIBTEST_OTHER, NULL, NULL},
    {"test  ... ", LIBTEST_OTHER, NULL, NULL},
    {"test a has been running for over 60 seconds\n", LIBTEST_OTHER, NULL, NULL},
    {"test a ... ok\n", LIBTEST_OTHER, NULL, NULL},
    {"ok", LIBTEST_OK, NULL, NULL},
    {"ok\n", LIBTEST_OTHER, NULL, NULL},
    {"FAILED", LIBTEST_FAILED, NULL, NULL},
    {"\033[32mok", LIBTEST_OK, NULL, NULL},
    {"\033(B\033[m\033[31mFAILED\033(B\033[m", LIBTEST_FAILED, NULL, NULL},
    {"\033[32", LIBTEST_OTHER, NULL, NULL},
    {"\033(B\033[m\n", LIBTEST_OTHER, NULL, NULL},
    {"ignored", LIBTEST_IGNORED, NULL, NULL},
    {"ignored, until later", LIBTEST_IGNORED, NULL, NULL},
    {"ignoredly", LIBTEST_OTHER, NULL, NULL},
    {"test result: ", LIBTEST_END, NULL, NULL},
    {"", LIBTEST_OTHER, NULL, NULL},
};

Test(libtest_line, what_is_written_in_one_go_is_one_event)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
        size_t len = strlen(TABLE[i].bytes);
        struct libtest_line line = libtest_line_parse(guarded(TABLE[i].bytes, len), len);
        cr_assert_eq(line.event, TABLE[i].event, "%s", TABLE[i].bytes);
        cr_assert_eq(line.name_len, TABLE[i].name ? strlen(TABLE[i].name) : 0, "%s", TABLE[i].bytes);
        cr_assert_eq(line.suite_len, TABLE[i].suite ? strlen(TABLE[i].suite) : 0, "%s", TABLE[i].bytes);
        if (TABLE[i].name)
            cr_assert_arr_eq(line.name, TABLE[i].name, line.name_len);
    }
}

Test(libtest_line, what_is_cut_off_is_not_read_beyond_its_end)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
        for (size_t len = 0; len <= strlen(TABLE[i].bytes); len++)
            libtest_line_parse(guarded(TABLE[i].bytes, len), len);
}
