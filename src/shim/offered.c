/* What programs may call by themselves: run_traced.h. */
#include "base/clock.h"
#include "shim/real.h"
#include "shim/run_traced.h"
#include "shim/test_span.h"
#include "trace/redact.h"
#include "trace/traceparent.h"
#include "wire/parent.h"

#include <string.h>

enum { VALUE_LEN_MAX = 1024 };

struct setting_of_span {
    const char *key;
    const char *string;
    int64_t number;
};

EXPORT run_traced_span run_traced_v1_span_begin(const char *name)
{
    int saved = errno;
    run_traced_span span = name ? custom_span_begin(CUSTOM_SPAN_PLAIN, name, strnlen(name, VALUE_LEN_MAX / 2), 0) : 0;
    errno = saved;
    return span;
}

EXPORT void run_traced_v1_span_end(run_traced_span span)
{
    int saved = errno;
    custom_span_end(span, 0);
    errno = saved;
}

static void use(run_traced_span span, void (*change)(struct span *, const void *), const void *argument)
{
    int saved = errno;
    custom_span_use(span, change, argument);
    errno = saved;
}

static void fail(struct span *span, const void *argument)
{
    const struct setting_of_span *setting = argument;
    span_set_error(span, setting->key ? setting->key : "error", setting->string ? setting->string : "");
}

EXPORT void run_traced_v1_span_fail(run_traced_span span, const char *error_type, const char *message)
{
    use(span, fail, &(struct setting_of_span){.key = error_type, .string = message});
}

EXPORT run_traced_span run_traced_v1_test_begin(const char *suite, const char *name)
{
    int saved = errno;
    struct test_name test = {suite, suite ? strnlen(suite, VALUE_LEN_MAX) : 0, name, name ? strnlen(name, VALUE_LEN_MAX) : 0};
    run_traced_span span = name ? test_span_begin(&test, 0) : 0;
    errno = saved;
    return span;
}

EXPORT void run_traced_v1_test_end(run_traced_span test, int result)
{
    int saved = errno;
    test_span_set_result(test, (enum test_result)result, NULL);
    custom_span_end(test, 0);
    errno = saved;
}

static void set_string(struct span *span, const void *argument)
{
    const struct setting_of_span *setting = argument;
    char bytes[VALUE_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    size_t len = strnlen(setting->string, VALUE_LEN_MAX);
    if (g_redact_choices.has_patterns)
        redact_append_by_patterns(&text, setting->string, len);
    else
        text_append(&text, setting->string, len);
    span_set_custom(span, setting->key, strlen(setting->key), text.bytes, text.len);
}

static void set_int(struct span *span, const void *argument)
{
    const struct setting_of_span *setting = argument;
    span_set_custom_int(span, setting->key, strlen(setting->key), setting->number);
}

static void set_bool(struct span *span, const void *argument)
{
    const struct setting_of_span *setting = argument;
    span_set_custom_bool(span, setting->key, strlen(setting->key), setting->number != 0);
}

EXPORT void run_traced_v1_set_string(run_traced_span span, const char *key, const char *value)
{
    if (key && value)
        use(span, set_string, &(struct setting_of_span){.key = key, .string = value});
}

EXPORT void run_traced_v1_set_int(run_traced_span span, const char *key, int64_t value)
{
    if (key)
        use(span, set_int, &(struct setting_of_span){.key = key, .number = value});
}

EXPORT void run_traced_v1_set_bool(run_traced_span span, const char *key, int value)
{
    if (key)
        use(span, set_bool, &(struct setting_of_span){.key = key, .number = value});
}

static void add_event(struct span *span, const void *argument)
{
    span_add_custom_event(span, argument, strlen(argument), clock_monotonic_ns());
}

EXPORT void run_traced_v1_add_event(run_traced_span span, const char *name)
{
    if (name && *name)
        use(span, add_event, name);
}

EXPORT size_t run_traced_v1_traceparent(char *out, size_t size)
{
    int saved = errno;
    struct parent parent = {.active = NULL};
    if (out && size > TRACEPARENT_LEN && shim_is_tracing())
        parent_choose(&parent, NULL);
    if (parent.active) {
        traceparent_format(&parent.active->context, out);
        out[TRACEPARENT_LEN] = '\0';
    }
    errno = saved;
    return parent.active ? TRACEPARENT_LEN : 0;
}
