#include "view/trace_json.h"

#include "view/analysis.h"
#include "view/trace_table.h"
#include "view/trace_tree.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdlib.h>

static const char *const KINDS[] = {
    [SHARE_SERVICE] = "service", [SHARE_CALLEE] = "callee", [SHARE_NETWORK] = "network",
    [SHARE_OUTSIDE] = "outside", [SHARE_REST] = "rest",
};

static void string_add(cJSON *object, const char *key, const char *value)
{
    if (value)
        cJSON_AddStringToObject(object, key, value);
}

static void share_add(cJSON *path, const struct share *share)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(path, item);
    string_add(item, "kind", KINDS[share->kind]);
    string_add(item, "name", share->label);
    string_add(item, "caller", share->caller);
    string_add(item, "callee", share->callee);
    cJSON_AddNumberToObject(item, "us", (double)share->us);
}

static int path_add(cJSON *object, const struct trace_entry *entry)
{
    struct trace_tree tree;
    struct analysis analysis;
    int result = trace_tree_build(entry->spans, entry->span_count, &tree);
    if (result < 0)
        return result;
    result = analysis_make(&tree, &analysis);
    if (result == 0) {
        cJSON *path = cJSON_AddArrayToObject(object, "criticalPath");
        for (size_t i = 0; i < analysis.share_count - analysis.idle_count; i++)
            share_add(path, &analysis.shares[i]);
        analysis_free(&analysis);
    }
    trace_tree_free(&tree);
    return result;
}

static int services_add(cJSON *object, const struct trace_entry *entry)
{
    const char **services = malloc(entry->span_count * sizeof *services);
    if (!services)
        return -ENOMEM;
    size_t count = trace_services(entry, services);
    cJSON *array = cJSON_CreateStringArray(services, (int)count);
    cJSON_AddItemToObject(object, "services", array);
    free(services);
    return array ? 0 : -ENOMEM;
}

static int object_fill(cJSON *object, const struct trace_entry *entry)
{
    char hex[2 * TRACE_ID_LEN + 1];
    for (int i = 0; i < TRACE_ID_LEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", entry->spans->trace_id[i]);
    string_add(object, "traceId", hex);
    cJSON_AddNumberToObject(object, "timestamp", (double)entry->start_us);
    cJSON_AddNumberToObject(object, "duration", (double)entry->total_us);
    cJSON_AddNumberToObject(object, "spans", (double)entry->span_count);
    cJSON_AddNumberToObject(object, "errors", (double)entry->error_count);
    cJSON *root = cJSON_AddObjectToObject(object, "root");
    string_add(root, "service", entry->root_service);
    string_add(root, "name", entry->root_name);
    int result = services_add(object, entry);
    return result < 0 ? result : path_add(object, entry);
}

int trace_json_print(const struct trace_entry *entry, FILE *out)
{
    cJSON *object = cJSON_CreateObject();
    int result = object ? object_fill(object, entry) : -ENOMEM;
    char *text = result == 0 ? cJSON_PrintUnformatted(object) : NULL;
    if (text)
        fprintf(out, "%s\n", text);
    else if (result == 0)
        result = -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(object);
    return result;
}
