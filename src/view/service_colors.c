#include "view/service_colors.h"

#include "base/compiler.h"
#include "view/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Interned strings: comparing pointers first leaves few names to compare. */
static size_t services_collect(const struct view_span *spans, size_t count, const char **services)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        services[i] = spans[i].service;
    qsort(services, count, sizeof *services, pointer_compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || services[kept - 1] != services[i])
            services[kept++] = services[i];
    qsort(services, kept, sizeof *services, name_compare);
    return kept;
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

int service_colors_assign(const struct view_span *spans, size_t count,
                          struct service_colors *colors)
{
    bool is_taken[ARRAY_LEN(PALETTE)] = {false};
    *colors = (struct service_colors){.services = calloc(count + 1, sizeof *colors->services)};
    if (!colors->services)
        return -ENOMEM;
    colors->count = services_collect(spans, count, colors->services);
    colors->colors = calloc(colors->count + 1, sizeof *colors->colors);
    if (!colors->colors) {
        service_colors_free(colors);
        return -ENOMEM;
    }
    for (size_t i = 0; i < colors->count; i++)
        colors->colors[i] = color_pick(colors->services[i], is_taken);
    return 0;
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
