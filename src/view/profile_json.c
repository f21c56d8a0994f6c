#include "view/profile_json.h"

#include "base/text.h"
#include "view/duration_text.h"
#include "view/finding_text.h"
#include "view/json_out.h"
#include "view/text_cell.h"

#include <string.h>

const char *view_kind_name(unsigned kind)
{
    static const char *const names[] = {
        [VIEW_KIND_INTERNAL] = "INTERNAL", [VIEW_KIND_SERVER] = "SERVER",     [VIEW_KIND_CLIENT] = "CLIENT",
        [VIEW_KIND_PRODUCER] = "PRODUCER", [VIEW_KIND_CONSUMER] = "CONSUMER",
    };
    return names[kind];
}

static void times_put(struct json_out *json, struct stats *stats)
{
    json_number(json, "count", (int64_t)stats->us.count);
    json_number(json, "errors", (int64_t)stats->error_count);
    json_number(json, "p50", samples_percentile(&stats->us, 50));
    json_number(json, "p95", samples_percentile(&stats->us, 95));
    json_number(json, "p99", samples_percentile(&stats->us, 99));
    json_number(json, "criticalPath", stats->path_us);
}

static void operations_put(struct json_out *json, struct stats_table *table)
{
    json_open(json, "operations", '[');
    for (size_t i = 0; i < table->count; i++) {
        struct stats *stats = &table->items[i];
        json_open(json, NULL, '{');
        json_string(json, "service", stats->key.service);
        json_string(json, "kind", view_kind_name(stats->key.kind));
        json_string(json, "operation", stats->key.what);
        times_put(json, stats);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void calls_put(struct json_out *json, struct stats_table *table)
{
    json_open(json, "calls", '[');
    for (size_t i = 0; i < table->count; i++) {
        struct stats *stats = &table->items[i];
        json_open(json, NULL, '{');
        json_string(json, "from", stats->key.service);
        json_string(json, stats->key.kind == CALLEE_SERVICE ? "to" : "toAddress", stats->key.what);
        times_put(json, stats);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void sites_put(struct json_out *json, struct stats_table *table)
{
    json_open(json, "callSites", '[');
    for (size_t i = 0; i < table->count; i++) {
        struct stats *stats = &table->items[i];
        json_open(json, NULL, '{');
        json_string(json, "service", stats->key.service);
        json_string(json, "place", stats->key.place);
        json_string(json, "operation", stats->key.what);
        times_put(json, stats);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void findings_put(struct json_out *json, struct stats_table *table)
{
    char text[FINDING_TEXT_LEN];
    json_open(json, "findings", '[');
    for (size_t i = 0; i < table->count; i++) {
        struct stats *stats = &table->items[i];
        json_open(json, NULL, '{');
        json_string(json, "kind", finding_name(stats->key.kind));
        json_string(json, "text", finding_text(stats, true, text));
        json_string(json, "service", stats->key.service);
        json_string(json, "operation", stats->key.what);
        json_string(json, stats->key.kind == FINDING_WAITED ? "toAddress" : "within", stats->key.other);
        json_string(json, "place", stats->key.place);
        json_number(json, "calls", (int64_t)stats->calls_max);
        json_number(json, "count", (int64_t)stats->us.count);
        json_number(json, "us", stats->path_us);
        json_number(json, "longest", stats->longest_us);
        json_id(json, "traceId", stats->trace_id, TRACE_ID_LEN);
        json_close(json, '}');
    }
    json_close(json, ']');
}

void profile_json_print(struct profile *profile, FILE *out)
{
    struct json_out json = {.out = out};
    json_open(&json, NULL, '{');
    json_number(&json, "traces", (int64_t)profile->trace_count);
    json_number(&json, "failedTraces", (int64_t)profile->failed_count);
    json_number(&json, "unjudgedTraces", (int64_t)profile->unjudged_count);
    json_number(&json, "leftOutTraces", (int64_t)profile->left_out_count);
    json_number(&json, "spans", (int64_t)profile->span_count);
    json_number(&json, "errors", (int64_t)profile->error_count);
    json_number(&json, "timestamp", profile->start_us);
    json_number(&json, "end", profile->end_us);
    json_number(&json, "criticalPath", profile->total_us);
    json_number(&json, "outside", profile->outside_us);
    json_number(&json, "programs", profile->programs_us);
    operations_put(&json, &profile->operations);
    calls_put(&json, &profile->calls);
    sites_put(&json, &profile->sites);
    findings_put(&json, &profile->findings);
    json_close(&json, '}');
    json_newline(&json);
}

/* A string of DOT, of what is safe to print. */
static void dot_string_put(FILE *out, const char *text)
{
    struct text_cell cell;
    putc('"', out);
    while (*text) {
        text = text_cell_next(text, true, &cell);
        if (*cell.bytes == '"' || *cell.bytes == '\\')
            putc('\\', out);
        fwrite(cell.bytes, 1, cell.len, out);
    }
    putc('"', out);
}

void profile_dot_print(struct profile *profile, FILE *out)
{
    char p50[DURATION_TEXT_LEN], count[COUNT_TEXT_LEN];
    fputs("digraph calls {\n    rankdir=LR;\n    node [shape=box];\n", out);
    for (size_t i = 0; i < profile->calls.count; i++) {
        struct stats *stats = &profile->calls.items[i];
        fputs("    ", out);
        dot_string_put(out, stats->key.service);
        fputs(" -> ", out);
        dot_string_put(out, stats->key.what ? stats->key.what : "unknown");
        fprintf(out, " [label=\"%s x %s", count_text(stats->us.count, count),
                duration_text(samples_percentile(&stats->us, 50), 2, true, p50));
        if (stats->error_count)
            fprintf(out, "\\n%s failed\", color=red", count_text(stats->error_count, count));
        else
            putc('"', out);
        fputs("];\n", out);
    }
    fputs("}\n", out);
}
