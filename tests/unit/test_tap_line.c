/* test_tap_line.c - lines of the Test Anything Protocol. */
#include "shim/tap_line.h"

#include "base/compiler.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *line;
    enum tap_kind kind;
    uint32_t number;
    const char *name;
    enum tap_directive directive;
} TABLE[] = {
    {"TAP version 13", TAP_VERSION, 0, NULL, TAP_NO_DIRECTIVE},
    {"1..3", TAP_PLAN, 3, NULL, TAP_NO_DIRECTIVE},
    {"1..3\r", TAP_PLAN, 3, NULL, TAP_NO_DIRECTIVE},
    {"1..0 # SKIP no network", TAP_PLAN, 0, NULL, TAP_SKIP},
    {"1..", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"1..3x", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"1..99999999999999999999", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"ok", TAP_OK, 0, NULL, TAP_NO_DIRECTIVE},
    {"ok 1", TAP_OK, 1, NULL, TAP_NO_DIRECTIVE},
    {"ok 12 - a name", TAP_OK, 12, "a name", TAP_NO_DIRECTIVE},
    {"ok 12 a name", TAP_OK, 12, "a name", TAP_NO_DIRECTIVE},
    {"ok - a name", TAP_OK, 0, "a name", TAP_NO_DIRECTIVE},
    {"ok a name", TAP_OK, 0, "a name", TAP_NO_DIRECTIVE},
    {"ok 2nd of all", TAP_OK, 0, "2nd of all", TAP_NO_DIRECTIVE},
    {"not ok 3 - fails", TAP_NOT_OK, 3, "fails", TAP_NO_DIRECTIVE},
    {"ok 4 # skip not here", TAP_OK, 4, NULL, TAP_SKIP},
    {"ok 4 - x # SKIPPED: not here", TAP_OK, 4, "x", TAP_SKIP},
    {"not ok 5 - later # TODO", TAP_NOT_OK, 5, "later", TAP_TODO},
    {"not ok 5 - later #todo so", TAP_NOT_OK, 5, "later", TAP_TODO},
    {"ok 6 - number # 6", TAP_OK, 6, "number # 6", TAP_NO_DIRECTIVE},
    {"ok 6 - number \\# TODO", TAP_OK, 6, "number \\# TODO", TAP_NO_DIRECTIVE},
    {"Bail out!  why", TAP_BAIL_OUT, 0, NULL, TAP_NO_DIRECTIVE},
    {"    ok 1 - a subtest's", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"okay then", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"not okay", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"# ok 1", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
    {"", TAP_OTHER, 0, NULL, TAP_NO_DIRECTIVE},
};

Test(tap_line, each_kind_is_known_with_its_parts)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
        size_t len = strlen(TABLE[i].line);
        struct tap_line line = tap_line_parse(guarded(TABLE[i].line, len), len);
        cr_assert_eq(line.kind, TABLE[i].kind, "%s", TABLE[i].line);
        cr_assert_eq(line.number, TABLE[i].number, "%s: %u", TABLE[i].line, line.number);
        cr_assert_eq(line.directive, TABLE[i].directive, "%s", TABLE[i].line);
        cr_assert_eq(line.name_len, TABLE[i].name ? strlen(TABLE[i].name) : 0, "%s", TABLE[i].line);
        if (TABLE[i].name)
            cr_assert_arr_eq(line.name, TABLE[i].name, line.name_len, "%s", TABLE[i].line);
    }
}

Test(tap_line, what_is_cut_off_is_not_read_beyond_its_end)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
        for (size_t len = 0; len <= strlen(TABLE[i].line); len++)
            tap_line_parse(guarded(TABLE[i].line, len), len);
}
