#include "view/run_diff_paths.h"

#include "base/compiler.h"
#include "view/stable_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 256 };

static uint64_t step_hash(const struct diff_path *step)
{
    const uintptr_t words[] = {step->parent, (uintptr_t)step->is_test << 8 | step->kind, (uintptr_t)step->service,
                               (uintptr_t)step->operation};
    return string_hash((const char *)words, sizeof words);
}

static bool is_same_step(const struct diff_path *a, const struct diff_path *b)
{
    return a->parent == b->parent && a->is_test == b->is_test && a->kind == b->kind && a->service == b->service &&
           a->operation == b->operation;
}

/* The slot of a step, or the free one where it belongs. */
static uint32_t *slot_find(const struct diff_paths *paths, const struct diff_path *step)
{
    uint64_t hash = step_hash(step);
    size_t mask = paths->slot_count - 1;
    for (size_t i = (hash ^ hash >> 32) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &paths->slots[i];
        if (*slot == DIFF_NO_PATH || is_same_step(&paths->paths[*slot], step))
            return slot;
    }
}

static int slots_grow(struct diff_paths *paths)
{
    size_t count = MAX(paths->slot_count * 2, (size_t)SLOTS_MIN);
    uint32_t *slots = malloc(count * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    memset(slots, 0xff, count * sizeof *slots);
    free(paths->slots);
    paths->slots = slots;
    paths->slot_count = count;
    for (size_t i = 0; i < paths->count; i++)
        *slot_find(paths, &paths->paths[i]) = (uint32_t)i;
    return 0;
}

static int step_intern(struct diff_paths *paths, const struct diff_path *step, uint32_t *out)
{
    if ((paths->count + 1) * 4 > paths->slot_count * 3 && slots_grow(paths))
        return -ENOMEM;
    uint32_t *slot = slot_find(paths, step);
    if (*slot == DIFF_NO_PATH) {
        if (paths->count == paths->capacity) {
            size_t capacity = MAX(paths->capacity * 2, (size_t)64);
            struct diff_path *grown = reallocarray(paths->paths, capacity, sizeof *grown);
            if (!grown)
                return -ENOMEM;
            paths->paths = grown;
            paths->capacity = capacity;
        }
        paths->paths[paths->count] = *step;
        *slot = (uint32_t)paths->count++;
    }
    *out = *slot;
    return 0;
}

static const char *operation_intern(struct diff_paths *paths, const struct view_span *span)
{
    char bytes[STABLE_OPERATION_LEN];
    struct text text = text_on(bytes, sizeof bytes);
    stable_operation_append(&text, span);
    return string_pool_intern(&paths->pool, bytes, text.len);
}

static const char *text_of(struct diff_paths *paths, const struct check_spans *spans, size_t span,
                           const char *field_name)
{
    struct check_field field;
    if (check_field_find(&spans->checks->fields, &spans->checks->pool, field_name, strlen(field_name), &field))
        return "";
    struct check_value value = check_spans_value(spans, span, &field);
    return value.type == CHECK_TEXT ? string_pool_intern(&paths->pool, value.text, strlen(value.text)) : "";
}

static struct diff_path step_make(struct diff_paths *paths, const struct check_spans *spans, uint32_t span,
                                  uint32_t parent)
{
    const struct view_span *view = &spans->set.spans[span];
    if (spans->relatives[CHECK_TEST][span] == span)
        return (struct diff_path){.parent = DIFF_NO_PATH,
                                  .is_test = true,
                                  .service = text_of(paths, spans, span, "suite"),
                                  .operation = text_of(paths, spans, span, "test")};
    return (struct diff_path){.parent = parent,
                              .depth = parent == DIFF_NO_PATH ? 0 : paths->paths[parent].depth + 1,
                              .kind = view->kind,
                              .service = string_pool_intern(&paths->pool, view->service, strlen(view->service)),
                              .operation = operation_intern(paths, view)};
}

/* The paths of a span and of all above it that have none yet. @stack: as long as there are spans. */
static int span_place(struct diff_paths *paths, const struct check_spans *spans, uint32_t span, uint32_t *path_of,
                      uint32_t *stack)
{
    size_t depth = 0;
    int error = 0;
    for (; span != CHECK_NO_SPAN && path_of[span] == DIFF_NO_PATH; span = spans->relatives[CHECK_PARENT][span])
        stack[depth++] = span;
    uint32_t path = span == CHECK_NO_SPAN ? DIFF_NO_PATH : path_of[span];
    while (depth-- && !error) {
        struct diff_path step = step_make(paths, spans, stack[depth], path);
        error = step_intern(paths, &step, &path);
        if (!error)
            path_of[stack[depth]] = path;
    }
    return error;
}

static int spans_count(struct diff_paths *paths, const struct check_spans *spans, enum diff_side side,
                       uint32_t *path_of, uint32_t *stack)
{
    int error = 0;
    for (size_t i = 0; i < spans->set.count && !error; i++) {
        error = span_place(paths, spans, (uint32_t)i, path_of, stack);
        if (error)
            break;
        const struct view_span *span = &spans->set.spans[i];
        struct diff_path *path = &paths->paths[path_of[i]];
        path->count[side]++;
        path->error_count[side] += span->is_error;
        paths->samples[paths->sample_count++] = (struct diff_sample){path_of[i], side, span->duration_us};
    }
    return paths->pool.is_out_of_memory ? -ENOMEM : error;
}

int diff_paths_add(struct diff_paths *paths, const struct check_spans *spans, enum diff_side side)
{
    size_t count = MAX(spans->set.count, (size_t)1);
    uint32_t *path_of = malloc(count * sizeof *path_of), *stack = malloc(count * sizeof *stack);
    struct diff_sample *samples = reallocarray(paths->samples, paths->sample_count + count, sizeof *samples);
    paths->samples = samples ? samples : paths->samples;
    int error = path_of && stack && samples ? 0 : -ENOMEM;
    if (!error) {
        memset(path_of, 0xff, count * sizeof *path_of);
        error = spans_count(paths, spans, side, path_of, stack);
    }
    free(path_of);
    free(stack);
    return error;
}

static int sample_compare(const void *left, const void *right)
{
    const struct diff_sample *a = left, *b = right;
    if (a->path != b->path)
        return a->path < b->path ? -1 : 1;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    return (a->duration_us > b->duration_us) - (a->duration_us < b->duration_us);
}

void diff_paths_sort(struct diff_paths *paths)
{
    if (paths->sample_count)
        qsort(paths->samples, paths->sample_count, sizeof *paths->samples, sample_compare);
    size_t at = 0;
    for (size_t i = 0; i < paths->count; i++)
        for (int side = DIFF_OLD; side < DIFF_SIDES; side++) {
            paths->paths[i].sample_at[side] = at;
            at += paths->paths[i].count[side];
        }
}

void diff_paths_free(struct diff_paths *paths)
{
    free(paths->paths);
    free(paths->slots);
    free(paths->samples);
    string_pool_free(&paths->pool);
    *paths = (struct diff_paths){0};
}
