#include "view/span_fields.h"

#include <string.h>

#define KEY(name) name, sizeof name - 1

static const struct {
    enum span_field parent;
    const char *name;
    size_t len;
} KEYS[FIELD_COUNT] = {
    [FIELD_TRACE_ID] = {FIELD_COUNT, KEY("traceId")},
    [FIELD_SPAN_ID] = {FIELD_COUNT, KEY("spanId")},
    [FIELD_PARENT_SPAN_ID] = {FIELD_COUNT, KEY("parentSpanId")},
    [FIELD_NAME] = {FIELD_COUNT, KEY("name")},
    [FIELD_TIMESTAMP] = {FIELD_COUNT, KEY("timestamp")},
    [FIELD_DURATION] = {FIELD_COUNT, KEY("duration")},
    [FIELD_KIND] = {FIELD_COUNT, KEY("kind")},
    [FIELD_STATUS] = {FIELD_COUNT, KEY("status")},
    [FIELD_ATTRIBUTES] = {FIELD_COUNT, KEY("attributes")},
    [FIELD_RESOURCE] = {FIELD_COUNT, KEY("resource")},
    [FIELD_STATUS_CODE] = {FIELD_STATUS, KEY("code")},
    [FIELD_STATUS_MESSAGE] = {FIELD_STATUS, KEY("message")},
    [FIELD_HTTP_STATUS] = {FIELD_ATTRIBUTES, KEY("http.response.status_code")},
    [FIELD_ERROR_TYPE] = {FIELD_ATTRIBUTES, KEY("error.type")},
    [FIELD_URL_PATH] = {FIELD_ATTRIBUTES, KEY("url.path")},
    [FIELD_URL_FULL] = {FIELD_ATTRIBUTES, KEY("url.full")},
    [FIELD_SERVER_ADDRESS] = {FIELD_ATTRIBUTES, KEY("server.address")},
    [FIELD_SERVER_PORT] = {FIELD_ATTRIBUTES, KEY("server.port")},
    [FIELD_PEER_ADDRESS] = {FIELD_ATTRIBUTES, KEY("network.peer.address")},
    [FIELD_PEER_PORT] = {FIELD_ATTRIBUTES, KEY("network.peer.port")},
    [FIELD_CODE_FILE] = {FIELD_ATTRIBUTES, KEY("code.file.path")},
    [FIELD_CODE_LINE] = {FIELD_ATTRIBUTES, KEY("code.line.number")},
    [FIELD_PROGRAM_NAME] = {FIELD_ATTRIBUTES, KEY("process.executable.name")},
    [FIELD_TEST_NAME] = {FIELD_ATTRIBUTES, KEY("test.case.name")},
    [FIELD_TEST_RESULT] = {FIELD_ATTRIBUTES, KEY("test.case.result.status")},
    [FIELD_SERVICE_NAME] = {FIELD_RESOURCE, KEY("service.name")},
    [FIELD_PID] = {FIELD_RESOURCE, KEY("process.pid")},
};

/* The first within each object. Others have 0: the first of the line, which is not theirs. */
static const enum span_field FIRST[FIELD_COUNT + 1] = {
    [FIELD_STATUS] = FIELD_STATUS_CODE, [FIELD_ATTRIBUTES] = FIELD_HTTP_STATUS, [FIELD_RESOURCE] = FIELD_SERVICE_NAME,
    [FIELD_COUNT] = FIELD_TRACE_ID,
};

enum span_field span_field_find(enum span_field parent, const char *key, size_t len)
{
    enum span_field field = FIRST[parent];
    for (; field < FIELD_COUNT && KEYS[field].parent == parent; field++)
        if (KEYS[field].len == len && memcmp(KEYS[field].name, key, len) == 0)
            return field;
    return FIELD_COUNT;
}

const char *span_field_name(enum span_field field)
{
    return KEYS[field].name;
}

enum span_field span_field_parent(enum span_field field)
{
    return KEYS[field].parent;
}
