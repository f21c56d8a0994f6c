#include "view/service_colors.h"

#include "base/compiler.h"
#include "view/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RECENT_COUNT = 256 };

/* Told apart easily, legible on dark and on light ground, none near the red of errors. */
static const uint8_t PALETTE[] = {39, 71, 172, 133, 37, 178, 105, 107, 74, 175, 137, 43};

static int pointer_compare(const void *left, const void *right)
{
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    return (a > b) - (a < b);
}

static int name_compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static size_t services_unique(const char **services, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(services, count, sizeof *services, pointer_compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || services[kept - 1] != services[i])
            services[kept++] = services[i];
    return kept;
}

/* Room for one more: where there is none, what is there twice goes first. */
static int services_make_room(struct service_colors *colors)
{
    if (colors->count < colors->capacity)
        return 0;
    colors->count = services_unique(colors->services, colors->count);
    if (colors->count * 2 < colors->capacity)
        return 0;
    size_t grown = MAX(colors->capacity * 2, (size_t)RECENT_COUNT);
    const char **services = reallocarray(colors->services, grown, sizeof *services);
    if (!services)
        return -ENOMEM;
    colors->services = services;
    colors->capacity = grown;
    return 0;
}

static int color_pick(const char *service, bool *is_taken)
{
    size_t wish = (size_t)(string_hash(service, strlen(service)) % ARRAY_LEN(PALETTE));
    size_t pick = wish;
    for (size_t i = 0; i < ARRAY_LEN(PALETTE); i++) {
        size_t candidate = (wish + i) % ARRAY_LEN(PALETTE);
        if (!is_taken[candidate]) {
            pick = candidate;
            break;
        }
    }
    is_taken[pick] = true;
    return PALETTE[pick];
}

/* Interned strings are compared by address; most are among those that came lately. */
int service_colors_collect(const struct view_span *spans, size_t count, struct service_colors *colors)
{
    const char *recent[RECENT_COUNT] = {NULL};
    for (size_t i = 0; i < count; i++) {
        const char **place = &recent[((uintptr_t)spans[i].service >> 3) % RECENT_COUNT];
        if (*place == spans[i].service)
            continue;
        *place = spans[i].service;
        if (services_make_room(colors) < 0)
            return -ENOMEM;
        colors->services[colors->count++] = spans[i].service;
    }
    return 0;
}

int service_colors_pick(struct service_colors *colors)
{
    bool is_taken[ARRAY_LEN(PALETTE)] = {false};
    colors->count = services_unique(colors->services, colors->count);
    if (colors->count)
        qsort(colors->services, colors->count, sizeof *colors->services, name_compare);
    colors->colors = calloc(colors->count + 1, sizeof *colors->colors);
    if (!colors->colors)
        return -ENOMEM;
    for (size_t i = 0; i < colors->count; i++)
        colors->colors[i] = color_pick(colors->services[i], is_taken);
    return 0;
}

int service_colors_assign(const struct view_span *spans, size_t count,
                          struct service_colors *colors)
{
    *colors = (struct service_colors){0};
    int result = service_colors_collect(spans, count, colors);
    if (result == 0)
        result = service_colors_pick(colors);
    if (result < 0)
        service_colors_free(colors);
    return result;
}

int service_color(const struct service_colors *colors, const char *service)
{
    const char **found = colors->count ? bsearch(&service, colors->services, colors->count,
                                                 sizeof *colors->services, name_compare)
                                       : NULL;
    return found ? colors->colors[found - colors->services] : STYLE_PLAIN;
}

void service_colors_free(struct service_colors *colors)
{
    free(colors->services);
    free(colors->colors);
    *colors = (struct service_colors){0};
}
