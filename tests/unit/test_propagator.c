/* test_propagator.c - which propagators are in use, and what they put in together. */
#include "trace/propagator.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char g_unknown[256];

static void unknown_note(const char *name, size_t len)
{
    strcat(strncat(g_unknown, name, len), ";");
}

Test(propagator, the_list_in_the_environment)
{
    static const struct {
        const char *list, *expected, *unknown;
    } rows[] = {
        {NULL, "tracecontext;baggage;", ""},
        {"", "tracecontext;baggage;", ""},
        {" , ,", "tracecontext;baggage;", ""},
        {"b3", "b3;", ""},
        {"baggage,tracecontext", "baggage;tracecontext;", ""},
        {" b3multi ,\tB3 , b3", "b3multi;b3;", ""},
        {"xray,datadog,jaeger,b3,b3multi,baggage,tracecontext,xray",
         "xray;datadog;jaeger;b3;b3multi;baggage;tracecontext;", ""},
        {"none", "", ""},
        {"None,b3", "", ""},
        {"ottrace,b3,b4 x", "b3;", "ottrace;b4 x;"},
        {"tracecontex", "", "tracecontex;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct propagators found;
        char names[256] = "";
        g_unknown[0] = '\0';
        propagators_parse(rows[i].list, &found, unknown_note);
        for (unsigned j = 0; j < found.count; j++) {
            strcat(strcat(names, found.list[j]->name), ";");
            cr_assert(found.ids >> found.list[j]->id & 1);
        }
        cr_assert_str_eq(names, rows[i].expected, "%s", rows[i].list);
        cr_assert_str_eq(g_unknown, rows[i].unknown, "%s", rows[i].list);
        propagators_parse(rows[i].list, &found, NULL);
    }
}

static const char *injected(const char *list, const struct span_context *context, uint32_t left_out)
{
    static char bytes[PROPAGATION_LEN_MAX + 1];
    struct text text = text_on(bytes, sizeof bytes);
    setenv("OTEL_PROPAGATORS", list, 1);
    propagators_init_from_environment();
    propagators_inject(context, left_out, &text);
    cr_assert_eq(text.len > 0, propagators_will_inject(context, left_out), "%s", list);
    cr_assert_not(text.overflowed);
    cr_assert_leq(text.len, PROPAGATION_LEN_MAX);
    return text_terminate(&text);
}

static struct span_context context_make(void)
{
    struct span_context context = {.is_valid = true, .trace_flags = 1};
    memset(context.trace_id, 0x11, TRACE_ID_LEN);
    memset(context.span_id, 0xff, SPAN_ID_LEN); /* the most decimal digits */
    return context;
}

#define TRACEPARENT_LINE "traceparent: 00-11111111111111111111111111111111-ffffffffffffffff-01\r\n"

Test(propagator, what_goes_out)
{
    struct span_context context = context_make();
    cr_assert_str_eq(injected("tracecontext,baggage", &context, 0), TRACEPARENT_LINE);
    cr_assert_str_eq(injected("baggage", &context, 0), "");
    cr_assert_str_eq(injected("none", &context, 0), "");
    context.tracestate_len = context.baggage_len = 3;
    memcpy(context.tracestate, "a=1", 3);
    memcpy(context.baggage, "k=v", 3);
    cr_assert_str_eq(injected("tracecontext,baggage", &context, 0),
                     TRACEPARENT_LINE "tracestate: a=1\r\nbaggage: k=v\r\n");
    cr_assert_str_eq(injected("tracecontext", &context, 0), TRACEPARENT_LINE "tracestate: a=1\r\n");
    cr_assert_str_eq(injected("baggage", &context, 0), "baggage: k=v\r\n");
    cr_assert_str_eq(injected("none", &context, 0), "");
    cr_assert_str_eq(injected("tracecontext,baggage", &context, 1U << PROPAGATOR_BAGGAGE | 1U << PROPAGATOR_TRACESTATE),
                     TRACEPARENT_LINE);
    cr_assert_str_eq(injected("tracecontext,baggage", &context, 1U << PROPAGATOR_TRACECONTEXT),
                     "tracestate: a=1\r\nbaggage: k=v\r\n");
    cr_assert_not_null(strstr(injected("b3,tracecontext", &context, 0), "b3: 1"));
    cr_assert_null(strstr(injected("b3,tracecontext", &context, 1U << PROPAGATOR_B3), "b3: 1"));
}

Test(propagator, there_is_room_for_everything_at_once)
{
    struct span_context context = context_make();
    context.tracestate_len = TRACESTATE_LEN_MAX;
    context.baggage_len = BAGGAGE_LEN_MAX;
    memset(context.tracestate, 's', TRACESTATE_LEN_MAX);
    memset(context.baggage, 'b', BAGGAGE_LEN_MAX);
    const char *lines = injected("tracecontext,baggage,b3,b3multi,jaeger,xray,datadog", &context, 0);
    unsigned count = 0;
    for (; (lines = strstr(lines, "\r\n")); lines += 2)
        count++;
    cr_assert_eq(count, 13);
    cr_assert_leq(count, PROPAGATION_LINES_MAX);
}
