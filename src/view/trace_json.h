/* trace_json.h - a trace as one line of JSON, for programs. */
#ifndef RUN_TRACED_VIEW_TRACE_JSON_H
#define RUN_TRACED_VIEW_TRACE_JSON_H

#include "view/trace_list.h"

#include <stdio.h>

/* trace_json_print - prints one object and a newline: traceId, timestamp and duration (microseconds), spans, errors, services
 * (names), root (service, name), criticalPath (what each part of it is: kind, name if it has one, us). Strings are as the file
 * has them. Returns 0 or -ENOMEM. */
int trace_json_print(const struct trace_entry *entry, FILE *out);

#endif
