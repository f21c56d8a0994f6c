#include "view/trace_json.h"

#include "view/analysis.h"
#include "view/json_out.h"
#include "view/trace_table.h"
#include "view/trace_tree.h"

#include <errno.h>
#include <stdlib.h>

static const char *const KINDS[] = {
    [SHARE_SERVICE] = "service", [SHARE_PROGRAM] = "program", [SHARE_CALLEE] = "callee", [SHARE_NETWORK] = "network",
    [SHARE_OUTSIDE] = "outside", [SHARE_REST] = "rest",
};

static void share_put(struct json_out *json, const struct share *share)
{
    json_open(json, NULL, '{');
    json_string(json, "kind", KINDS[share->kind]);
    json_string(json, "name", share->label);
    json_string(json, "caller", share->caller);
    json_string(json, "callee", share->callee);
    if (share->call && share->call->code_file) {
        json_string(json, "file", share->call->code_file);
        json_number(json, "line", share->call->code_line);
    }
    json_number(json, "us", share->us);
    json_close(json, '}');
}

static void services_put(struct json_out *json, const struct trace_entry *entry, const char **services)
{
    size_t count = trace_services(entry, services);
    json_open(json, "services", '[');
    for (size_t i = 0; i < count; i++)
        json_string(json, NULL, services[i]);
    json_close(json, ']');
}

static void path_put(struct json_out *json, const struct analysis *analysis)
{
    json_open(json, "criticalPath", '[');
    for (size_t i = 0; i < analysis->share_count - analysis->idle_count; i++)
        share_put(json, &analysis->shares[i]);
    json_close(json, ']');
}

/* @analysis NULL: not made. */
static void trace_put(struct json_out *json, const struct trace_entry *entry, const char **services,
                      const struct analysis *analysis)
{
    json_open(json, NULL, '{');
    json_id(json, "traceId", entry->trace_id, TRACE_ID_LEN);
    json_number(json, "timestamp", entry->start_us);
    json_number(json, "duration", entry->total_us);
    json_number(json, "spans", (int64_t)entry->span_count);
    json_number(json, "errors", (int64_t)entry->error_count);
    json_open(json, "root", '{');
    json_string(json, "service", entry->root_service);
    json_string(json, "name", entry->root_name);
    json_close(json, '}');
    services_put(json, entry, services);
    if (analysis)
        path_put(json, analysis);
    json_close(json, '}');
    json_newline(json);
}

int trace_json_print(const struct trace_entry *entry, FILE *out)
{
    struct json_out json = {.out = out};
    struct trace_tree tree;
    struct analysis analysis;
    const char **services = malloc(entry->span_count * sizeof *services);
    bool is_assembled = services && !entry->is_too_large;
    int result = is_assembled ? trace_tree_build(entry->spans, entry->span_count, &tree) : services ? 0 : -ENOMEM;
    if (result == 0 && !is_assembled)
        trace_put(&json, entry, services, NULL);
    if (result == 0 && is_assembled) {
        result = analysis_make(&tree, &analysis);
        if (result == 0) {
            trace_put(&json, entry, services, &analysis);
            analysis_free(&analysis);
        }
        trace_tree_free(&tree);
    }
    free(services);
    return result;
}
