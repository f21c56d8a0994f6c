/* check_options.h - the options of checks: --check, --checks, --check-report. */
#ifndef RUN_TRACED_LAUNCHER_CHECK_OPTIONS_H
#define RUN_TRACED_LAUNCHER_CHECK_OPTIONS_H

#include "view/check_run.h"

#include <stdbool.h>

/* check_options_set - sets the long option @name to @value, which must stay. Returns 0, or -EINVAL after a message. */
int check_options_set(struct check_options *checks, const char *name, const char *value);

/* check_options_is_file - whether @word, behind the options of checks, is the spans file that they are to judge, rather
 * than a command:
 * "-", or a file that is there and that nobody may execute. */
bool check_options_is_file(const char *word);

#endif
