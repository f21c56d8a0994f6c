/* libtest_line.h - what libtest, the runner in a Rust program's tests, writes in one go to its standard output. */
#ifndef RUN_TRACED_SHIM_LIBTEST_LINE_H
#define RUN_TRACED_SHIM_LIBTEST_LINE_H

#include <stddef.h>

enum libtest_event {
    LIBTEST_OTHER,
    LIBTEST_BEGIN,   /* "\nrunning 2 tests\n" */
    LIBTEST_NAME,    /* "test module::name ... " */
    LIBTEST_OK,      /* "ok" */
    LIBTEST_FAILED,  /* "FAILED" */
    LIBTEST_IGNORED, /* "ignored", and why */
    LIBTEST_END,     /* "test result: " */
};

struct libtest_line {
    enum libtest_event event;
    const char *name; /* of LIBTEST_NAME; else NULL. Not NUL-terminated; lies in the line */
    size_t name_len;
    size_t suite_len; /* of its beginning: the module's path. 0: none */
};

/* libtest_suite_len - of a test's name, how long the path of its module is; 0: it has none. */
size_t libtest_suite_len(const char *name, size_t len);

/* libtest_line_parse - @bytes: what was written by one call. */
struct libtest_line libtest_line_parse(const char *bytes, size_t len);

#endif
