/* Which traces are shown, and in which order. */
#include "base/compiler.h"
#include "view/view.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Trace 0a1: api calls /pay, which fails; 100 ms. 0a2: api alone, 300 ms. 0b3: web, 200 ms, with two errors. */
static const char SPANS[] =
    "{\"traceId\":\"0a100000000000000000000000000001\",\"spanId\":\"0000000000000001\",\"name\":\"GET\",\"timestamp\":1000000,"
    "\"duration\":100000,\"kind\":\"SERVER\",\"status\":{\"code\":\"OK\"},\"resource\":{\"service.name\":\"api\"}}\n"
    "{\"traceId\":\"0a100000000000000000000000000001\",\"spanId\":\"0000000000000002\",\"parentSpanId\":\"0000000000000001\","
    "\"name\":\"POST\",\"timestamp\":1010000,\"duration\":50000,\"kind\":\"SERVER\",\"status\":{\"code\":\"ERROR\"},"
    "\"attributes\":{\"url.path\":\"/pay/7\"},\"resource\":{\"service.name\":\"pay\"}}\n"
    "{\"traceId\":\"0a200000000000000000000000000002\",\"spanId\":\"0000000000000001\",\"name\":\"GET\",\"timestamp\":3000000,"
    "\"duration\":300000,\"kind\":\"SERVER\",\"status\":{\"code\":\"OK\"},\"resource\":{\"service.name\":\"api\"}}\n"
    "{\"traceId\":\"0b300000000000000000000000000003\",\"spanId\":\"0000000000000001\",\"name\":\"PUT\",\"timestamp\":2000000,"
    "\"duration\":200000,\"kind\":\"SERVER\",\"status\":{\"code\":\"ERROR\"},\"resource\":{\"service.name\":\"web\"}}\n"
    "{\"traceId\":\"0b300000000000000000000000000003\",\"spanId\":\"0000000000000002\",\"parentSpanId\":\"0000000000000001\","
    "\"name\":\"GET\",\"timestamp\":2010000,\"duration\":1000,\"kind\":\"INTERNAL\",\"status\":{\"code\":\"ERROR\"},"
    "\"resource\":{\"service.name\":\"web\"}}\n";

static char *g_text;

/* What is printed for @options of SPANS; "!" where it fails. */
static const char *shown(const struct view_options *options)
{
    char path[] = "/tmp/test_view_XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    size_t len;
    fputs(SPANS, file);
    fclose(file);
    free(g_text);
    FILE *out = open_memstream(&g_text, &len);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("TZ", "UTC", 1);
    unsetenv("RUN_TRACED_VIEW_TRACES");
    int status = view_file(path, out, options);
    fclose(out);
    unlink(path);
    return status ? "!" : g_text;
}

/* The last digits of the traces in @text, in its order. */
static const char *traces_in(const char *text, char *out)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "Trace ")); at++)
        out[count++] = at[6 + 31];
    out[count] = '\0';
    return *text == '!' ? "!" : out;
}

Test(view_choice, is_what_is_asked_for, .init = cr_redirect_stderr)
{
    static const struct {
        struct view_options options;
        const char *traces;
    } rows[] = {
        {{0}, "132"},
        {{.service = "api"}, "12"},
        {{.service = "ap"}, "!"},
        {{.is_failed = true}, "13"},
        {{.is_failed = true, .service = "api"}, "!"}, /* one span is to be both */
        {{.is_failed = true, .service = "pay"}, "1"},
        {{.name = "/pay"}, "1"},
        {{.name = "GE"}, "132"},
        {{.slower_than_us = 200000}, "2"},
        {{.slower_than_us = 199999}, "32"},
        {{.trace_prefix = "0a2"}, "2"},
        {{.trace_prefix = "0b300000000000000000000000000003"}, "3"},
        {{.trace_prefix = "0a"}, "!"},
        {{.trace_prefix = "c"}, "!"},
        {{.trace_prefix = "0a", .is_failed = true}, "1"},
        {{.sort = VIEW_SORT_DURATION}, "231"},
        {{.sort = VIEW_SORT_ERRORS}, "312"},
        {{.sort = VIEW_SORT_START}, "132"},
        {{.sort = VIEW_SORT_DURATION, .max_traces = 2}, "23"},
        {{.sort = VIEW_SORT_START, .max_traces = 1}, "1"},
        {{.max_traces = 1}, "2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char traces[8];
        cr_expect_str_eq(traces_in(shown(&rows[i].options), traces), rows[i].traces, "row %zu: %s", i, traces);
    }
}

Test(view_choice, that_is_empty_is_told, .init = cr_redirect_stderr)
{
    char path[] = "/tmp/test_view_XXXXXX", expected[128];
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(SPANS, file);
    fclose(file);
    view_file(path, stdout, &(struct view_options){.trace_prefix = "0a"});
    unlink(path);
    snprintf(expected, sizeof expected, "run-traced: 2 traces begin with 0a in %s; more of the id is needed\n", path);
    fflush(stderr);
    cr_assert_stderr_eq_str(expected);
}

Test(view_choice, is_listed_a_line_each)
{
    cr_assert_str_eq(shown(&(struct view_options){.is_list = true, .color = VIEW_COLOR_NEVER}),
                     "start                            duration   spans  errors  trace     root     services\n"
                     "1970-01-01T00:00:01.000+00:00      100 ms       2       1  0a100000  api GET  api,pay\n"
                     "1970-01-01T00:00:02.000+00:00      200 ms       2       2  0b300000  web PUT  web\n"
                     "1970-01-01T00:00:03.000+00:00      300 ms       1       0  0a200000  api GET  api\n");
    cr_expect_str_eq(shown(&(struct view_options){.is_list = true, .max_traces = 1, .sort = VIEW_SORT_ERRORS, .width = 80}),
                     "start                            duration   spans  errors  trace     root     services\n"
                     "1970-01-01T00:00:02.000+00:00      200 ms       2       2  0b300000  web PUT  w…\n");
}

Test(view_choice, is_json_for_programs)
{
    cr_assert_str_eq(shown(&(struct view_options){.is_json = true, .trace_prefix = "0a1"}),
                     "{\"traceId\":\"0a100000000000000000000000000001\",\"timestamp\":1000000,\"duration\":100000,"
                     "\"spans\":2,\"errors\":1,\"root\":{\"service\":\"api\",\"name\":\"GET\"},"
                     "\"services\":[\"api\",\"pay\"],\"criticalPath\":["
                     "{\"kind\":\"service\",\"name\":\"api\",\"us\":50000},"
                     "{\"kind\":\"service\",\"name\":\"pay\",\"caller\":\"api\",\"us\":50000}]}\n");
}
