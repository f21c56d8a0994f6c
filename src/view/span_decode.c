#include "view/span_decode.h"

#include "backend/json_line.h"
#include "base/compiler.h"
#include "view/span_scan.h"
#include "view/span_url.h"

#include <string.h>

/* Times beyond are not integers any more in JSON's doubles; sums of two still fit an int64_t. */
static const double TIME_MAX_US = 9007199254740992.0;

/* 16 and above: none. */
static unsigned hex_digit(char c)
{
    unsigned digit = (unsigned char)c - (unsigned)'0', letter = (unsigned char)c - (unsigned)'a';
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

/* Lower-case hex of exactly @len bytes that are not all zero. */
static bool id_parse(const struct span_value *value, size_t len, uint8_t *out)
{
    const char *hex = value->text;
    uint8_t any = 0;
    if (value->len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if ((high | low) > 15)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        any |= out[i];
    }
    return any != 0;
}

/* Whole microseconds: what is no number, negative, too large or broken fails. */
static bool time_parse(const struct span_value *value, int64_t *out)
{
    if (value->type != VALUE_NUMBER || !(value->number >= 0 && value->number <= TIME_MAX_US))
        return false;
    *out = (int64_t)value->number;
    return (double)*out == value->number;
}

static bool is_string(const struct span_value *value, const char *expected)
{
    return value->type == VALUE_STRING && value->len == strlen(expected) && memcmp(value->text, expected, value->len) == 0;
}

static bool kind_parse(const struct span_value *value, uint8_t *out)
{
    static const char *const names[] = {
        [VIEW_KIND_INTERNAL] = "INTERNAL", [VIEW_KIND_SERVER] = "SERVER",
        [VIEW_KIND_CLIENT] = "CLIENT",     [VIEW_KIND_PRODUCER] = "PRODUCER",
        [VIEW_KIND_CONSUMER] = "CONSUMER",
    };
    if (value->type == VALUE_ABSENT)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (is_string(value, names[i])) {
            *out = (uint8_t)i;
            return true;
        }
    return false;
}

/* The pool's copy of a string value, cut to what the viewer can use; NULL if it is none. */
static const char *string_intern(struct string_pool *pool, const struct span_value *value)
{
    if (value->type != VALUE_STRING || value->len == 0)
        return NULL;
    size_t len = value->len;
    if (len > VIEW_STRING_LEN_MAX) {
        len = VIEW_STRING_LEN_MAX;
        while (len && ((unsigned char)value->text[len] & 0xc0) == 0x80)
            len--; /* not within a UTF-8 sequence */
    }
    return string_pool_intern(pool, value->text, len);
}

static bool is_absent(const struct span_value *value)
{
    return value->type == VALUE_ABSENT || value->type == VALUE_NULL;
}

static bool is_type_or_absent(const struct span_value *value, enum span_value_type type)
{
    return is_absent(value) || value->type == type;
}

static enum skip_reason ids_decode(const struct span_value *values, struct view_span *span)
{
    const struct span_value *parent = &values[FIELD_PARENT_SPAN_ID];
    if (values[FIELD_TRACE_ID].type == VALUE_ABSENT || values[FIELD_SPAN_ID].type == VALUE_ABSENT ||
        values[FIELD_TIMESTAMP].type == VALUE_ABSENT || values[FIELD_DURATION].type == VALUE_ABSENT)
        return SKIP_NOT_SPAN;
    if (values[FIELD_TRACE_ID].type != VALUE_STRING || values[FIELD_SPAN_ID].type != VALUE_STRING ||
        !is_type_or_absent(parent, VALUE_STRING))
        return SKIP_WRONG_TYPE;
    if (!id_parse(&values[FIELD_TRACE_ID], TRACE_ID_LEN, span->trace_id) ||
        !id_parse(&values[FIELD_SPAN_ID], SPAN_ID_LEN, span->span_id))
        return SKIP_INVALID_ID;
    if (!is_absent(parent) && parent->len && !id_parse(parent, SPAN_ID_LEN, span->parent_span_id))
        return SKIP_INVALID_ID;
    return SKIP_NONE;
}

static enum skip_reason types_check(const struct span_value *values)
{
    if (values[FIELD_NAME].type == VALUE_ABSENT)
        return SKIP_NOT_SPAN;
    bool is_right = values[FIELD_NAME].type == VALUE_STRING && is_type_or_absent(&values[FIELD_STATUS], VALUE_OBJECT) &&
                    is_type_or_absent(&values[FIELD_ATTRIBUTES], VALUE_OBJECT) &&
                    is_type_or_absent(&values[FIELD_RESOURCE], VALUE_OBJECT) &&
                    is_type_or_absent(&values[FIELD_SERVICE_NAME], VALUE_STRING) &&
                    is_type_or_absent(&values[FIELD_STATUS_CODE], VALUE_STRING);
    return is_right ? SKIP_NONE : SKIP_WRONG_TYPE;
}

static void status_decode(const struct span_value *values, struct string_pool *pool, struct view_span *span)
{
    const struct span_value *http_status = &values[FIELD_HTTP_STATUS];
    span->is_error = is_string(&values[FIELD_STATUS_CODE], "ERROR");
    span->message = string_intern(pool, &values[FIELD_STATUS_MESSAGE]);
    span->error_type = string_intern(pool, &values[FIELD_ERROR_TYPE]);
    if (http_status->type == VALUE_NUMBER && http_status->number >= 100 && http_status->number <= 999)
        span->http_status = (uint16_t)http_status->number;
}

static void texts_decode(const struct span_fields *fields, struct string_pool *pool, struct view_span *span)
{
    const char *service = string_intern(pool, &fields->values[FIELD_SERVICE_NAME]);
    const char *name = string_intern(pool, &fields->values[FIELD_NAME]);
    span->service = service ? service : string_pool_intern(pool, "unknown_service", 15);
    span->name = name ? name : string_pool_intern(pool, "(no name)", 9);
    span->path = span_url_path(fields, pool);
    if (span->kind == VIEW_KIND_CLIENT || span->kind == VIEW_KIND_PRODUCER)
        span->callee = span_url_callee(fields, pool);
}

/* Where the call was made. */
static void code_decode(const struct span_fields *fields, struct string_pool *pool, struct view_span *span)
{
    const struct span_value *path = &fields->values[FIELD_CODE_FILE], *line = &fields->values[FIELD_CODE_LINE];
    if (path->type != VALUE_STRING || line->type != VALUE_NUMBER || !(line->number >= 1 && line->number <= INT32_MAX))
        return;
    const char *slash = memrchr(path->text, '/', path->len);
    const char *name = slash ? slash + 1 : path->text;
    size_t len = path->len - (size_t)(name - path->text);
    if (len == 0)
        return;
    span->code_file = string_pool_intern(pool, name, MIN(len, (size_t)VIEW_STRING_LEN_MAX));
    span->code_line = (uint32_t)line->number;
}

static enum view_test_result test_result_parse(const struct span_value *values)
{
    const struct span_value *result = &values[FIELD_TEST_RESULT];
    if (values[FIELD_TEST_NAME].type != VALUE_STRING)
        return VIEW_TEST_NONE;
    return is_string(result, "pass")      ? VIEW_TEST_PASS
           : is_string(result, "fail")    ? VIEW_TEST_FAIL
           : is_string(result, "skipped") ? VIEW_TEST_SKIPPED
                                          : VIEW_TEST_UNKNOWN;
}

/* Whose span it is: a program's, a test's, or neither's. A program that is a test counts as that. */
static void role_decode(const struct span_value *values, struct view_span *span)
{
    const struct span_value *pid = &values[FIELD_PID];
    if (pid->type == VALUE_NUMBER && pid->number >= 1 && pid->number <= INT32_MAX)
        span->pid = (uint32_t)pid->number;
    if (span->kind != VIEW_KIND_INTERNAL)
        return;
    span->test_result = (uint8_t)test_result_parse(values);
    span->is_program = span->test_result == VIEW_TEST_NONE && values[FIELD_PROGRAM_NAME].type == VALUE_STRING;
}

static enum skip_reason fields_decode(const struct span_fields *fields, struct string_pool *pool,
                                      struct view_span *out)
{
    struct view_span span = {0};
    const struct span_value *values = fields->values;
    enum skip_reason reason = ids_decode(values, &span);
    if (reason == SKIP_NONE)
        reason = types_check(values);
    if (reason != SKIP_NONE)
        return reason;
    if (!time_parse(&values[FIELD_TIMESTAMP], &span.start_us) ||
        !time_parse(&values[FIELD_DURATION], &span.duration_us) || !kind_parse(&values[FIELD_KIND], &span.kind))
        return SKIP_WRONG_TYPE;
    status_decode(values, pool, &span);
    texts_decode(fields, pool, &span);
    code_decode(fields, pool, &span);
    role_decode(values, &span);
    *out = span;
    return SKIP_NONE;
}

static struct span_value value_of(const cJSON *json)
{
    if (cJSON_IsString(json))
        return (struct span_value){VALUE_STRING, json->valuestring, strlen(json->valuestring), 0};
    if (cJSON_IsNumber(json))
        return (struct span_value){.type = VALUE_NUMBER, .number = json->valuedouble};
    if (cJSON_IsObject(json))
        return (struct span_value){.type = VALUE_OBJECT};
    return (struct span_value){.type = !json ? VALUE_ABSENT : cJSON_IsNull(json) ? VALUE_NULL : VALUE_OTHER};
}

/* What span_scan leaves: by the library. */
static enum skip_reason unusual_decode(const char *line, size_t len, struct string_pool *pool, struct view_span *out)
{
    struct span_fields fields;
    cJSON *json = json_line_parse(line, len);
    if (!json)
        return SKIP_NOT_JSON;
    enum skip_reason reason = SKIP_NOT_SPAN;
    if (cJSON_IsObject(json)) {
        for (enum span_field field = 0; field < FIELD_COUNT; field++) {
            enum span_field parent = span_field_parent(field);
            const cJSON *object =
                parent == FIELD_COUNT ? json : cJSON_GetObjectItemCaseSensitive(json, span_field_name(parent));
            fields.values[field] = value_of(cJSON_GetObjectItemCaseSensitive(object, span_field_name(field)));
        }
        reason = fields_decode(&fields, pool, out);
    }
    cJSON_Delete(json);
    return reason;
}

enum skip_reason span_decode(const char *line, size_t len, struct string_pool *pool,
                             struct view_span *out)
{
    struct span_fields fields;
    /* A NUL within the line would hide what follows it. */
    if (memchr(line, '\0', len))
        return SKIP_NOT_JSON;
    return span_scan(line, len, &fields) ? fields_decode(&fields, pool, out) : unusual_decode(line, len, pool, out);
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
