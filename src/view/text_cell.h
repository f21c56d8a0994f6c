/* text_cell.h - untrusted text taken apart into what a terminal shows in its columns. */
#ifndef RUN_TRACED_VIEW_TEXT_CELL_H
#define RUN_TRACED_VIEW_TEXT_CELL_H

#include <stdbool.h>
#include <stddef.h>

/* One character that is safe to print. */
struct text_cell {
    const char *bytes; /* of the text, or a replacement; not NUL-terminated */
    size_t len;        /* bytes */
    int columns;       /* 0 (combining), 1 or 2 */
};

/* text_cell_next - takes the next character of @text, which must not be at its end.
 * Replaced are: C0 and C1 controls (escape sequences cannot start), marks that reorder or hide text
 * (bidirectional, zero-width), what is not valid UTF-8 or has no width, and, without @is_utf8,
 * everything beyond ASCII. With @is_utf8 the thread's locale must be a UTF-8 one (wcwidth).
 * Returns the text after the character. */
const char *text_cell_next(const char *text, bool is_utf8, struct text_cell *cell);

#endif
