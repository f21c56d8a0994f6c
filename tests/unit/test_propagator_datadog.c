/* test_propagator_datadog.c - x-datadog-*. */
#include "support/carried.h"

/* LOW_HEX and SPAN_HEX in decimal. */
#define LOW "11803532876627986230"
#define SPAN "67667974448284343"
#define IDS "x-datadog-trace-id", LOW, "x-datadog-parent-id", SPAN
#define TID "_dd.p.tid=4bf92f3577b34da6"

Test(propagator_datadog, extracting)
{
    static const struct carried_row rows[] = {
        {"64 bits", {IDS, "x-datadog-sampling-priority", "1"}, PADDED_HEX " " SPAN_HEX " 01"},
        {"128 bits", {IDS, "x-datadog-tags", TID}, TRACE_HEX " " SPAN_HEX " 01"},
        {"among other tags", {IDS, "x-datadog-tags", "_dd.p.dm=-1," TID ",a=b"}, TRACE_HEX " " SPAN_HEX " 01"},
        {"kept by a user", {IDS, "X-Datadog-Sampling-Priority", "2"}, PADDED_HEX " " SPAN_HEX " 01"},
        {"dropped", {IDS, "x-datadog-sampling-priority", "0"}, PADDED_HEX " " SPAN_HEX " 00"},
        {"dropped by a user", {IDS, "x-datadog-sampling-priority", "-1"}, PADDED_HEX " " SPAN_HEX " 00"},
        {"no word on it", {IDS}, PADDED_HEX " " SPAN_HEX " 01"},
        {"a malformed tag", {IDS, "x-datadog-tags", "_dd.p.tid=4bf92f3577b34dax"}, PADDED_HEX " " SPAN_HEX " 01"},
        {"a short tag", {IDS, "x-datadog-tags", "_dd.p.tid=4bf92f3577b34da"}, PADDED_HEX " " SPAN_HEX " 01"},
        {"the largest",
         {"x-datadog-trace-id", "18446744073709551615", "x-datadog-parent-id", "1"},
         "0000000000000000ffffffffffffffff 0000000000000001 01"},
        {"one more", {"x-datadog-trace-id", "18446744073709551616", "x-datadog-parent-id", "1"}, "nothing"},
        {"zero", {"x-datadog-trace-id", "0", "x-datadog-parent-id", "1"}, "nothing"},
        {"a parent of zero", {"x-datadog-trace-id", "1", "x-datadog-parent-id", "0"}, "nothing"},
        {"negative", {"x-datadog-trace-id", "-1", "x-datadog-parent-id", "1"}, "nothing"},
        {"hex", {"x-datadog-trace-id", "a", "x-datadog-parent-id", "1"}, "nothing"},
        {"empty", {"x-datadog-trace-id", "", "x-datadog-parent-id", "1"}, "nothing"},
        {"no parent", {"x-datadog-trace-id", "1"}, "nothing"},
        {"no trace id", {"x-datadog-parent-id", "1"}, "nothing"},
        {"twice", {IDS, "x-datadog-trace-id", LOW}, "nothing"},
    };
    carried_check(&PROPAGATOR_OF_DATADOG, rows, ARRAY_LEN(rows));
}

Test(propagator_datadog, truncated_and_changed)
{
    carried_truncations_check(&PROPAGATOR_OF_DATADOG, (const char *const[]){IDS, "x-datadog-tags", "a=b," TID, NULL});
    carried_truncations_check(&PROPAGATOR_OF_DATADOG, (const char *const[]){IDS, "x-datadog-sampling-priority", "-1", NULL});
    carried_truncations_check(&PROPAGATOR_OF_DATADOG, (const char *const[]){IDS, NULL});
}

Test(propagator_datadog, injecting)
{
    cr_assert_str_eq(injected(&PROPAGATOR_OF_DATADOG, TRACE_HEX, 1),
                     "x-datadog-trace-id: " LOW "|x-datadog-parent-id: " SPAN
                     "|x-datadog-sampling-priority: 1|x-datadog-tags: " TID "|");
    cr_assert_str_eq(injected(&PROPAGATOR_OF_DATADOG, PADDED_HEX, 0),
                     "x-datadog-trace-id: " LOW "|x-datadog-parent-id: " SPAN "|x-datadog-sampling-priority: 0|");
}

Test(propagator_datadog, a_span_id_in_as_many_digits)
{
    static const uint8_t id[SPAN_ID_LEN] = {0, 0, 0, 0, 0, 0, 1, 0};
    char out[CARRIER_PLACE_LEN_MAX];
    struct carrier_place place = {.is_decimal = true, .len = 5};
    cr_assert(carrier_place_write(&place, id, out));
    cr_assert_arr_eq(out, "00256", 5);
    place.len = 2;
    cr_assert_not(carrier_place_write(&place, id, out));
    place.len = CARRIER_PLACE_LEN_MAX + 1;
    cr_assert_not(carrier_place_write(&place, id, out));
    place = (struct carrier_place){.len = 15};
    cr_assert_not(carrier_place_write(&place, id, out));
}
