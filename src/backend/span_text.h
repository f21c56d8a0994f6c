/* span_text.h - what formats have in common whose values are text: values, the URL of a request, names. */
#ifndef RUN_TRACED_BACKEND_SPAN_TEXT_H
#define RUN_TRACED_BACKEND_SPAN_TEXT_H

#include "base/text.h"
#include "export/span_json.h"
#include "trace/resource.h"
#include "trace/span.h"

/* The attributes of attributes.def that a span has. */
struct span_values {
    bool has[ATTRIBUTE_COUNT];
    struct attribute known[ATTRIBUTE_COUNT];
};

/* span_values_read - @span: any bytes; it must outlive @out. */
void span_values_read(struct span_values *out, const struct span *span);

/* span_value - NULL where there is none, or one of another type. */
const struct attribute *span_value(const struct span_values *values, enum attribute_key key, enum attribute_type type);

/* span_append_url - adds url.full, or what the parts of a URL make up as far as there are any, as raw bytes; at most
 * SPAN_RECORD_LEN of them. OpenTelemetry, semantic conventions, "URL attributes". */
void span_append_url(struct text *text, const struct span_values *values);

/* attribute_key_text - its name on the wire. */
const char *attribute_key_text(const struct attribute *attribute, size_t *len);

/* attribute_append_text - its value without quotes, as valid UTF-8; an array as JSON. OpenTelemetry, "Mapping of
 * attributes to non-OTLP formats". */
void attribute_append_text(struct text *text, const struct attribute *attribute);

/* span_links_valid - like span_links(), but none whose ids are zero, which backends refuse. */
size_t span_links_valid(const struct span *span, struct span_link *out);

/* span_thread_id - 0: not known, or it is among the attributes. */
int64_t span_thread_id(const struct span *span, const struct span_values *values);

/* span_kind_text - "internal", "server", "client". @span is a valid one. */
const char *span_kind_text(const struct span *span);

/* resource_service - the service's name, never empty: OpenTelemetry, "Resource semantic conventions", section "Service".
 * Returns its length. */
size_t resource_service(const struct resource *resource, const char **name);

/* resource_string_next - walks over all strings of a resource but the service's name. @at: 0 at first. */
bool resource_string_next(const struct resource *resource, size_t *at, struct resource_attribute *out);

#endif
