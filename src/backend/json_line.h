/* json_line.h - native lines, parsed by cJSON. */
#ifndef RUN_TRACED_BACKEND_JSON_LINE_H
#define RUN_TRACED_BACKEND_JSON_LINE_H

#include <cjson/cJSON.h>

#include <stddef.h>

/* json_line_parse - a line of @len bytes and a NUL. A NUL within its strings, at which cJSON's would end, becomes U+FFFD.
 * Returns NULL if it is no JSON, or there is no memory; the rest as cJSON has it. */
cJSON *json_line_parse(const char *line, size_t len);

#endif
