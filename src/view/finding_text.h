/* finding_text.h - a finding as one sentence. */
#ifndef RUN_TRACED_VIEW_FINDING_TEXT_H
#define RUN_TRACED_VIEW_FINDING_TEXT_H

#include "view/findings.h"

enum { FINDING_TEXT_LEN = 8192 };

/* finding_text - writes what was found, where, how often and what it costs; strings of the file as they are. Returns
 * @out. */
const char *finding_text(struct stats *finding, bool is_utf8, char out[FINDING_TEXT_LEN]);

/* finding_name - for programs: "repeated". */
const char *finding_name(enum finding_kind kind);

#endif
