#include "launcher/view_options.h"

#include "base/compiler.h"
#include "launcher/keep.h"
#include "launcher/message.h"
#include "trace/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int errors_set(struct view_options *view, const char *value)
{
    (void)value;
    view->is_failed = true;
    return 0;
}

static int list_set(struct view_options *view, const char *value)
{
    (void)value;
    view->is_list = true;
    return 0;
}

static int json_set(struct view_options *view, const char *value)
{
    (void)value;
    view->is_json = true;
    return 0;
}

static int events_set(struct view_options *view, const char *value)
{
    (void)value;
    view->has_events = true;
    return 0;
}

static int analyze_set(struct view_options *view, const char *value)
{
    (void)value;
    view->report = VIEW_REPORT_PROFILE;
    return 0;
}

static int dot_set(struct view_options *view, const char *value)
{
    (void)value;
    view->report = VIEW_REPORT_DOT;
    return 0;
}

static int compare_set(struct view_options *view, const char *value)
{
    view->report = VIEW_REPORT_COMPARE;
    view->compare_path = value;
    return *value ? 0 : -EINVAL;
}

static int slower_than_set(struct view_options *view, const char *value)
{
    uint64_t ns;
    if (duration_parse(value, strlen(value), &ns))
        return -EINVAL;
    view->slower_than_us = (int64_t)(ns / 1000);
    return view->slower_than_us ? 0 : -EINVAL;
}

static int name_set(struct view_options *view, const char *value)
{
    view->name = value;
    return *value ? 0 : -EINVAL;
}

static int trace_set(struct view_options *view, const char *value)
{
    size_t len = strlen(value);
    view->trace_prefix = value;
    return len && len <= 2 * TRACE_ID_LEN && strspn(value, "0123456789abcdef") == len ? 0 : -EINVAL;
}

static int sort_set(struct view_options *view, const char *value)
{
    static const char *const names[] = {
        [VIEW_SORT_START] = "start", [VIEW_SORT_DURATION] = "duration", [VIEW_SORT_ERRORS] = "errors"};
    for (size_t i = VIEW_SORT_START; i < ARRAY_LEN(names); i++)
        if (strcmp(value, names[i]) == 0) {
            view->sort = (enum view_sort)i;
            return 0;
        }
    return -EINVAL;
}

static int limit_set(struct view_options *view, const char *value)
{
    char *end;
    errno = 0;
    unsigned long count = strtoul(value, &end, 10);
    if (errno || *end || count == 0 || strspn(value, "0123456789") != strlen(value))
        return -EINVAL;
    view->max_traces = count;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct view_options *view, const char *value);
    const char *needed;
} OPTIONS[] = {
    {"errors", errors_set, ""},
    {"list", list_set, ""},
    {"json", json_set, ""},
    {"events", events_set, ""},
    {"analyze", analyze_set, ""},
    {"dot", dot_set, ""},
    {"compare", compare_set, "the file from before"},
    {"slower-than", slower_than_set, "a time like 500ms or 2s"},
    {"name", name_set, "a part of a span's name or path"},
    {"trace", trace_set, "the beginning of a trace id: up to 32 of 0-9 and a-f"},
    {"sort", sort_set, "start, duration or errors"},
    {"limit", limit_set, "a number above 0"},
};

int view_options_set(struct view_options *view, const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++) {
        if (strcmp(name, OPTIONS[i].name) || OPTIONS[i].set(view, value) == 0)
            continue;
        message_print("--%s needs %s, not '%s'", name, OPTIONS[i].needed, value);
        return -EINVAL;
    }
    return 0;
}
