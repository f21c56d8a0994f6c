/* tap_line.h - one line of the Test Anything Protocol, versions 12 to 14 (testanything.org). */
#ifndef RUN_TRACED_SHIM_TAP_LINE_H
#define RUN_TRACED_SHIM_TAP_LINE_H

#include <stddef.h>
#include <stdint.h>

enum tap_kind {
    TAP_OTHER,    /* diagnostics, pragmas, YAML, subtests, which are indented, and what is no TAP at all */
    TAP_VERSION,  /* "TAP version 13" */
    TAP_PLAN,     /* "1..3" */
    TAP_OK,       /* "ok 1 - name" */
    TAP_NOT_OK,   /* "not ok 1 - name" */
    TAP_BAIL_OUT, /* "Bail out!" */
};

enum tap_directive { TAP_NO_DIRECTIVE, TAP_SKIP, TAP_TODO };

struct tap_line {
    enum tap_kind kind;
    enum tap_directive directive; /* of a test; of a plan TAP_SKIP: nothing is run */
    uint32_t number;              /* of a test, 0: not said; of a plan: of how many tests */
    const char *name;             /* of a test: not NUL-terminated, lies in the line; NULL: none */
    size_t name_len;
};

/* tap_line_parse - @line: without its end. */
struct tap_line tap_line_parse(const char *line, size_t len);

#endif
