#include "view/complaint.h"

#include "view/screen.h"

#include <limits.h>
#include <string.h>

void complaint_print(const char *what, const char *path, const char *why, const char *advice)
{
    static const struct view_options plain = {.color = VIEW_COLOR_NEVER};
    struct screen screen;
    screen_open(&screen, stderr, &plain);
    screen_format(&screen, STYLE_PLAIN, "run-traced: %s ", what);
    screen_text(&screen, STYLE_PLAIN, strcmp(path, "-") ? path : "standard input", PATH_MAX);
    screen_put(&screen, STYLE_PLAIN, *why ? ": " : "");
    screen_text(&screen, STYLE_PLAIN, why, PATH_MAX);
    screen_put(&screen, STYLE_PLAIN, advice);
    screen_newline(&screen);
    screen_close(&screen);
}
