/* span_decode.h - one native span line, reduced to what the viewer shows. */
#ifndef RUN_TRACED_VIEW_SPAN_DECODE_H
#define RUN_TRACED_VIEW_SPAN_DECODE_H

#include "trace/context.h"
#include "view/string_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum view_kind {
    VIEW_KIND_INTERNAL,
    VIEW_KIND_SERVER,
    VIEW_KIND_CLIENT,
    VIEW_KIND_PRODUCER,
    VIEW_KIND_CONSUMER,
};

/* What became of a test, where the span is one. */
enum view_test_result { VIEW_TEST_NONE, VIEW_TEST_UNKNOWN, VIEW_TEST_PASS, VIEW_TEST_FAIL, VIEW_TEST_SKIPPED };

/* Strings are interned in the pool given to span_decode and at most VIEW_STRING_LEN_MAX bytes. They
 * are as the file has them: not safe to print. */
struct view_span {
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t span_id[SPAN_ID_LEN];
    uint8_t parent_span_id[SPAN_ID_LEN]; /* all zero: none */
    int64_t start_us;                    /* since the Unix epoch */
    int64_t duration_us;                 /* 0 or more */
    const char *service;                 /* "unknown_service" if the span has none */
    const char *name;
    const char *path;       /* NULL: none */
    const char *callee;     /* of a CLIENT: address and port, as known; NULL: none */
    const char *error_type; /* NULL: none */
    const char *message;    /* of the status; NULL: none */
    const char *code_file;  /* the source file's name, without folders; NULL: none */
    uint32_t code_line;     /* 0: none */
    uint32_t pid;           /* of its process; 0: not known */
    uint64_t line;          /* in the file, from 1 */
    uint64_t offset;        /* of the line, in bytes from where reading began */
    uint16_t http_status;   /* 0: none */
    uint8_t kind;           /* enum view_kind */
    uint8_t test_result;    /* enum view_test_result */
    bool is_error;
    bool is_program;        /* a program's own span, from its start to its end, and no test's */
};

enum { VIEW_STRING_LEN_MAX = 256 };

/* Why a line is no span. */
enum skip_reason {
    SKIP_NONE,
    SKIP_NOT_JSON,
    SKIP_CUT_OFF, /* set by the reader: the last line, without its newline */
    SKIP_NOT_SPAN,
    SKIP_INVALID_ID,
    SKIP_WRONG_TYPE,
    SKIP_REASON_COUNT,
};

/* span_decode - reads one line. @line: @len bytes and a NUL after them.
 * Unknown fields, and attributes of an unexpected type, are ignored. An empty or null parentSpanId
 * means none. Returns SKIP_NONE, or why not; @out is untouched then. */
enum skip_reason span_decode(const char *line, size_t len, struct string_pool *pool,
                             struct view_span *out);

/* skip_reason_text - for people: "not valid JSON". */
const char *skip_reason_text(enum skip_reason reason);

/* view_span_has_parent - whether the span names a parent. */
bool view_span_has_parent(const struct view_span *span);

#endif
