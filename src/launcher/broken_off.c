#include "launcher/broken_off.h"

#include "base/compiler.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static bool is_all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

static void end_set(struct span *span, const char *how)
{
    span_set_string(span, ATTRIBUTE_PROCESS_END, how, strlen(how));
}

/* A test that did not live to its end has no other result. */
static void test_fail(struct span *span)
{
    if (span_is_test(span))
        span_set_string(span, ATTRIBUTE_TEST_CASE_RESULT_STATUS, "fail", strlen("fail"));
}

void broken_off_describe_process(struct span *span, const struct exit_reason *reason)
{
    char error_type[32], message[sizeof span->message + 1];
    if (reason->is_exec) {
        span_forget_test(span); /* the next program goes on with it */
        end_set(span, "exec");
    } else if (!reason->is_known) {
        end_set(span, "unknown");
    } else if (WIFSIGNALED(reason->wait_status)) {
        exit_reason_describe(reason, error_type, sizeof error_type, message, sizeof message);
        snprintf(message, sizeof message, "killed by signal %d", WTERMSIG(reason->wait_status));
        span_set_error(span, error_type, message);
        test_fail(span);
    } else {
        span_set_int(span, ATTRIBUTE_PROCESS_EXIT_CODE, WEXITSTATUS(reason->wait_status));
    }
}

static void process_complete(struct span *span, const struct exit_reason *reason, uint64_t end_ns)
{
    broken_off_describe_process(span, reason);
    span->end_ns = MAX(end_ns, span->start_ns);
}

void broken_off_complete(struct span *span, const struct exit_reason *reason, uint64_t end_ns)
{
    if (span->role == SPAN_ROLE_PROCESS) {
        process_complete(span, reason, end_ns);
        return;
    }
    if (span->kind == SPAN_KIND_INTERNAL && reason->is_exec) { /* a script's last step, say */
        span_set_true(span, ATTRIBUTE_UNFINISHED);
        span->end_ns = MAX(end_ns, span->start_ns);
        return;
    }
    char error_type[32], message[sizeof span->message + 1];
    if (is_all_zero(span->trace_id, sizeof span->trace_id))
        trace_id_generate(span->trace_id);
    if (is_all_zero(span->span_id, sizeof span->span_id))
        span_id_generate(span->span_id);
    if (span->name_len == 0)
        span_set_name(span, "HTTP", 4);
    exit_reason_describe(reason, error_type, sizeof error_type, message, sizeof message);
    /* The error that counts is the end, whatever else had gone wrong already; but the record of what
     * went wrong stays. */
    if (span->status != SPAN_STATUS_ERROR)
        span_set_error(span, error_type, message);
    if (reason->is_known && !reason->is_exec && WIFSIGNALED(reason->wait_status))
        test_fail(span);
    span->end_ns = MAX(end_ns, span->start_ns);
}
