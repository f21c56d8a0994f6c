#include "view/view_compare.h"

#include "view/compare_print.h"
#include "view/view_profile.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_MAX = 20 };

int view_compare_show(struct view *view, const char *path, const struct view *before, FILE *out,
                      const struct view_options *options)
{
    struct profile *profiles = calloc(2, sizeof *profiles);
    struct compare_sides sides = {options->compare_path, path, &profiles[0], &profiles[1]};
    struct comparison comparison = {0};
    if (!profiles)
        return -ENOMEM;
    profiles[0].by_caller = profiles[1].by_caller = true;
    int result = view_profile_add(before, &profiles[0]);
    if (result == 0)
        result = view_profile_add(view, &profiles[1]);
    if (result == 0)
        result = compare_make(&profiles[0], &profiles[1], &comparison);
    if (result == 0 && options->is_json)
        compare_json_print(&sides, &comparison, out);
    else if (result == 0)
        compare_print(&view->screen, &view->colors, &sides, &comparison,
                      options->max_traces ? options->max_traces : ROWS_MAX);
    compare_free(&comparison);
    profile_free(&profiles[0]);
    profile_free(&profiles[1]);
    free(profiles);
    return result;
}
