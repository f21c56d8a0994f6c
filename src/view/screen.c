#include "view/screen.h"

#include "base/compiler.h"
#include "view/text_cell.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 100, WIDTH_MIN = 40, WIDTH_MAX = 400, COMBINING_MAX = 2 };

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

static int width_find(FILE *out)
{
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    long columns = strtol(environment("COLUMNS"), NULL, 10);
    return columns > 0 ? (int)MIN(columns, WIDTH_MAX) : WIDTH_DEFAULT;
}

static bool color_find(FILE *out, enum view_color color)
{
    if (color != VIEW_COLOR_AUTO)
        return color == VIEW_COLOR_ALWAYS;
    return isatty(fileno(out)) && !*environment("NO_COLOR") &&
           strcmp(environment("TERM"), "dumb") != 0;
}

/* Terminals are UTF-8 these days: only a locale that was asked for and is not makes it ASCII. */
static locale_t locale_find(void)
{
    bool is_asked_for = *environment("LC_ALL") || *environment("LC_CTYPE") || *environment("LANG");
    locale_t locale = is_asked_for ? newlocale(LC_CTYPE_MASK, "", (locale_t)0) : (locale_t)0;
    return locale ? locale : newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

void screen_open(struct screen *screen, FILE *out, const struct view_options *options)
{
    static const struct view_options defaults;
    options = options ? options : &defaults;
    int width = options->width > 0 ? options->width : width_find(out);
    *screen = (struct screen){
        .out = out,
        .width = MIN(MAX(width, (int)WIDTH_MIN), (int)WIDTH_MAX),
        .has_color = color_find(out, options->color),
        .locale = locale_find(),
    };
    if (!screen->locale)
        return;
    screen->previous_locale = uselocale(screen->locale);
    screen->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int screen_close(struct screen *screen)
{
    if (screen->locale) {
        uselocale(screen->previous_locale);
        freelocale(screen->locale);
        screen->locale = (locale_t)0;
    }
    return fflush(screen->out) == 0 && !ferror(screen->out) ? 0 : -EIO;
}

static void pending_print(struct screen *screen)
{
    if (screen->pending_columns)
        fprintf(screen->out, "%*s", screen->pending_columns, "");
    screen->pending_columns = 0;
}

static void style_begin(struct screen *screen, int style)
{
    static const char *const codes[] = {
        [-STYLE_BOLD] = "\033[1m", [-STYLE_DIM] = "\033[2m", [-STYLE_ERROR] = "\033[1;31m"};
    pending_print(screen);
    if (!screen->has_color || style == STYLE_PLAIN)
        return;
    if (style >= 0)
        fprintf(screen->out, "\033[38;5;%dm", style);
    else
        fputs(codes[-style], screen->out);
}

static void style_end(struct screen *screen, int style)
{
    if (screen->has_color && style != STYLE_PLAIN)
        fputs("\033[0m", screen->out);
}

void screen_put(struct screen *screen, int style, const char *text)
{
    if (!*text)
        return;
    style_begin(screen, style);
    fputs(text, screen->out);
    style_end(screen, style);
}

void screen_repeat(struct screen *screen, int style, const char *text, int count)
{
    if (count <= 0)
        return;
    style_begin(screen, style);
    for (int i = 0; i < count; i++)
        fputs(text, screen->out);
    style_end(screen, style);
}

void screen_reverse(struct screen *screen, int style, const char *text)
{
    style_begin(screen, style);
    fprintf(screen->out, "\033[7m%s\033[27m", text);
    style_end(screen, style);
}

void screen_format(struct screen *screen, int style, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    screen_put(screen, style, text);
}

int screen_text_columns(const struct screen *screen, const char *text)
{
    struct text_cell cell;
    int columns = 0;
    while (*text && columns < INT_MAX / 2) {
        text = text_cell_next(text, screen->is_utf8, &cell);
        columns += cell.columns;
    }
    return columns;
}

/* Prints what fits. A character takes a few combining marks, not a tower of them. */
static int cells_print(struct screen *screen, const char *text, int columns)
{
    struct text_cell cell;
    int used = 0, combining_count = 0;
    while (*text) {
        text = text_cell_next(text, screen->is_utf8, &cell);
        if (used + cell.columns > columns)
            break;
        combining_count = cell.columns ? 0 : combining_count + 1;
        if (combining_count > COMBINING_MAX || (cell.columns == 0 && used == 0))
            continue;
        fwrite(cell.bytes, 1, cell.len, screen->out);
        used += cell.columns;
    }
    return used;
}

int screen_text(struct screen *screen, int style, const char *text, int columns)
{
    if (columns <= 0 || !*text)
        return 0;
    style_begin(screen, style);
    int used;
    if (screen_text_columns(screen, text) <= columns) {
        used = cells_print(screen, text, columns);
    } else {
        used = cells_print(screen, text, columns - 1) + 1;
        fputs(screen->is_utf8 ? "…" : "~", screen->out);
    }
    style_end(screen, style);
    return used;
}

void screen_pad(struct screen *screen, int columns)
{
    screen->pending_columns += MAX(columns, 0);
}

void screen_newline(struct screen *screen)
{
    screen->pending_columns = 0;
    putc('\n', screen->out);
}
