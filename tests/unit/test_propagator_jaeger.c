/* test_propagator_jaeger.c - uber-trace-id. */
#include "support/carried.h"

#define UBER(value) {"uber-trace-id", value}

Test(propagator_jaeger, extracting)
{
    static const struct carried_row rows[] = {
        {"sampled", UBER(TRACE_HEX ":" SPAN_HEX ":0:1"), TRACE_HEX " " SPAN_HEX " 01"},
        {"not sampled", UBER(TRACE_HEX ":" SPAN_HEX ":0:0"), TRACE_HEX " " SPAN_HEX " 00"},
        {"debug", UBER(TRACE_HEX ":" SPAN_HEX ":0:3"), TRACE_HEX " " SPAN_HEX " 01"},
        {"encoded", UBER(TRACE_HEX "%3A" SPAN_HEX "%3a0%3A1"), TRACE_HEX " " SPAN_HEX " 01"},
        {"without zeros", UBER(LOW_HEX ":f067aa0ba902b7:0:1"), PADDED_HEX " " SPAN_HEX " 01"},
        {"an odd number of digits", UBER("abc:1:0:01"), "00000000000000000000000000000abc 0000000000000001 01"},
        {"upper case", UBER("ABC:1:0:1"), "00000000000000000000000000000abc 0000000000000001 01"},
        {"with a parent", UBER(TRACE_HEX ":" SPAN_HEX ":" LOW_HEX ":1"), TRACE_HEX " " SPAN_HEX " 01"},
        {"absent", {NULL}, "nothing"},
        {"empty", UBER(""), "nothing"},
        {"three parts", UBER(TRACE_HEX ":" SPAN_HEX ":1"), "nothing"},
        {"five parts", UBER(TRACE_HEX ":" SPAN_HEX ":0:1:"), "nothing"},
        {"no trace id", UBER(":" SPAN_HEX ":0:1"), "nothing"},
        {"no span id", UBER(TRACE_HEX "::0:1"), "nothing"},
        {"no flags", UBER(TRACE_HEX ":" SPAN_HEX ":0:"), "nothing"},
        {"a trace id of 33", UBER(TRACE_HEX "0:" SPAN_HEX ":0:1"), "nothing"},
        {"a span id of 17", UBER(TRACE_HEX ":" SPAN_HEX "0:0:1"), "nothing"},
        {"a trace id of zeros", UBER("0:" SPAN_HEX ":0:1"), "nothing"},
        {"a span id of zeros", UBER(TRACE_HEX ":0:0:1"), "nothing"},
        {"no hex", UBER(TRACE_HEX ":" SPAN_HEX ":x:1"), "nothing"},
        {"another encoding", UBER(TRACE_HEX "%3B" SPAN_HEX ":0:1"), "nothing"},
        {"twice", {"uber-trace-id", "1:1:0:1", "Uber-Trace-Id", "1:1:0:1"}, "nothing"},
    };
    carried_check(&PROPAGATOR_OF_JAEGER, rows, ARRAY_LEN(rows));
}

Test(propagator_jaeger, truncated_and_changed)
{
    carried_truncations_check(&PROPAGATOR_OF_JAEGER,
                              (const char *const[]){"uber-trace-id", TRACE_HEX "%3A" SPAN_HEX ":" LOW_HEX "%3a01", NULL});
}

Test(propagator_jaeger, injecting)
{
    cr_assert_str_eq(injected(&PROPAGATOR_OF_JAEGER, TRACE_HEX, 1), "uber-trace-id: " TRACE_HEX ":" SPAN_HEX ":0:1|");
    cr_assert_str_eq(injected(&PROPAGATOR_OF_JAEGER, PADDED_HEX, 0), "uber-trace-id: " PADDED_HEX ":" SPAN_HEX ":0:0|");
}
