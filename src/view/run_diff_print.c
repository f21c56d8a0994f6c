#include "view/run_diff_print.h"

#include "base/compiler.h"
#include "view/duration_text.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <stdlib.h>

enum { STEPS_MAX = 16, STEP_COLUMNS = 120 };

static const char *const CHANGES[] = {[DIFF_ADDED] = "new",   [DIFF_GONE] = "gone",       [DIFF_MORE] = "more",
                                      [DIFF_FEWER] = "fewer", [DIFF_FAILING] = "failing", [DIFF_SLOWER] = "slower"};
static const char *const KINDS[] = {"INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};

/* From the uppermost, STEPS_MAX of the lowest ones. Returns how many. */
static size_t steps_of(const struct diff_paths *paths, const struct diff_path *path, const struct diff_path **steps)
{
    size_t count = 0;
    for (const struct diff_path *at = path; at; at = at->parent == DIFF_NO_PATH ? NULL : &paths->paths[at->parent])
        if (count < STEPS_MAX)
            steps[count++] = at;
    for (size_t i = 0; i < count / 2; i++) {
        const struct diff_path *swapped = steps[i];
        steps[i] = steps[count - 1 - i];
        steps[count - 1 - i] = swapped;
    }
    return count;
}

static void step_put(struct screen *screen, const struct diff_path *step)
{
    if (step->is_test) {
        screen_put(screen, STYLE_BOLD, "test ");
        screen_text(screen, STYLE_BOLD, step->service, STEP_COLUMNS);
        screen_put(screen, STYLE_BOLD, *step->service ? " " : "");
        screen_text(screen, STYLE_BOLD, step->operation, STEP_COLUMNS);
        return;
    }
    screen_text(screen, STYLE_PLAIN, step->service, STEP_COLUMNS);
    screen_format(screen, STYLE_DIM, " %s ", KINDS[step->kind]);
    screen_text(screen, STYLE_PLAIN, step->operation, STEP_COLUMNS);
}

static void counts_put(struct screen *screen, const size_t *counts, const char *what)
{
    screen_format(screen, STYLE_PLAIN, "%zu %s %zu%s", counts[DIFF_OLD], screen->is_utf8 ? "→" : "->", counts[DIFF_NEW],
                  what);
}

static void change_put(struct screen *screen, const struct diff_paths *paths, const struct diff_path *path,
                       enum diff_change change)
{
    char before[DURATION_TEXT_LEN], after[DURATION_TEXT_LEN];
    screen_format(screen, change == DIFF_FAILING ? STYLE_ERROR : STYLE_BOLD, "  %-8s", CHANGES[change]);
    switch (change) {
    case DIFF_ADDED:
    case DIFF_GONE:
        screen_format(screen, STYLE_PLAIN, "%zu", path->count[change == DIFF_ADDED]);
        break;
    case DIFF_FAILING:
        counts_put(screen, path->error_count, path->error_count[DIFF_NEW] == 1 ? " error" : " errors");
        break;
    case DIFF_SLOWER:
        duration_text(run_diff_median(paths, path, DIFF_OLD), 3, screen->is_utf8, before);
        duration_text(run_diff_median(paths, path, DIFF_NEW), 3, screen->is_utf8, after);
        screen_format(screen, STYLE_PLAIN, "p50 %s (of %zu) %s %s (of %zu)", before, path->count[DIFF_OLD],
                      screen->is_utf8 ? "→" : "->", after, path->count[DIFF_NEW]);
        break;
    default:
        counts_put(screen, path->count, "");
    }
    screen_put(screen, STYLE_PLAIN, "  ");
}

static void path_put(struct screen *screen, const struct diff_paths *paths, const struct diff_path *path)
{
    const struct diff_path *steps[STEPS_MAX];
    size_t count = steps_of(paths, path, steps);
    if (steps[0]->parent != DIFF_NO_PATH)
        screen_put(screen, STYLE_DIM, screen->is_utf8 ? "… > " : "~ > ");
    for (size_t i = 0; i < count; i++) {
        screen_put(screen, STYLE_DIM, i ? " > " : "");
        step_put(screen, steps[i]);
    }
    screen_newline(screen);
}

/* How many of each. */
static void sums_put(struct screen *screen, const struct diff_paths *paths, const size_t *counts, bool is_same)
{
    screen_format(screen, STYLE_PLAIN, "%zu call path%s, %s", paths->count, paths->count == 1 ? "" : "s",
                  is_same ? "no difference" : "");
    const char *separator = "";
    for (int change = DIFF_ADDED; change < DIFF_CHANGES; change++) {
        if (counts[change] == 0)
            continue;
        screen_format(screen, STYLE_PLAIN, "%s%zu %s", separator, counts[change], CHANGES[change]);
        separator = ", ";
    }
    screen_newline(screen);
}

long run_diff_text(struct screen *screen, const struct diff_paths *paths)
{
    size_t counts[DIFF_CHANGES] = {0}, sum;
    size_t *changed = run_diff_changed(paths, &sum);
    if (!changed)
        return -ENOMEM;
    for (size_t i = 0; i < sum; i++) {
        const struct diff_path *path = &paths->paths[changed[i]];
        enum diff_change change = run_diff_change(paths, path);
        counts[change]++;
        change_put(screen, paths, path, change);
        path_put(screen, paths, path);
    }
    free(changed);
    sums_put(screen, paths, counts, sum == 0);
    return (long)sum;
}

static void side_add(cJSON *object, const char *key, const struct diff_paths *paths, const struct diff_path *path,
                     enum diff_side side)
{
    cJSON *item = cJSON_AddObjectToObject(object, key);
    cJSON_AddNumberToObject(item, "count", (double)path->count[side]);
    cJSON_AddNumberToObject(item, "errors", (double)path->error_count[side]);
    if (path->count[side])
        cJSON_AddNumberToObject(item, "p50", (double)run_diff_median(paths, path, side));
}

static cJSON *change_object(const struct diff_paths *paths, const struct diff_path *path, enum diff_change change)
{
    const struct diff_path *steps[STEPS_MAX];
    size_t count = steps_of(paths, path, steps), first = steps[0]->is_test;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "change", CHANGES[change]);
    if (first) {
        cJSON_AddStringToObject(object, "test", steps[0]->operation);
        if (*steps[0]->service)
            cJSON_AddStringToObject(object, "suite", steps[0]->service);
    }
    cJSON *array = cJSON_AddArrayToObject(object, "path");
    for (size_t i = first; i < count; i++) {
        cJSON *step = cJSON_CreateObject();
        cJSON_AddItemToArray(array, step);
        cJSON_AddStringToObject(step, "service", steps[i]->service);
        cJSON_AddStringToObject(step, "kind", KINDS[steps[i]->kind]);
        cJSON_AddStringToObject(step, "name", steps[i]->operation);
    }
    side_add(object, "old", paths, path, DIFF_OLD);
    side_add(object, "new", paths, path, DIFF_NEW);
    return object;
}

static int change_print(FILE *out, const struct diff_paths *paths, const struct diff_path *path)
{
    cJSON *object = change_object(paths, path, run_diff_change(paths, path));
    char *text = object ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    if (!text)
        return -ENOMEM;
    fprintf(out, "%s\n", text);
    cJSON_free(text);
    return 0;
}

long run_diff_json(FILE *out, const struct diff_paths *paths)
{
    size_t sum;
    size_t *changed = run_diff_changed(paths, &sum);
    int error = changed ? 0 : -ENOMEM;
    for (size_t i = 0; i < sum && !error; i++)
        error = change_print(out, paths, &paths->paths[changed[i]]);
    free(changed);
    return error ? error : (long)sum;
}
