/* redact_arguments.h - a command line without what may be secret in it. */
#ifndef RUN_TRACED_TRACE_REDACT_ARGUMENTS_H
#define RUN_TRACED_TRACE_REDACT_ARGUMENTS_H

#include "base/text.h"

/* What an argument says of the one behind it: "--password", "-p" (a secret), "-u" (name and password, if it has a
 * colon). */
enum argument_announces { ANNOUNCES_NOTHING, ANNOUNCES_SECRET, ANNOUNCES_PAIR };

/* redact_append_argument - adds one argument. In place of passwords in URLs, values of options, variables, header
 * fields and keys with secret names, and what RUN_TRACED_REDACT matches is REDACTED; so is all that is behind a
 * secret in the same argument, which may be a whole script. @announced: by the argument before, ANNOUNCES_NOTHING
 * for the first; then by this one. Signal-safe. */
void redact_append_argument(struct text *text, const char *argument, size_t len, enum argument_announces *announced);

#endif
