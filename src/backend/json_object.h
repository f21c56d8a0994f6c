/* json_object.h - members of JSON objects: those that are not the first of theirs get a comma before them. */
#ifndef RUN_TRACED_BACKEND_JSON_OBJECT_H
#define RUN_TRACED_BACKEND_JSON_OBJECT_H

#include "base/text.h"

/* json_append_any_key - @key: any bytes; the value is to follow. */
void json_append_any_key(struct text *text, const char *key, size_t len);

/* json_append_key - the same for a key that needs no escaping. */
void json_append_key(struct text *text, const char *key);

/* json_append_* - a key that needs no escaping, with its value; a string of any bytes, as text_append_json has it. */
void json_append_string(struct text *text, const char *key, const char *value, size_t len);
void json_append_number(struct text *text, const char *key, int64_t value);
void json_append_true(struct text *text, const char *key);

/* json_append_seconds - a time as seconds with six decimal places. */
void json_append_seconds(struct text *text, const char *key, uint64_t unix_nano);

#endif
