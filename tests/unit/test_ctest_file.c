/* test_ctest_file.c - which test of CTest's a command is. */
#include "shim/ctest_file.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

static const char TEXT[] =
    "# CMake generated Testfile for \n"
    "add_test(first \"/bin/sh\" \"-c\" \"echo \\\"a\\\" \\\\ \\$b\")\n"
    "set_tests_properties(first PROPERTIES  _BACKTRACE_TRIPLES \"x\")\n"
    "add_test([=[has a space]=] \"/b/prog\" \"one two\")\n"
    "set_tests_properties([=[has a space]=] PROPERTIES  WILL_FAIL \"1\")\n"
    "  add_test(searched \"true\")\n"
    "add_test(script \"./t.sh\" \"x\")\n"
    "add_test(relative \"./bin/prog\")\n"
    "add_test(twin1 \"/b/twin\")\n"
    "add_test(twin2 \"/b/twin\")\n"
    "subdirs(\"sub\")\n";

struct one {
    const char *argv[5];
    const char *name; /* NULL: none */
    bool is_judged_by_status;
};

static const struct one TABLE[] = {
    {{"/bin/sh", "-c", "echo \"a\" \\ $b"}, "first", true},
    {{"/bin/sh", "-c"}, NULL, false},
    {{"/bin/sh", "-c", "echo \"a\" \\ $b", "more"}, NULL, false},
    {{"/b/prog", "one two"}, "has a space", false},
    {{"/usr/bin/true"}, "searched", true},
    {{"true"}, "searched", true},
    {{"/usr/bin/untrue"}, NULL, false},
    {{"/bin/sh", "./t.sh", "x"}, "script", true},
    {{"/usr/bin/env", "sh", "./t.sh", "x"}, "script", true},
    {{"/b/bin/prog"}, "relative", true},
    {{"/b/notbin/prog"}, NULL, false},
    {{"prog"}, NULL, false},
    {{"/b/twin"}, NULL, false},
};

static void check(const struct one *one, const char *text, size_t len)
{
    struct ctest_test found;
    bool is_found = ctest_file_find(text, len, (char *const *)one->argv, &found);
    cr_assert_eq(is_found, one->name != NULL, "%s", one->argv[0]);
    if (!is_found)
        return;
    cr_assert_eq(found.name_len, strlen(one->name));
    cr_assert_arr_eq(found.name, one->name, found.name_len);
    cr_assert_eq(found.is_judged_by_status, one->is_judged_by_status, "%s", one->name);
}

Test(ctest_file, tests_are_found_by_their_commands)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
        check(&TABLE[i], TEXT, sizeof TEXT - 1);
}

/* The page behind it cannot be read. */
Test(ctest_file, a_text_that_is_cut_off_anywhere_is_not_read_beyond_its_end)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    for (size_t len = 0; len < sizeof TEXT; len++) {
        char *text = pages + 4096 - len;
        struct ctest_test found;
        memcpy(text, TEXT, len);
        for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
            ctest_file_find(text, len, (char *const *)TABLE[i].argv, &found);
    }
}
