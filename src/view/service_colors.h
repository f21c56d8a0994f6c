/* service_colors.h - a colour for each service, the same wherever it shows. */
#ifndef RUN_TRACED_VIEW_SERVICE_COLORS_H
#define RUN_TRACED_VIEW_SERVICE_COLORS_H

#include "view/span_decode.h"

/* All zero: no service, every colour plain. */
struct service_colors {
    const char **services; /* by name, each once */
    int *colors;           /* of the 256-colour palette */
    size_t count;
    size_t capacity;       /* of services, while they are collected */
};

/* service_colors_collect - notes the services of some spans; service_colors_pick - gives each that was noted a colour.
 * Return 0 or -ENOMEM; service_colors_free is due either way. */
int service_colors_collect(const struct view_span *spans, size_t count, struct service_colors *colors);
int service_colors_pick(struct service_colors *colors);

/* service_colors_assign - both: gives each service of the spans a colour: by the hash of its name, so
 * that it stays the same from file to file; where two would be alike, the later by name takes the
 * next free one. Returns 0 or -ENOMEM. */
int service_colors_assign(const struct view_span *spans, size_t count,
                          struct service_colors *colors);

/* service_color - the style to print a service with; STYLE_PLAIN if it is unknown. */
int service_color(const struct service_colors *colors, const char *service);

/* service_colors_free - gives back all memory. */
void service_colors_free(struct service_colors *colors);

#endif
