#include "view/view_profile.h"

#include "view/profile_json.h"
#include "view/profile_text.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_MAX = 20 };

int view_profile_add(const struct view *view, struct profile *profile)
{
    const struct trace_list *list = &view->list;
    int result = 0;
    for (size_t i = 0; i < list->count && result == 0; i++) {
        if (list->entries[i].is_too_large)
            profile->left_out_count++;
        else
            result = profile_add(profile, list->entries[i].spans, list->entries[i].span_count);
        span_set_relax_at(&view->set, i);
    }
    return result;
}

int view_profile_show(struct view *view, FILE *out, const struct view_options *options)
{
    struct profile *profile = calloc(1, sizeof *profile);
    int result = profile ? view_profile_add(view, profile) : -ENOMEM;
    if (result == 0) {
        profile_sort(profile);
        if (options->report == VIEW_REPORT_DOT)
            profile_dot_print(profile, out);
        else if (options->is_json)
            profile_json_print(profile, out);
        else
            profile_print(&view->screen, &view->colors, profile, options->max_traces ? options->max_traces : ROWS_MAX);
    }
    if (profile)
        profile_free(profile);
    free(profile);
    return result;
}
