/* screen.h - where the view is drawn: columns, colours, characters, and text that cannot be
 * trusted. */
#ifndef RUN_TRACED_VIEW_SCREEN_H
#define RUN_TRACED_VIEW_SCREEN_H

#include "view/view.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>

/* How text looks. 0 to 255: a foreground colour of the 256-colour palette. */
enum screen_style { STYLE_PLAIN = -1, STYLE_BOLD = -2, STYLE_DIM = -3, STYLE_ERROR = -4, STYLE_PATH = 214 };

struct screen {
    FILE *out;
    int width; /* columns */
    bool is_utf8;
    bool has_color;
    int pending_columns; /* spaces, printed when something follows them on the line */
    locale_t locale;     /* (locale_t)0: none */
    locale_t previous_locale;
};

/* screen_open - settles width, colours and character set from @options and the environment, and
 * sets this thread's character set (wcwidth needs it). @options: NULL for the defaults. A locale
 * that was asked for but does not exist, or none asked for, gives C.UTF-8. */
void screen_open(struct screen *screen, FILE *out, const struct view_options *options);

/* screen_close - restores the thread's locale and flushes. Returns 0, or -EIO if anything could not
 * be written. */
int screen_close(struct screen *screen);

/* screen_put - prints our own text (ASCII, or UTF-8 if is_utf8), one column a character. */
void screen_put(struct screen *screen, int style, const char *text);

/* screen_repeat - screen_put, @count times; nothing if 0 or less. */
void screen_repeat(struct screen *screen, int style, const char *text, int count);

/* screen_format - screen_put, formatted as by printf; up to 255 bytes. */
__attribute__((format(printf, 3, 4))) void screen_format(struct screen *screen, int style,
                                                         const char *format, ...);

/* screen_text - prints text from outside in at most @columns columns, with an ellipsis if it is
 * cut. Control and format characters, what is not UTF-8, and what the character set lacks are
 * replaced. Returns the columns used. */
int screen_text(struct screen *screen, int style, const char *text, int columns);

/* screen_text_columns - what screen_text would need for all of it. */
int screen_text_columns(const struct screen *screen, const char *text);

/* screen_pad - moves @columns to the right; nothing if negative. */
void screen_pad(struct screen *screen, int columns);

/* screen_newline - ends the line, without spaces at its end. */
void screen_newline(struct screen *screen);

/* screen_reverse - the same text with foreground and background exchanged. */
void screen_reverse(struct screen *screen, int style, const char *text);

#endif
