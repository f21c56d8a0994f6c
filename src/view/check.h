/* check.h - an assertion on the spans of a file, as it was read from its text (CHECKS.md). */
#ifndef RUN_TRACED_VIEW_CHECK_H
#define RUN_TRACED_VIEW_CHECK_H

#include "view/check_arena.h"
#include "view/check_field.h"

#include <regex.h>

enum check_op {
    CHECK_AND,
    CHECK_OR,
    CHECK_NOT,
    CHECK_EQUAL, /* up to AT_LEAST: comparisons with one literal */
    CHECK_NOT_EQUAL,
    CHECK_BELOW,
    CHECK_AT_MOST,
    CHECK_ABOVE,
    CHECK_AT_LEAST,
    CHECK_MATCHES,
    CHECK_IS_IN,
    CHECK_CONTAINS,
    CHECK_EXISTS,
};

/* Of a filter: a field is compared. Of the check itself: an aggregate is, with a number. */
struct check_node {
    enum check_op op;
    const struct check_node *left, *right; /* AND, OR; NOT: left alone */
    struct check_field field;
    const struct check_aggregate *aggregate; /* NULL: within a filter */
    const struct check_value *literals;      /* comparisons, IS_IN, CONTAINS */
    size_t literal_count;
    regex_t *regex; /* MATCHES */
};

enum check_function {
    CHECK_COUNT,
    CHECK_COUNT_NOT, /* all(): those of which @predicate does not hold */
    CHECK_DISTINCT,
    CHECK_SUM,
    CHECK_AVERAGE,
    CHECK_MIN,
    CHECK_MAX,
    CHECK_PERCENTILE,
};

/* One number made of the spans of a group. */
struct check_aggregate {
    enum check_function function;
    double percent; /* PERCENTILE: 0 to 100 */
    struct check_field field;
    const struct check_node *filter;    /* NULL: all spans */
    const struct check_node *predicate; /* COUNT_NOT */
    bool is_quantifier;                 /* none, any, all: its number is not said */
    size_t at, len;                     /* where in the text it stands */
    unsigned index;
};

enum check_grouping { CHECK_OF_ALL, CHECK_PER_TEST, CHECK_PER_TRACE, CHECK_PER_FIELD };

enum { CHECK_AGGREGATES_MAX = 16 };

struct check {
    const char *name; /* NULL: it has none */
    const char *text; /* as the user wrote it, NUL-terminated */
    const char *file; /* that it stands in, at line @line; NULL: the command line */
    unsigned line;
    const struct check_node *root;
    const struct check_aggregate *aggregates[CHECK_AGGREGATES_MAX];
    unsigned aggregate_count;
    enum check_grouping grouping;
    struct check_field group_field;     /* PER_FIELD */
    unsigned columns[CHECK_FIELDS_MAX]; /* that it reads; each once */
    unsigned column_count;
};

/* All checks of a run. All zero: none. */
struct check_set {
    struct check *checks;
    size_t count;
    struct check_fields fields;
    struct string_pool pool; /* of names and literals, and of the spans' values */
    struct check_arena arena;
    struct check_regex *regexes; /* to be given back */
};

/* What is wrong with a text, and where. */
struct check_error {
    char message[256];
    size_t at, len; /* bytes of the text */
};

/* check_parse - reads @check->text, which must stay, as everything else of @check that is set. Returns 0; -EINVAL, with
 * @error; or -ENOMEM. */
int check_parse(struct check_set *set, struct check *check, struct check_error *error);

/* check_set_add - parses a check as the command line or a file has it, and adds it. Its text begins behind a name and a
 * colon, if it has them. @text, @file: must stay. Errors as of check_parse; @error's place is in @text. */
int check_set_add(struct check_set *set, const char *text, const char *file, unsigned line, struct check_error *error);

/* check_set_free - gives back all memory. */
void check_set_free(struct check_set *set);

#endif
