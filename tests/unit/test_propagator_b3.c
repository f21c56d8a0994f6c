/* test_propagator_b3.c - B3 in one header and in several. */
#include "support/carried.h"

#define B3(value) {"b3", value}

Test(propagator_b3, one_header)
{
    static const struct carried_row rows[] = {
        {"sampled", B3(TRACE_HEX "-" SPAN_HEX "-1"), TRACE_HEX " " SPAN_HEX " 01"},
        {"not sampled", B3(TRACE_HEX "-" SPAN_HEX "-0"), TRACE_HEX " " SPAN_HEX " 00"},
        {"debug", B3(TRACE_HEX "-" SPAN_HEX "-d"), TRACE_HEX " " SPAN_HEX " 01"},
        {"undecided", B3(TRACE_HEX "-" SPAN_HEX), TRACE_HEX " " SPAN_HEX " 01"},
        {"with a parent", B3(TRACE_HEX "-" SPAN_HEX "-1-05e3ac9a4f6e3b90"), TRACE_HEX " " SPAN_HEX " 01"},
        {"64 bits", B3(LOW_HEX "-" SPAN_HEX "-0"), PADDED_HEX " " SPAN_HEX " 00"},
        {"only to sample", B3("1"), "sample"},
        {"only to debug", B3("d"), "sample"},
        {"only to drop", B3("0"), "drop"},
        {"twice", {"b3", TRACE_HEX "-" SPAN_HEX "-1", "B3", TRACE_HEX "-" SPAN_HEX "-1"}, "nothing"},
        {"absent", {NULL}, "nothing"},
        {"empty", B3(""), "nothing"},
        {"another decision", B3("2"), "nothing"},
        {"another decision behind ids", B3(TRACE_HEX "-" SPAN_HEX "-2"), "nothing"},
        {"a dash behind ids", B3(TRACE_HEX "-" SPAN_HEX "-"), "nothing"},
        {"a dash behind the decision", B3(TRACE_HEX "-" SPAN_HEX "-1-"), "nothing"},
        {"more behind the decision", B3(TRACE_HEX "-" SPAN_HEX "-10"), "nothing"},
        {"a short parent", B3(TRACE_HEX "-" SPAN_HEX "-1-05e3ac9a4f6e3b9"), "nothing"},
        {"more behind the parent", B3(TRACE_HEX "-" SPAN_HEX "-1-05e3ac9a4f6e3b90-"), "nothing"},
        {"a trace id of 31", B3("bf92f3577b34da6a3ce929d0e0e4736-" SPAN_HEX "-1"), "nothing"},
        {"a span id of 15", B3(TRACE_HEX "-0f067aa0ba902b7-1"), "nothing"},
        {"upper case", B3("4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN_HEX "-1"), "nothing"},
        {"a trace id of zeros", B3("00000000000000000000000000000000-" SPAN_HEX "-1"), "nothing"},
        {"a span id of zeros", B3(TRACE_HEX "-0000000000000000-1"), "nothing"},
        {"no dash", B3(TRACE_HEX SPAN_HEX), "nothing"},
    };
    carried_check(&PROPAGATOR_OF_B3, rows, ARRAY_LEN(rows));
}

#define IDS "X-B3-TraceId", TRACE_HEX, "X-B3-SpanId", SPAN_HEX

Test(propagator_b3, several_headers)
{
    static const struct carried_row rows[] = {
        {"sampled", {IDS, "X-B3-Sampled", "1"}, TRACE_HEX " " SPAN_HEX " 01"},
        {"not sampled", {IDS, "x-b3-sampled", "0"}, TRACE_HEX " " SPAN_HEX " 00"},
        {"as they once said", {IDS, "x-b3-sampled", "true"}, TRACE_HEX " " SPAN_HEX " 01"},
        {"as they once said not", {IDS, "x-b3-sampled", "False"}, TRACE_HEX " " SPAN_HEX " 00"},
        {"undecided", {IDS}, TRACE_HEX " " SPAN_HEX " 01"},
        {"debug", {IDS, "X-B3-Flags", "1"}, TRACE_HEX " " SPAN_HEX " 01"},
        {"debug wins", {IDS, "X-B3-Flags", "1", "x-b3-sampled", "0"}, TRACE_HEX " " SPAN_HEX " 01"},
        {"other flags", {IDS, "X-B3-Flags", "0", "x-b3-sampled", "0"}, TRACE_HEX " " SPAN_HEX " 00"},
        {"with a parent", {IDS, "X-B3-ParentSpanId", "05e3ac9a4f6e3b90"}, TRACE_HEX " " SPAN_HEX " 01"},
        {"64 bits", {"X-B3-TraceId", LOW_HEX, "X-B3-SpanId", SPAN_HEX}, PADDED_HEX " " SPAN_HEX " 01"},
        {"only to sample", {"x-b3-sampled", "1"}, "sample"},
        {"only to drop", {"x-b3-sampled", "0"}, "drop"},
        {"only to debug", {"x-b3-flags", "1"}, "sample"},
        {"no span id", {"X-B3-TraceId", TRACE_HEX}, "nothing"},
        {"no trace id", {"X-B3-SpanId", SPAN_HEX}, "nothing"},
        {"a trace id twice", {IDS, "X-B3-TraceId", TRACE_HEX}, "nothing"},
        {"a short trace id", {"X-B3-TraceId", "1", "X-B3-SpanId", SPAN_HEX}, "nothing"},
    };
    carried_check(&PROPAGATOR_OF_B3MULTI, rows, ARRAY_LEN(rows));
}

Test(propagator_b3, truncated_and_changed)
{
    carried_truncations_check(&PROPAGATOR_OF_B3,
                              (const char *const[]){"b3", TRACE_HEX "-" SPAN_HEX "-1-05e3ac9a4f6e3b90", NULL});
    carried_truncations_check(&PROPAGATOR_OF_B3MULTI, (const char *const[]){IDS, "X-B3-Sampled", "1", NULL});
    carried_truncations_check(&PROPAGATOR_OF_B3MULTI,
                              (const char *const[]){"X-B3-SpanId", SPAN_HEX, "X-B3-TraceId", TRACE_HEX, NULL});
}

Test(propagator_b3, injecting)
{
    cr_assert_str_eq(injected(&PROPAGATOR_OF_B3, TRACE_HEX, 3), "b3: " TRACE_HEX "-" SPAN_HEX "-1|");
    cr_assert_str_eq(injected(&PROPAGATOR_OF_B3, PADDED_HEX, 2), "b3: " PADDED_HEX "-" SPAN_HEX "-0|");
    cr_assert_str_eq(injected(&PROPAGATOR_OF_B3MULTI, TRACE_HEX, 1),
                     "X-B3-TraceId: " TRACE_HEX "|X-B3-SpanId: " SPAN_HEX "|X-B3-Sampled: 1|");
}
