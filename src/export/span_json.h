/* span_json.h - the parts of a span that all formats in JSON write alike. */
#ifndef RUN_TRACED_EXPORT_SPAN_JSON_H
#define RUN_TRACED_EXPORT_SPAN_JSON_H

#include "base/text.h"
#include "trace/span.h"

/* attribute_append_json - the value of @attribute as JSON. Hot path, signal-safe. */
void attribute_append_json(struct text *text, const struct attribute *attribute);

/* span_append_links_json - ,"links":[{"traceId":…,"spanId":…}], or nothing where there are none. Hot path, signal-safe. */
void span_append_links_json(struct text *text, const struct span *span);

#endif
