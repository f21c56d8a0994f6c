/* json_out.h - JSON written as it comes, without a tree. */
#ifndef RUN_TRACED_VIEW_JSON_OUT_H
#define RUN_TRACED_VIEW_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* @out; the rest zero at first. */
struct json_out {
    FILE *out;
    bool has_value; /* in what is open: a comma comes next */
};

/* json_open, json_close - begin and end an object ('{') or an array ('['), @key its name in an object, else NULL. */
void json_open(struct json_out *json, const char *key, char bracket);
void json_close(struct json_out *json, char bracket);

/* json_string, json_number, json_share - a member, or an element with @key NULL. Strings may be anything: what is not
 * valid UTF-8 becomes U+FFFD. NULL strings leave out the member. A share has up to six decimals. */
void json_string(struct json_out *json, const char *key, const char *value);
void json_number(struct json_out *json, const char *key, int64_t value);
void json_share(struct json_out *json, const char *key, double value);

/* json_id - @len bytes as lower-case hex. */
void json_id(struct json_out *json, const char *key, const uint8_t *id, size_t len);

/* json_newline - ends a line: the next value is a new one. */
void json_newline(struct json_out *json);

#endif
