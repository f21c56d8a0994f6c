#include "view/span_decode.h"

#include "base/compiler.h"
#include "view/span_url.h"

#include <cjson/cJSON.h>

#include <string.h>

/* Times beyond are not integers any more in JSON's doubles; sums of two still fit an int64_t. */
static const double TIME_MAX_US = 9007199254740992.0;

/* Where the parts of a span line are, before they are looked into. */
struct span_fields {
    const cJSON *trace_id, *span_id, *parent_span_id, *name, *timestamp, *duration, *kind, *status,
        *attributes, *resource;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Lower-case hex of exactly @len bytes that are not all zero. */
static bool id_parse(const char *hex, size_t len, uint8_t *out)
{
    uint8_t any = 0;
    if (strlen(hex) != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        any |= out[i];
    }
    return any != 0;
}

static const cJSON *field(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static struct span_fields fields_find(const cJSON *line)
{
    return (struct span_fields){
        .trace_id = field(line, "traceId"),
        .span_id = field(line, "spanId"),
        .parent_span_id = field(line, "parentSpanId"),
        .name = field(line, "name"),
        .timestamp = field(line, "timestamp"),
        .duration = field(line, "duration"),
        .kind = field(line, "kind"),
        .status = field(line, "status"),
        .attributes = field(line, "attributes"),
        .resource = field(line, "resource"),
    };
}

/* Whole microseconds: what is no number, negative, too large or broken fails. */
static bool time_parse(const cJSON *value, int64_t *out)
{
    if (!cJSON_IsNumber(value) || !(value->valuedouble >= 0 && value->valuedouble <= TIME_MAX_US))
        return false;
    *out = (int64_t)value->valuedouble;
    return (double)*out == value->valuedouble;
}

static bool kind_parse(const cJSON *value, uint8_t *out)
{
    static const char *const names[] = {
        [VIEW_KIND_INTERNAL] = "INTERNAL", [VIEW_KIND_SERVER] = "SERVER",
        [VIEW_KIND_CLIENT] = "CLIENT",     [VIEW_KIND_PRODUCER] = "PRODUCER",
        [VIEW_KIND_CONSUMER] = "CONSUMER",
    };
    if (!value)
        return true;
    for (size_t i = 0; cJSON_IsString(value) && i < ARRAY_LEN(names); i++)
        if (strcmp(value->valuestring, names[i]) == 0) {
            *out = (uint8_t)i;
            return true;
        }
    return false;
}

/* The pool's copy of a string value, cut to what the viewer can use; NULL if it is none. */
static const char *string_intern(struct string_pool *pool, const cJSON *value)
{
    if (!cJSON_IsString(value) || value->valuestring[0] == '\0')
        return NULL;
    size_t len = strnlen(value->valuestring, VIEW_STRING_LEN_MAX + 1);
    if (len > VIEW_STRING_LEN_MAX) {
        len = VIEW_STRING_LEN_MAX;
        while (len && ((unsigned char)value->valuestring[len] & 0xc0) == 0x80)
            len--; /* not within a UTF-8 sequence */
    }
    return string_pool_intern(pool, value->valuestring, len);
}

static bool is_absent(const cJSON *value)
{
    return !value || cJSON_IsNull(value);
}

static enum skip_reason ids_decode(const struct span_fields *fields, struct view_span *span)
{
    const cJSON *parent = fields->parent_span_id;
    if (!fields->trace_id || !fields->span_id || !fields->timestamp || !fields->duration)
        return SKIP_NOT_SPAN;
    if (!cJSON_IsString(fields->trace_id) || !cJSON_IsString(fields->span_id) ||
        !(is_absent(parent) || cJSON_IsString(parent)))
        return SKIP_WRONG_TYPE;
    if (!id_parse(fields->trace_id->valuestring, TRACE_ID_LEN, span->trace_id) ||
        !id_parse(fields->span_id->valuestring, SPAN_ID_LEN, span->span_id))
        return SKIP_INVALID_ID;
    if (!is_absent(parent) && parent->valuestring[0] &&
        !id_parse(parent->valuestring, SPAN_ID_LEN, span->parent_span_id))
        return SKIP_INVALID_ID;
    return SKIP_NONE;
}

static bool is_object_or_absent(const cJSON *value)
{
    return is_absent(value) || cJSON_IsObject(value);
}

static enum skip_reason types_check(const struct span_fields *fields)
{
    if (!cJSON_IsString(fields->name) || !is_object_or_absent(fields->status) ||
        !is_object_or_absent(fields->attributes) || !is_object_or_absent(fields->resource))
        return fields->name ? SKIP_WRONG_TYPE : SKIP_NOT_SPAN;
    const cJSON *service = field(fields->resource, "service.name");
    const cJSON *code = field(fields->status, "code");
    if (!(is_absent(service) || cJSON_IsString(service)) ||
        !(is_absent(code) || cJSON_IsString(code)))
        return SKIP_WRONG_TYPE;
    return SKIP_NONE;
}

static void status_decode(const struct span_fields *fields, struct string_pool *pool,
                          struct view_span *span)
{
    const cJSON *code = field(fields->status, "code");
    const cJSON *http_status = field(fields->attributes, "http.response.status_code");
    span->is_error = code && cJSON_IsString(code) && strcmp(code->valuestring, "ERROR") == 0;
    span->message = string_intern(pool, field(fields->status, "message"));
    span->error_type = string_intern(pool, field(fields->attributes, "error.type"));
    if (cJSON_IsNumber(http_status) && http_status->valuedouble >= 100 &&
        http_status->valuedouble <= 999)
        span->http_status = (uint16_t)http_status->valuedouble;
}

static void texts_decode(const struct span_fields *fields, struct string_pool *pool,
                         struct view_span *span)
{
    const char *service = string_intern(pool, field(fields->resource, "service.name"));
    const char *name = string_intern(pool, fields->name);
    span->service = service ? service : string_pool_intern(pool, "unknown_service", 15);
    span->name = name ? name : string_pool_intern(pool, "(no name)", 9);
    span->path = span_url_path(fields->attributes, pool);
    if (span->kind == VIEW_KIND_CLIENT || span->kind == VIEW_KIND_PRODUCER)
        span->callee = span_url_callee(fields->attributes, pool);
}

static enum skip_reason fields_decode(const struct span_fields *fields, struct string_pool *pool,
                                      struct view_span *out)
{
    struct view_span span = {0};
    enum skip_reason reason = ids_decode(fields, &span);
    if (reason == SKIP_NONE)
        reason = types_check(fields);
    if (reason != SKIP_NONE)
        return reason;
    if (!time_parse(fields->timestamp, &span.start_us) ||
        !time_parse(fields->duration, &span.duration_us) || !kind_parse(fields->kind, &span.kind))
        return SKIP_WRONG_TYPE;
    status_decode(fields, pool, &span);
    texts_decode(fields, pool, &span);
    *out = span;
    return SKIP_NONE;
}

enum skip_reason span_decode(const char *line, size_t len, struct string_pool *pool,
                             struct view_span *out)
{
    /* A NUL within the line would hide what follows it. */
    if (memchr(line, '\0', len))
        return SKIP_NOT_JSON;
    cJSON *json = cJSON_ParseWithLengthOpts(line, len + 1, NULL, 1);
    if (!json)
        return SKIP_NOT_JSON;
    enum skip_reason reason = SKIP_NOT_SPAN;
    if (cJSON_IsObject(json)) {
        struct span_fields fields = fields_find(json);
        reason = fields_decode(&fields, pool, out);
    }
    cJSON_Delete(json);
    return reason;
}

const char *skip_reason_text(enum skip_reason reason)
{
    static const char *const texts[SKIP_REASON_COUNT] = {
        [SKIP_NONE] = "",
        [SKIP_NOT_JSON] = "not valid JSON",
        [SKIP_CUT_OFF] = "cut off before its end",
        [SKIP_NOT_SPAN] = "not a span",
        [SKIP_INVALID_ID] = "invalid trace or span id",
        [SKIP_WRONG_TYPE] = "a field of the wrong type",
    };
    return texts[reason];
}

bool view_span_has_parent(const struct view_span *span)
{
    static const uint8_t none[SPAN_ID_LEN];
    return memcmp(span->parent_span_id, none, SPAN_ID_LEN) != 0;
}
