/* json_check.h - is this one JSON text, in UTF-8, without a key twice in an object? */
#ifndef RUN_TRACED_TESTS_JSON_CHECK_H
#define RUN_TRACED_TESTS_JSON_CHECK_H

#include "utf8_check.h"

#include <cjson/cJSON.h>
#include <string.h>

static inline bool json_has_doubles(const cJSON *json)
{
    for (const cJSON *a = json->child; a; a = a->next) {
        if (json_has_doubles(a))
            return true;
        for (const cJSON *b = a->next; b && cJSON_IsObject(json); b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return true;
    }
    return false;
}

/* json_problem - what is wrong with these bytes, or NULL. A NUL within a string ends it for cJSON, so that keys with one
 * look alike: where there are any, doubles are not looked for. */
static inline const char *json_problem(const char *bytes, size_t len)
{
    const char *end = NULL;
    if (!utf8_is_all(bytes, len))
        return "no UTF-8";
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)bytes[i] < ' ')
            return "a control character";
    cJSON *json = cJSON_ParseWithLengthOpts(bytes, len, &end, 0);
    const char *problem = !json || end != bytes + len                  ? "no JSON"
                          : !memmem(bytes, len, "\\u0000", 6) && json_has_doubles(json) ? "a key twice"
                                                                                        : NULL;
    cJSON_Delete(json);
    return problem;
}

#endif
