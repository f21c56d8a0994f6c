#include "launcher/summary.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static struct run_stats g_stats;
static struct outputs g_outputs = {.description = "in x y.jsonl", .view_path = "x y.jsonl"};
static struct diagnosis g_diagnosis;
static struct coverage g_coverage;
static const struct summary g_summary = {
    .stats = &g_stats, .outputs = &g_outputs, .diagnosis = &g_diagnosis, .coverage = &g_coverage};

static const char *spans_line(uint64_t spans, uint64_t errors, unsigned services)
{
    static char line[512];
    struct text text = text_on(line, sizeof line);
    memset(&g_stats, 0, sizeof g_stats);
    g_stats.process_count = 1;
    g_stats.span_count = spans;
    g_stats.error_count = errors;
    for (unsigned i = 0; i < services; i++)
        g_stats.services[i * 7] = i + 1;
    summary_format_spans(&g_summary, &text);
    return text_terminate(&text);
}

Test(summary, counts_in_singular_and_plural)
{
    cr_expect_str_eq(spans_line(12, 1, 3), "12 spans of 3 services, 1 error, in x y.jsonl"
                                           " (run-traced.sh --view 'x y.jsonl')");
    cr_expect_str_eq(spans_line(1, 0, 1), "1 span of 1 service, no errors, in x y.jsonl"
                                          " (run-traced.sh --view 'x y.jsonl')");
}

Test(summary, quotes_for_the_shell)
{
    strcpy(g_outputs.view_path, "it's");
    cr_expect(strstr(spans_line(1, 0, 1), " --view 'it'\\''s')"));
    strcpy(g_outputs.view_path, "/a/b-c_1.jsonl");
    cr_expect(strstr(spans_line(1, 0, 1), " --view /a/b-c_1.jsonl)"));
}

Test(summary, leaves_the_hint_out_where_no_file_is)
{
    g_outputs = (struct outputs){.description = "to unix:s"};
    cr_expect_str_eq(spans_line(2, 2, 1), "2 spans of 1 service, 2 errors, to unix:s");
}

Test(summary, says_why_there_is_nothing)
{
    cr_expect_str_eq(spans_line(0, 0, 0), "no spans: the command made no traced network calls");
    g_diagnosis.kind = DIAGNOSIS_STATIC;
    cr_expect_str_eq(spans_line(0, 0, 0), "", "that was said at the start");
}

Test(summary, names_what_was_lost)
{
    char line[512], wanted[512];
    struct text text = text_on(line, sizeof line);
    summary_format_drops(&g_summary, DROP_SOCKET_FULL, &text);
    cr_expect_eq(text.len, 0);
    g_stats.dropped_count[DROP_WRITE_FAILED] = 1;
    g_stats.last_errno[DROP_WRITE_FAILED] = ENOSPC;
    summary_format_drops(&g_summary, DROP_WRITE_FAILED, &text);
    snprintf(wanted, sizeof wanted, "1 span lost: %s (No space left on device)",
             drop_reason_text(DROP_WRITE_FAILED));
    cr_expect_str_eq(text_terminate(&text), wanted);
}

Test(summary, says_what_was_sampled_out)
{
    char line[512];
    struct text text = text_on(line, sizeof line);
    g_outputs = (struct outputs){.description = "to unix:s"};
    spans_line(2, 1, 1);
    summary_format_early(&g_summary, &text);
    cr_expect_eq(text.len, 0);
    g_stats.sampled_out_count = 85;
    summary_format_spans(&g_summary, &text);
    cr_expect_str_eq(text_terminate(&text), "2 spans of 1 service, 1 error, 85 sampled out, to unix:s");
    text.len = 0;
    g_stats.span_count = 0;
    summary_format_spans(&g_summary, &text);
    cr_expect_str_eq(text_terminate(&text), "no spans kept, 85 sampled out");
    text.len = 0;
    g_stats.decided_early_count = 2;
    summary_format_early(&g_summary, &text);
    cr_expect(strstr(text_terminate(&text), "2 traces were decided on before the end"));
}
