/* A span that its process did not live to end becomes a whole one, whatever state it was in. */
#include "launcher/broken_off.h"

#include "export/format_native.h"
#include "support/captured.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct exit_reason KILLED = {.is_known = true, .wait_status = SIGKILL};

static void expect_formats(const struct span *span)
{
    static char line[NATIVE_LINE_LEN_MAX];
    static const struct resource resource;
    struct text text = text_on(line, sizeof line);
    cr_expect_eq(native_format(span, &resource, &text), 0);
}

Test(broken_off, a_span_just_begun_gets_what_a_span_needs)
{
    struct span span = {.kind = SPAN_KIND_SERVER, .start_ns = 100, .state = SPAN_OPEN};
    static const uint8_t none[TRACE_ID_LEN];
    broken_off_complete(&span, &KILLED, 4711);
    cr_expect_neq(memcmp(span.trace_id, none, sizeof span.trace_id), 0);
    cr_expect_neq(memcmp(span.span_id, none, sizeof span.span_id), 0);
    cr_expect_eq(span.name_len, 4);
    cr_expect_eq(memcmp(span.name, "HTTP", 4), 0);
    cr_expect_eq(span.end_ns, 4711);
    cr_expect_eq(span.status, SPAN_STATUS_ERROR);
    cr_expect_str_eq(captured_string(&span, ATTRIBUTE_ERROR_TYPE), "SIGKILL");
    cr_expect_str_eq(captured_message(&span),
                     "the process was killed by signal 9 in the middle of it");
    expect_formats(&span);
}

Test(broken_off, what_is_there_stays)
{
    struct span span = {.trace_id = {1}, .span_id = {2}, .start_ns = 100, .name_len = 3,
                        .name = "PUT", .status = SPAN_STATUS_OK};
    span_set_int(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 200);
    broken_off_complete(&span, &KILLED, 4711);
    cr_expect_eq(span.trace_id[0], 1);
    cr_expect_eq(span.span_id[0], 2);
    cr_expect_eq(memcmp(span.name, "PUT", 4), 0);
    cr_expect_eq(captured_int(&span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE), 200);
    cr_expect_eq(span.status, SPAN_STATUS_ERROR);
}

Test(broken_off, an_error_that_was_there_before_is_kept)
{
    struct span span = {.trace_id = {1}, .span_id = {2}, .start_ns = 100};
    span_set_error(&span, "ECONNRESET", "reset");
    broken_off_complete(&span, &KILLED, 4711);
    cr_expect_str_eq(captured_string(&span, ATTRIBUTE_ERROR_TYPE), "ECONNRESET");
    cr_expect_str_eq(captured_message(&span), "reset");
}

Test(broken_off, an_end_is_never_before_the_start)
{
    struct span span = {.start_ns = UINT64_MAX};
    broken_off_complete(&span, &KILLED, 5);
    cr_expect_eq(span.end_ns, UINT64_MAX);
}

/* Stands where memory ends: a length that is believed is a segmentation fault. */
Test(broken_off, a_full_record_and_lengths_that_do_not_hold)
{
    static const uint32_t lengths[] = {SPAN_BYTES_LEN - 1, SPAN_BYTES_LEN, SPAN_BYTES_LEN + 1,
                                       0xffff, 1 << 20, 0xfffffff0, 0xffffffff};
    char *pages = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_eq(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct span *span = (struct span *)(pages + 2 * 4096 - sizeof *span);
        memset((char *)span, 0, sizeof *span);
        span->attributes_len = lengths[i];
        broken_off_complete(span, &KILLED, 5);
        memset((char *)span, 0, sizeof *span);
        span->tracestate_len = (uint16_t)lengths[i];
        broken_off_complete(span, &KILLED, 5);
    }
}
