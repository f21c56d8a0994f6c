/* test_surefire_event.c - what a JVM of Maven Surefire's tells Maven. */
#include "shim/surefire_event.h"

#include "base/compiler.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEAD(operation) ":maven-surefire-event:" operation ":\012:normal-run:\001\0\0\0\001\0\0\0\002:\005:UTF-8:"
#define NOTHING "\0\0\0\001:\0:"
#define TEST "\0\0\0\007:FooTest:" NOTHING "\0\0\0\006:passes:" NOTHING NOTHING NOTHING "\0:" NOTHING NOTHING NOTHING
#define STARTING HEAD("\015:test-starting") TEST
#define PRINTED HEAD("\027:std-out-stream-new-line") "\0\0\0\005:hello:"
#define PRINTED_FAKE HEAD("\016:std-out-stream") "\0\0\0\026::maven-surefire-event::"
#define PROPERTY HEAD("\010:sys-prop") "\0\0\0\001:a:\0\0\0\001:b:"

static const struct {
    const char *bytes;
    size_t len;
    enum surefire_kind kind;
} TABLE[] = {
#define ROW(bytes, kind) {bytes, sizeof(bytes) - 1, kind}
    ROW(STARTING, SUREFIRE_STARTING),
    ROW(HEAD("\016:test-succeeded") TEST, SUREFIRE_SUCCEEDED),
    ROW(HEAD("\013:test-failed") TEST, SUREFIRE_FAILED),
    ROW(HEAD("\012:test-error") TEST, SUREFIRE_FAILED),
    ROW(HEAD("\014:test-skipped") TEST, SUREFIRE_SKIPPED),
    ROW(HEAD("\027:test-assumption-failure") TEST, SUREFIRE_SKIPPED),
    ROW(PRINTED STARTING, SUREFIRE_STARTING),
    ROW(PRINTED_FAKE PROPERTY STARTING, SUREFIRE_STARTING),
    ROW(PRINTED_FAKE, SUREFIRE_OTHER),
    ROW(HEAD("\020:testset-starting") TEST, SUREFIRE_OTHER),
    ROW(HEAD("\012:test-error") "\0\0\0\007:FooTest:" NOTHING NOTHING, SUREFIRE_OTHER), /* of the class */
    ROW(":maven-surefire-event:\003:bye:", SUREFIRE_OTHER),
    ROW("hello" STARTING, SUREFIRE_OTHER),
    ROW(HEAD("\016:std-out-stream") "\377\377\377\377:hello:" STARTING, SUREFIRE_OTHER),
    ROW("", SUREFIRE_OTHER),
#undef ROW
};

Test(surefire_event, the_first_event_of_a_test_is_found_behind_what_was_printed)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++) {
        struct surefire_event event = surefire_event_parse(guarded(TABLE[i].bytes, TABLE[i].len), TABLE[i].len);
        cr_assert_eq(event.kind, TABLE[i].kind, "row %zu", i);
        if (event.kind == SUREFIRE_OTHER)
            continue;
        cr_assert_eq(event.run_id, 0x100000002ULL);
        cr_assert_eq(event.class_name_len, strlen("FooTest"));
        cr_assert_arr_eq(event.class_name, "FooTest", event.class_name_len);
        cr_assert_eq(event.test_name_len, strlen("passes"));
        cr_assert_arr_eq(event.test_name, "passes", event.test_name_len);
    }
}

Test(surefire_event, what_is_cut_off_is_not_read_beyond_its_end)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
        for (size_t len = 0; len <= TABLE[i].len; len++)
            surefire_event_parse(guarded(TABLE[i].bytes, len), len);
}

Test(surefire_event, a_frame_is_known_by_how_it_begins)
{
    cr_assert(surefire_is_event(STARTING, sizeof STARTING - 1));
    cr_assert_not(surefire_is_event(STARTING, 5));
    cr_assert_not(surefire_is_event("hello, this is no event at all", 30));
}
