/* xray_metadata.h - what a segment document has no field for. */
#ifndef RUN_TRACED_BACKEND_XRAY_METADATA_H
#define RUN_TRACED_BACKEND_XRAY_METADATA_H

#include "backend/span_text.h"

/* xray_is_in_http - the http block shows @attribute, so that it need not be shown again. The URL shows its parts, and is
 * there if there is a path. */
bool xray_is_in_http(const struct span_values *values, const struct attribute *attribute);

/* xray_append_annotations - what is to be searched for. AWS X-Ray Developer Guide, "X-Ray segment documents", section
 * "Annotations". */
void xray_append_annotations(struct text *text, const struct span_values *values);

/* xray_append_metadata - all other attributes, the resource, and the events with their times. The same, section
 * "Metadata". */
void xray_append_metadata(struct text *text, const struct span *span, const struct resource *resource,
                          const struct span_values *values);

#endif
