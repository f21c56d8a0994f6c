/* span_fields.h - what of a span line the viewer looks at, found but not yet looked into. */
#ifndef RUN_TRACED_VIEW_SPAN_FIELDS_H
#define RUN_TRACED_VIEW_SPAN_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

enum span_value_type { VALUE_ABSENT, VALUE_NULL, VALUE_STRING, VALUE_NUMBER, VALUE_OBJECT, VALUE_OTHER };

struct span_value {
    enum span_value_type type;
    const char *text; /* STRING: decoded, not NUL-terminated */
    size_t len;
    double number; /* NUMBER */
};

/* Those within one object follow each other. */
enum span_field {
    FIELD_TRACE_ID,
    FIELD_SPAN_ID,
    FIELD_PARENT_SPAN_ID,
    FIELD_NAME,
    FIELD_TIMESTAMP,
    FIELD_DURATION,
    FIELD_KIND,
    FIELD_STATUS,
    FIELD_ATTRIBUTES,
    FIELD_RESOURCE,
    FIELD_STATUS_CODE,
    FIELD_STATUS_MESSAGE,
    FIELD_HTTP_STATUS,
    FIELD_ERROR_TYPE,
    FIELD_URL_PATH,
    FIELD_URL_FULL,
    FIELD_SERVER_ADDRESS,
    FIELD_SERVER_PORT,
    FIELD_PEER_ADDRESS,
    FIELD_PEER_PORT,
    FIELD_CODE_FILE,
    FIELD_CODE_LINE,
    FIELD_PROGRAM_NAME,
    FIELD_TEST_NAME,
    FIELD_TEST_RESULT,
    FIELD_SERVICE_NAME,
    FIELD_PID,
    FIELD_COUNT,
};

struct span_fields {
    struct span_value values[FIELD_COUNT];
};

/* span_field_find - the field that @key, @len bytes, names within @parent (FIELD_COUNT: the line itself; else STATUS,
 * ATTRIBUTES or RESOURCE); FIELD_COUNT: none that matters. */
enum span_field span_field_find(enum span_field parent, const char *key, size_t len);

/* span_field_name, span_field_parent - the other way round. */
const char *span_field_name(enum span_field field);
enum span_field span_field_parent(enum span_field field);

#endif
