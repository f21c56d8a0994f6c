/* skip_text.h - what of a file is not shown, in one line. */
#ifndef RUN_TRACED_VIEW_SKIP_TEXT_H
#define RUN_TRACED_VIEW_SKIP_TEXT_H

#include "view/span_reader.h"

enum { SKIP_TEXT_LEN = 512 };

/* skip_text - writes "2 lines skipped: not valid JSON (first: line 17)", with a count for each
 * reason if there are several; "" if no line was skipped. Returns @out. */
const char *skip_text(const struct span_set *set, char out[SKIP_TEXT_LEN]);

#endif
