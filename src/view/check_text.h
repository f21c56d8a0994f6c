/* check_text.h - what became of checks, for people; and what is wrong with one that could not be read. */
#ifndef RUN_TRACED_VIEW_CHECK_TEXT_H
#define RUN_TRACED_VIEW_CHECK_TEXT_H

#include "view/check_judge.h"
#include "view/screen.h"

enum { CHECK_TITLE_COLUMNS = 1000 };

/* check_text_title - its name, or its text in one line. */
void check_text_title(struct screen *screen, const struct check *check);

/* check_text_details - why it failed: numbers and spans; and what is to be known of one that holds: what was missing.
 */
void check_text_details(struct screen *screen, const struct check_spans *spans, const struct check_result *result);

/* check_text_result - a line that says what became of it, and the details. */
void check_text_result(struct screen *screen, const struct check_spans *spans, const struct check_result *result);

/* check_text_error - "run-traced: FILE:3:17: expected a number", the line, and a caret below the place. @file: NULL:
 * the command line; @line: where @text begins in the file. */
void check_text_error(struct screen *screen, const char *text, const char *file, unsigned line,
                      const struct check_error *error);

#endif
