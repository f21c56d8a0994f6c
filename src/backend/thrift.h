/* thrift.h - Thrift's binary protocol into bounded text. Apache Thrift, "Thrift Binary protocol encoding". */
#ifndef RUN_TRACED_BACKEND_THRIFT_H
#define RUN_TRACED_BACKEND_THRIFT_H

#include "base/text.h"

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_BOOL = 2,
    THRIFT_I32 = 8,
    THRIFT_I64 = 10,
    THRIFT_STRING = 11,
    THRIFT_STRUCT = 12,
    THRIFT_LIST = 15,
};

/* A list of structs whose length is not known before its end. */
struct thrift_list {
    size_t count_at; /* where it is written */
    uint32_t count;  /* kept by the caller */
};

/* thrift_append_field - what stands before a field's value. */
void thrift_append_field(struct text *text, enum thrift_type type, uint16_t id);

/* thrift_append_stop - a struct ends. */
void thrift_append_stop(struct text *text);

/* thrift_append_* - a field with its value. */
void thrift_append_i32(struct text *text, uint16_t id, int32_t value);
void thrift_append_i64(struct text *text, uint16_t id, int64_t value);

/* thrift_append_utf8 - a string of any bytes: what is not valid UTF-8 becomes U+FFFD. */
void thrift_append_utf8(struct text *text, uint16_t id, const char *bytes, size_t len);

/* thrift_string_begin - what is appended next is the string, as valid UTF-8. Returns what thrift_string_end() is to be
 * given: the length comes first, and is not known yet. */
size_t thrift_string_begin(struct text *text, uint16_t id);
void thrift_string_end(struct text *text, size_t at);

/* thrift_list_begin - what is appended next is structs; thrift_list_end() notes how many. */
struct thrift_list thrift_list_begin(struct text *text, uint16_t id);
void thrift_list_end(struct text *text, const struct thrift_list *list);

#endif
