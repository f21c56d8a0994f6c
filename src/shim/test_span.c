#include "shim/test_span.h"

#include "base/compiler.h"
#include "base/text.h"
#include "trace/redact.h"

#include <stdlib.h>

enum { NAME_LEN_MAX = 512 };

/* Where runners tell each of their parallel workers which one it is: pytest-xdist, Jest, Vitest, Playwright. */
static const char *const WORKERS[] = {"PYTEST_XDIST_WORKER", "JEST_WORKER_ID", "VITEST_POOL_ID", "TEST_PARALLEL_INDEX"};

static void worker_describe(struct span *span)
{
    for (size_t i = 0; i < ARRAY_LEN(WORKERS); i++) {
        const char *worker = getenv(WORKERS[i]);
        if (!worker || !*worker)
            continue;
        span_set_string(span, ATTRIBUTE_TEST_WORKER, worker, strnlen(worker, NAME_LEN_MAX));
        return;
    }
}

void test_span_describe(struct span *span, const struct test_name *test)
{
    if (test->suite && test->suite_len)
        span_set_string(span, ATTRIBUTE_TEST_SUITE_NAME, test->suite, MIN(test->suite_len, NAME_LEN_MAX));
    span_set_string(span, ATTRIBUTE_TEST_CASE_NAME, test->name, MIN(test->name_len, NAME_LEN_MAX));
    worker_describe(span);
}

static void describe(struct span *span, const void *argument)
{
    test_span_describe(span, argument);
}

custom_span_id test_span_begin(const struct test_name *test, uint64_t start_ns)
{
    custom_span_id id = custom_span_begin(CUSTOM_SPAN_TEST, test->name, MIN(test->name_len, NAME_LEN_MAX), start_ns);
    custom_span_use(id, describe, test);
    return id;
}

void test_span_describe_result(struct span *span, enum test_result result, const char *message)
{
    static const char *const names[] = {[TEST_PASS] = "pass", [TEST_FAIL] = "fail", [TEST_SKIPPED] = "skipped"};
    if (result <= TEST_UNKNOWN || result > TEST_SKIPPED)
        return;
    span_set_string(span, ATTRIBUTE_TEST_CASE_RESULT_STATUS, names[result], strlen(names[result]));
    if (result == TEST_FAIL)
        span_set_error(span, "test_failure", message);
}

struct result {
    enum test_result result;
    const char *message;
};

static void result_describe(struct span *span, const void *argument)
{
    const struct result *result = argument;
    test_span_describe_result(span, result->result, result->message ? result->message : "the test failed");
}

void test_span_set_result(custom_span_id test, enum test_result result, const char *message)
{
    custom_span_use(test, result_describe, &(struct result){result, message});
}
