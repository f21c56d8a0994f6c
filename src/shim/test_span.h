/* test_span.h - a test as a span: test.suite.name, test.case.name, test.case.result.status. OpenTelemetry semantic conventions,
 * "Test". All functions: as in custom_span.h. */
#ifndef RUN_TRACED_SHIM_TEST_SPAN_H
#define RUN_TRACED_SHIM_TEST_SPAN_H

#include "shim/custom_span.h"

/* TEST_UNKNOWN: nothing is said of it. */
enum test_result { TEST_UNKNOWN, TEST_PASS, TEST_FAIL, TEST_SKIPPED };

/* A test's name as it is found: neither part ends with NUL. */
struct test_name {
    const char *suite; /* suite_len bytes; NULL: none is known */
    size_t suite_len;
    const char *name;
    size_t name_len;
};

/* test_span_describe - @span is that of this test: which, and which of its runner's workers runs it. */
void test_span_describe(struct span *span, const struct test_name *test);

/* test_span_describe_result - what came of it. @message: for people, of one that failed. */
void test_span_describe_result(struct span *span, enum test_result result, const char *message);

/* test_span_begin - a test begins, at @start_ns (0: now). Returns 0 if that cannot be told. */
custom_span_id test_span_begin(const struct test_name *test, uint64_t start_ns);

/* test_span_set_result - what came of it. @message: for people, of one that failed; NULL: "the test failed". */
void test_span_set_result(custom_span_id test, enum test_result result, const char *message);

#endif
