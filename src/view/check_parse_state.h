/* check_parse_state.h - what the two halves of the parser share: check_parser.c (structure) and check_compare.c
 * (comparisons). */
#ifndef RUN_TRACED_VIEW_CHECK_PARSE_STATE_H
#define RUN_TRACED_VIEW_CHECK_PARSE_STATE_H

#include "view/check.h"
#include "view/check_lexer.h"

struct check_parser {
    struct check_set *set;
    struct check *check;
    struct check_lexer lexer;
    struct check_token token; /* that is looked at */
    struct check_error *error;
    bool is_filter; /* within an aggregate */
    unsigned node_count;
};

/* check_parser_next - goes on to the next token. */
void check_parser_next(struct check_parser *parser);

/* check_parser_is - whether the token is this word or operator. */
bool check_parser_is(const struct check_parser *parser, const char *word);

/* check_parser_take - the same, and goes on if it is. */
bool check_parser_take(struct check_parser *parser, const char *word);

/* check_parser_wrong - notes what is wrong with @token. Returns -EINVAL. */
__attribute__((format(printf, 3, 4))) int check_parser_wrong(struct check_parser *parser,
                                                             const struct check_token *token, const char *format, ...);

/* check_parser_expected - the token is not what may stand there: says so, or what is wrong with it by itself. Returns
 * -EINVAL. */
int check_parser_expected(struct check_parser *parser, const char *what);

/* check_field_parse - a field's name: a word, or attr["..."] or resource["..."]. Returns 0 or a negative errno. */
int check_field_parse(struct check_parser *parser, struct check_field *field);

/* check_compare_parse - what a filter says of one field. */
int check_compare_parse(struct check_parser *parser, struct check_node *node);

/* check_literal_parse - a value that @field can be compared with. */
int check_literal_parse(struct check_parser *parser, const struct check_field *field, struct check_value *value);

/* check_text_parse - text in quotes. */
int check_text_parse(struct check_parser *parser, struct check_value *value);

/* check_string_take - interns the token, which is a STRING, and goes on. Returns 0 or -ENOMEM. */
int check_string_take(struct check_parser *parser, const char **out);

/* check_operator_find - the comparison that the token is; -1: none. */
int check_operator_find(const struct check_parser *parser);

/* check_regexes_free - gives back the regular expressions of a set. */
void check_regexes_free(struct check_set *set);

#endif
