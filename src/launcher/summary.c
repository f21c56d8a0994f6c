#include "launcher/summary.h"

#include "backend/backend.h"
#include "launcher/message.h"

#include <ctype.h>
#include <string.h>

static void append_count(struct text *text, uint64_t count, const char *singular)
{
    text_append_decimal(text, (int64_t)count);
    text_append_char(text, ' ');
    text_append_string(text, singular);
    if (count != 1)
        text_append_char(text, 's');
}

static bool is_plain_word(const char *word)
{
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && !strchr("/._-+,:@%", *word))
            return false;
    return true;
}

/* As a shell reads it: what has other characters stands in single quotes. */
static void append_shell_word(struct text *text, const char *word)
{
    if (*word && is_plain_word(word)) {
        text_append_string(text, word);
        return;
    }
    text_append_char(text, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            text_append_string(text, "'\\'");
        text_append_char(text, *word);
    }
    text_append_char(text, '\'');
}

static bool has_drops(const struct run_stats *stats)
{
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
        if (stats->dropped_count[reason])
            return true;
    return false;
}

static void append_sampled_out(const struct run_stats *stats, struct text *text)
{
    if (!stats->sampled_out_count)
        return;
    text_append_string(text, ", ");
    text_append_decimal(text, (int64_t)stats->sampled_out_count);
    text_append_string(text, " sampled out");
}

/* Their spans are in the file too, beside those that are counted. */
static void append_processes(const struct run_stats *stats, struct text *text)
{
    if (!stats->process_span_count)
        return;
    text_append_string(text, ", ");
    text_append_decimal(text, (int64_t)stats->process_span_count);
    text_append_string(text, stats->process_span_count == 1 ? " process" : " processes");
}

static void append_place(const struct outputs *outputs, struct text *text)
{
    text_append_string(text, ", ");
    text_append_string(text, outputs->description);
    if (outputs->view_path[0]) {
        text_append_string(text, " (run-traced.sh --view ");
        append_shell_word(text, outputs->view_path);
        text_append_char(text, ')');
    }
}

static void format_no_spans(const struct summary *summary, struct text *text)
{
    if (summary->stats->sampled_out_count) {
        text_append_string(text, "no spans kept");
        append_sampled_out(summary->stats, text);
        return;
    }
    if (summary->stats->process_span_count) {
        text_append_string(text, "no traced network calls");
        append_processes(summary->stats, text);
        append_place(summary->outputs, text);
        return;
    }
    /* Why, was said at the start, or is about to be said. */
    if (summary->diagnosis->kind != DIAGNOSIS_NONE || has_drops(summary->stats))
        return;
    text_append_string(text, "no spans: ");
    if (!summary->stats->process_count)
        text_append_string(text, "the tracing library was loaded into no process");
    else
        text_append_string(text, "the command made no traced network calls");
}

void summary_format_spans(const struct summary *summary, struct text *text)
{
    const struct run_stats *stats = summary->stats;
    const struct outputs *outputs = summary->outputs;
    if (!stats->span_count) {
        format_no_spans(summary, text);
        return;
    }
    append_count(text, stats->span_count, "span");
    text_append_string(text, " of ");
    append_count(text, run_stats_service_count(stats), "service");
    text_append_string(text, ", ");
    if (stats->error_count)
        append_count(text, stats->error_count, "error");
    else
        text_append_string(text, "no errors");
    if (stats->opaque_count) {
        text_append_string(text, ", ");
        append_count(text, stats->opaque_count, "TLS connection");
        text_append_string(text, " not seen into");
    }
    append_sampled_out(stats, text);
    append_processes(stats, text);
    append_place(outputs, text);
}

void summary_format_drops(const struct summary *summary, enum drop_reason reason, struct text *text)
{
    uint64_t count = summary->stats->dropped_count[reason];
    int error = summary->stats->last_errno[reason];
    const char *why = drop_reason_text(reason);
    if (!count || !why)
        return;
    append_count(text, count, "span");
    text_append_string(text, " lost: ");
    text_append_string(text, why);
    if (error > 0) {
        text_append_string(text, " (");
        text_append_string(text, strerror(error));
        text_append_char(text, ')');
    }
}

void summary_format_early(const struct summary *summary, struct text *text)
{
    uint64_t count = summary->stats->decided_early_count;
    if (!count)
        return;
    append_count(text, count, "trace");
    text_append_string(text, count == 1 ? " was" : " were");
    text_append_string(text, " decided on before the end: there was no room for more that wait (--keep)");
}

static void text_print(struct text *text)
{
    if (text->len)
        message_print("%s", text_terminate(text));
    text->len = 0;
}

void summary_print(const struct summary *summary)
{
    char line[8192];
    struct text text = text_on(line, sizeof line);
    summary_format_spans(summary, &text);
    text_print(&text);
    if (!summary->is_coverage_whole)
        coverage_format(summary->coverage, &text);
    text_print(&text);
    summary_format_early(summary, &text);
    text_print(&text);
    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++) {
        summary_format_drops(summary, reason, &text);
        text_print(&text);
    }
    if (summary->is_coverage_whole)
        coverage_print(summary->coverage, summary->stats);
    if (summary->backends)
        backends_report(summary->backends);
}
