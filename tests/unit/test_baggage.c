/* test_baggage.c - the baggage header, and what of it becomes attributes. */
#include "trace/baggage.h"

#include "base/compiler.h"
#include "base/text.h"
#include "support/captured.h"
#include "support/guarded.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(baggage, .init = captured_begin);

static const char *kept(const char *value)
{
    static struct span_context context;
    context.baggage_len = 0;
    baggage_add(&context, guarded(value, strlen(value)), strlen(value));
    context.baggage[context.baggage_len] = '\0';
    return context.baggage;
}

Test(baggage, well_formed_members_are_kept_as_they_are)
{
    static const struct {
        const char *value, *expected;
    } rows[] = {
        {"", ""},
        {"a=1", "a=1"},
        {" a = 1 ,\tb=2 ", "a = 1,b=2"},
        {"a=,b=2", "a=,b=2"},
        {"a=%20x%2C;p;q=1;r = 2", "a=%20x%2C;p;q=1;r = 2"},
        {"a=1=2", "a=1=2"},
        {"A!#$%&'*+-.^_`|~9=x", "A!#$%&'*+-.^_`|~9=x"},
        {",,a=1,,", "a=1"},
        {"a,b=2", "b=2"},
        {"=1,b=2", "b=2"},
        {"a b=1,b=2", "b=2"},
        {"a=x y,b=2", "b=2"},
        {"a=\"x\",b=2", "b=2"},
        {"a=x\\y,b=2", "b=2"},
        {"a=1;,b=2", "b=2"},
        {"a=1;=2,b=2", "b=2"},
        {"a=\xc3\xa9,b=2", "b=2"},
        {"a=1\r\nX: y,b=2", "b=2"},
        {"a=\x01,b=2", "b=2"},
        {"a=\x7f,b=2", "b=2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_assert_str_eq(kept(rows[i].value), rows[i].expected, "%s", rows[i].value);
}

Test(baggage, any_truncation_is_read_within_bounds)
{
    static const char whole[] = " a = 1 ; p = 2;q , b=%2";
    for (size_t len = 0; len < sizeof whole; len++) {
        struct span_context context = {.baggage_len = 0};
        baggage_add(&context, guarded(whole, len), len);
        cr_assert_leq(context.baggage_len, len);
    }
}

Test(baggage, what_is_too_much_is_dropped_by_whole_members)
{
    char value[3000] = "";
    for (int i = 0; i < 100; i++)
        strcat(value, i ? ",k=0123456789" : "k=0123456789");
    cr_assert_eq(strlen(kept(value)), 78 * 13 - 1);
    *value = '\0';
    for (int i = 0; i < 200; i++)
        strcat(value, i ? ",k=" : "k=");
    cr_assert_eq(strlen(kept(value)), 180 * 3 - 1);
}

Test(baggage, several_headers_are_one_list)
{
    struct span_context context = {.baggage_len = 0};
    baggage_add(&context, "a=1", 3);
    baggage_add(&context, "", 0);
    baggage_add(&context, "b=2", 3);
    cr_assert_eq(context.baggage_len, 7);
    cr_assert_arr_eq(context.baggage, "a=1,b=2", 7);
}

static const char *described(const char *keys, const char *value)
{
    static char text[512];
    struct span_context context = {.is_valid = true, .baggage_len = 0};
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    struct attribute_iterator iterator;
    struct attribute attribute;
    struct text out = text_on(text, sizeof text);
    setenv("RUN_TRACED_BAGGAGE_ATTRIBUTES", keys, 1);
    baggage_init();
    baggage_add(&context, value, strlen(value));
    baggage_describe(span, &context);
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute)) {
        text_append(&out, attribute.name, attribute.name_len);
        text_append_char(&out, '=');
        text_append(&out, attribute.string, attribute.len);
        text_append_char(&out, ';');
    }
    return text_terminate(&out);
}

Test(baggage, members_that_were_named_become_attributes)
{
    cr_assert_str_eq(described("user.id, tenant", "a=1,user.id=%C3%A9%20x;p=1,tenant = t"), "user.id=\xc3\xa9 x;tenant=t;");
    cr_assert_str_eq(described("*", "a=1,b=%zz"), "a=1;b=%zz;");
    cr_assert_str_eq(described("A", "a=1"), "");
    cr_assert_str_eq(described("", "a=1"), "");
    cr_assert_str_eq(described("*", "a=1,b=2,a=3"), "b=2;a=3;");
    cr_assert_str_eq(described("*", "url.path=/x,b=2"), "b=2;");
}
