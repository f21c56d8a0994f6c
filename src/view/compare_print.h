/* compare_print.h - a comparison for people and for programs. */
#ifndef RUN_TRACED_VIEW_COMPARE_PRINT_H
#define RUN_TRACED_VIEW_COMPARE_PRINT_H

#include "view/compare.h"
#include "view/screen.h"
#include "view/service_colors.h"

/* The two sides, by what they are called. */
struct compare_sides {
    const char *before_path, *after_path;
    const struct profile *before, *after;
};

/* compare_print - prints, by verdict, at most @max operations each, and how many more there are, and how many do not
 * differ. */
void compare_print(struct screen *screen, const struct service_colors *colors, const struct compare_sides *sides,
                   const struct comparison *comparison, size_t max);

/* compare_json_print - prints one line with all operations; times in microseconds. */
void compare_json_print(const struct compare_sides *sides, const struct comparison *comparison, FILE *out);

#endif
