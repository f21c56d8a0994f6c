/* test_propagator_xray.c - X-Amzn-Trace-Id. */
#include "support/carried.h"

#define XRAY(value) {"X-Amzn-Trace-Id", value}
#define ROOT "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736"
#define PARENT "Parent=" SPAN_HEX

Test(propagator_xray, extracting)
{
    static const struct carried_row rows[] = {
        {"sampled", XRAY(ROOT ";" PARENT ";Sampled=1"), TRACE_HEX " " SPAN_HEX " 01"},
        {"not sampled", XRAY(ROOT ";" PARENT ";Sampled=0"), TRACE_HEX " " SPAN_HEX " 00"},
        {"undecided", XRAY(ROOT ";" PARENT ";Sampled=?"), TRACE_HEX " " SPAN_HEX " 01"},
        {"no word on it", XRAY(ROOT ";" PARENT), TRACE_HEX " " SPAN_HEX " 01"},
        {"another order", XRAY("Sampled=0;" PARENT ";" ROOT), TRACE_HEX " " SPAN_HEX " 00"},
        {"blanks and others", XRAY("Self=1-x; " ROOT "; Lineage=a:1; " PARENT ";"), TRACE_HEX " " SPAN_HEX " 01"},
        {"no parent", XRAY(ROOT ";Sampled=1"), "nothing"},
        {"no root", XRAY(PARENT ";Sampled=1"), "nothing"},
        {"two roots", XRAY(ROOT ";" ROOT ";" PARENT), "nothing"},
        {"two parents", XRAY(ROOT ";" PARENT ";" PARENT), "nothing"},
        {"another version", XRAY("Root=2-4bf92f35-77b34da6a3ce929d0e0e4736;" PARENT), "nothing"},
        {"a short root", XRAY("Root=1-4bf92f35-77b34da6a3ce929d0e0e473;" PARENT), "nothing"},
        {"a root without its dash", XRAY("Root=1-4bf92f35077b34da6a3ce929d0e0e4736;" PARENT), "nothing"},
        {"a root of zeros", XRAY("Root=1-00000000-000000000000000000000000;" PARENT), "nothing"},
        {"a parent of zeros", XRAY(ROOT ";Parent=0000000000000000"), "nothing"},
        {"a short parent", XRAY(ROOT ";Parent=0f067aa0ba902b7"), "nothing"},
        {"another decision", XRAY(ROOT ";" PARENT ";Sampled=2"), "nothing"},
        {"empty", XRAY(""), "nothing"},
        {"absent", {NULL}, "nothing"},
        {"twice", {"x-amzn-trace-id", ROOT ";" PARENT, "x-amzn-trace-id", ROOT ";" PARENT}, "nothing"},
    };
    carried_check(&PROPAGATOR_OF_XRAY, rows, ARRAY_LEN(rows));
}

Test(propagator_xray, truncated_and_changed)
{
    carried_truncations_check(&PROPAGATOR_OF_XRAY,
                              (const char *const[]){"x-amzn-trace-id", PARENT ";" ROOT ";Sampled=1; Self=2 ", NULL});
}

Test(propagator_xray, injecting)
{
    cr_assert_str_eq(injected(&PROPAGATOR_OF_XRAY, TRACE_HEX, 1), "X-Amzn-Trace-Id: " ROOT ";" PARENT ";Sampled=1|");
    cr_assert_str_eq(injected(&PROPAGATOR_OF_XRAY, TRACE_HEX, 2), "X-Amzn-Trace-Id: " ROOT ";" PARENT ";Sampled=0|");
}
