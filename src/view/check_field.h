/* check_field.h - what checks may ask of a span by name, and the values of that. */
#ifndef RUN_TRACED_VIEW_CHECK_FIELD_H
#define RUN_TRACED_VIEW_CHECK_FIELD_H

#include "view/string_pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum check_value_type { CHECK_MISSING, CHECK_TEXT, CHECK_NUMBER, CHECK_TRUTH, CHECK_LIST };

struct check_value {
    uint8_t type; /* enum check_value_type */
    union {
        const char *text; /* TEXT: interned; LIST: its JSON, interned */
        double number;    /* a time: microseconds */
        bool truth;
    };
};

/* Whose value it is, seen from a span. */
enum check_scope {
    CHECK_SELF,
    CHECK_PARENT, /* in the file */
    CHECK_ROOT,   /* the topmost span above it in the file, or itself */
    CHECK_TEST,   /* the nearest span above it, or itself, that has test.case.name */
};

/* Where in a line it stands. */
enum check_place { CHECK_IN_LINE, CHECK_IN_STATUS, CHECK_IN_ATTRIBUTES, CHECK_IN_RESOURCE, CHECK_IN_TREE };

enum check_tree_value { CHECK_DURATION, CHECK_IS_ROOT };

/* What it can be compared with. */
enum check_domain {
    CHECK_ANY, /* as the span has it */
    CHECK_TEXTS,
    CHECK_KINDS,
    CHECK_STATUSES,
    CHECK_TIMES,
    CHECK_TRUTHS,
};

struct check_field {
    enum check_scope scope;
    enum check_domain domain;
    bool is_in_tree;
    unsigned column; /* of the values that are read from lines; is_in_tree: enum check_tree_value */
};

/* A value that is kept of every span. */
struct check_column {
    enum check_place place;
    const char *key;      /* interned */
    const char *fallback; /* for a span without it; NULL: it stays missing */
    size_t count;         /* of spans that have it */
};

enum { CHECK_FIELDS_MAX = 64 };

/* The columns that the fields of all checks need. */
struct check_fields {
    struct check_column columns[CHECK_FIELDS_MAX];
    unsigned column_count;
};

/* check_field_find - what @name, of @len bytes, is: a field of its own (CHECKS.md), with parent. or root. before it if
 * one of those is meant, or else a span's attribute. Adds the column that it needs. Returns 0; -ENOSPC: there are too
 * many. */
int check_field_find(struct check_fields *fields, struct string_pool *pool, const char *name, size_t len,
                     struct check_field *out);

/* check_field_attribute - the attribute @key, however it is called. @place: ATTRIBUTES or RESOURCE. Errors as before.
 */
int check_field_attribute(struct check_fields *fields, struct string_pool *pool, enum check_place place,
                          const char *key, size_t len, struct check_field *out);

/* check_fields_read - the values of one span's line, of as many columns, in @values. */
void check_fields_read(struct check_fields *fields, struct string_pool *pool, const char *line,
                       struct check_value *values);

#endif
