#include "launcher/broken_off.h"

#include "base/compiler.h"

#include <string.h>

static bool is_all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

void broken_off_complete(struct span *span, const struct exit_reason *reason, uint64_t end_ns)
{
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
    span->end_ns = MAX(end_ns, span->start_ns);
}
