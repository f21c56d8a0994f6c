#include "view/check_parse_state.h"

#include "base/compiler.h"

#include <errno.h>
#include <string.h>

enum { LIST_MAX = 64 };

struct check_regex {
    struct check_regex *next;
    regex_t compiled;
};

int check_operator_find(const struct check_parser *parser)
{
    static const struct {
        const char *sign;
        enum check_op op;
    } signs[] = {{"=", CHECK_EQUAL},    {"==", CHECK_EQUAL}, {"!=", CHECK_NOT_EQUAL}, {"<", CHECK_BELOW},
                 {"<=", CHECK_AT_MOST}, {">", CHECK_ABOVE},  {">=", CHECK_AT_LEAST}};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (check_parser_is(parser, signs[i].sign))
            return (int)signs[i].op;
    return -1;
}

/* ["..."] */
static int key_parse(struct check_parser *parser, enum check_place place, struct check_field *field)
{
    const char *key = "";
    check_parser_next(parser);
    if (parser->token.type != TOKEN_STRING)
        return check_parser_expected(parser, "the name of an attribute in quotes");
    int error = check_string_take(parser, &key);
    if (error)
        return error;
    if (parser->token.type != TOKEN_CLOSE_LIST)
        return check_parser_expected(parser, "]");
    check_parser_next(parser);
    return check_field_attribute(&parser->set->fields, &parser->set->pool, place, key, strlen(key), field);
}

static void column_note(struct check *check, const struct check_field *field)
{
    if (field->is_in_tree)
        return;
    for (unsigned i = 0; i < check->column_count; i++)
        if (check->columns[i] == field->column)
            return;
    check->columns[check->column_count++] = field->column;
}

static bool is_reserved(const struct check_parser *parser)
{
    static const char *const words[] = {"and",      "or",    "not", "in",   "exists",
                                        "contains", "where", "per", "true", "false"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (check_parser_is(parser, words[i]))
            return true;
    return false;
}

int check_field_parse(struct check_parser *parser, struct check_field *field)
{
    struct check_token name = parser->token;
    if (name.type != TOKEN_NAME || is_reserved(parser))
        return check_parser_expected(parser,
                                     "the name of a field: name, kind, status, duration, service, an attribute, ...");
    check_parser_next(parser);
    int error;
    if (parser->token.type == TOKEN_OPEN_LIST && check_token_is(&parser->lexer, &name, "attr"))
        error = key_parse(parser, CHECK_IN_ATTRIBUTES, field);
    else if (parser->token.type == TOKEN_OPEN_LIST && check_token_is(&parser->lexer, &name, "resource"))
        error = key_parse(parser, CHECK_IN_RESOURCE, field);
    else
        error =
            check_field_find(&parser->set->fields, &parser->set->pool, parser->lexer.text + name.at, name.len, field);
    if (error == -ENOSPC)
        return check_parser_wrong(parser, &name, "too many fields: %d are possible in all checks", CHECK_FIELDS_MAX);
    if (!error)
        column_note(parser->check, field);
    return error;
}

static struct check_value *literals_get(struct check_parser *parser, struct check_node *node, size_t count)
{
    struct check_value *literals = check_arena_get(&parser->set->arena, count * sizeof *literals);
    node->literals = literals;
    node->literal_count = count;
    return literals;
}

static int list_parse(struct check_parser *parser, struct check_node *node)
{
    struct check_value values[LIST_MAX];
    size_t count = 0;
    if (parser->token.type != TOKEN_OPEN)
        return check_parser_expected(parser, "a list in parentheses: (1, 2)");
    do {
        check_parser_next(parser);
        if (count == LIST_MAX)
            return check_parser_wrong(parser, &parser->token, "a list has at most %d values", LIST_MAX);
        int error = check_literal_parse(parser, &node->field, &values[count++]);
        if (error)
            return error;
    } while (parser->token.type == TOKEN_COMMA);
    if (parser->token.type != TOKEN_CLOSE)
        return check_parser_expected(parser, "a comma or )");
    check_parser_next(parser);
    struct check_value *literals = literals_get(parser, node, count);
    if (!literals)
        return -ENOMEM;
    memcpy(literals, values, count * sizeof *values);
    node->op = CHECK_IS_IN;
    return 0;
}

static int pattern_parse(struct check_parser *parser, struct check_node *node)
{
    struct check_token token = parser->token;
    struct check_value pattern;
    int error = check_text_parse(parser, &pattern);
    if (error)
        return error;
    struct check_regex *regex = check_arena_get(&parser->set->arena, sizeof *regex);
    if (!regex)
        return -ENOMEM;
    int wrong = regcomp(&regex->compiled, pattern.text, REG_EXTENDED | REG_NOSUB);
    if (wrong) {
        char why[128];
        regerror(wrong, &regex->compiled, why, sizeof why);
        return check_parser_wrong(parser, &token, "not a POSIX extended regular expression: %s", why);
    }
    regex->next = parser->set->regexes;
    parser->set->regexes = regex;
    node->regex = &regex->compiled;
    node->op = CHECK_MATCHES;
    return 0;
}

static int one_literal_parse(struct check_parser *parser, struct check_node *node)
{
    struct check_value *literal = literals_get(parser, node, 1);
    struct check_token token = parser->token;
    if (!literal)
        return -ENOMEM;
    int error = check_literal_parse(parser, &node->field, literal);
    if (!error && node->op >= CHECK_BELOW && node->op <= CHECK_AT_LEAST && literal->type != CHECK_NUMBER)
        return check_parser_wrong(parser, &token, "only numbers and times are greater or smaller");
    return error;
}

static int negate(struct check_parser *parser, struct check_node *node)
{
    struct check_node *inner = check_arena_get(&parser->set->arena, sizeof *inner);
    if (!inner)
        return -ENOMEM;
    *inner = *node;
    *node = (struct check_node){.op = CHECK_NOT, .left = inner};
    return 0;
}

static bool is_text_field(const struct check_field *field)
{
    return field->domain == CHECK_ANY || field->domain == CHECK_TEXTS;
}

/* =~, in, contains, exists: those that "not" may stand before, as may "!" before ~. */
static int word_parse(struct check_parser *parser, struct check_node *node, bool *is_found)
{
    struct check_token token = parser->token;
    bool is_text_needed = check_parser_is(parser, "=~") || check_parser_is(parser, "contains");
    *is_found = true;
    if (is_text_needed && !is_text_field(&node->field))
        return check_parser_wrong(parser, &token, "this field is no text; compare it by = or in");
    if (check_parser_take(parser, "=~"))
        return pattern_parse(parser, node);
    if (check_parser_take(parser, "in"))
        return list_parse(parser, node);
    if (check_parser_take(parser, "exists")) {
        node->op = CHECK_EXISTS;
        return 0;
    }
    if (check_parser_take(parser, "contains")) {
        struct check_value *literal = literals_get(parser, node, 1);
        node->op = CHECK_CONTAINS;
        return literal ? check_text_parse(parser, literal) : -ENOMEM;
    }
    *is_found = false;
    return 0;
}

/* root, standing alone. */
static int truth_alone(struct check_parser *parser, struct check_node *node)
{
    static const char *const expected = "what is said of it: = != < <= > >= =~ !~ in contains exists";
    if (node->field.domain != CHECK_TRUTHS)
        return check_parser_expected(parser, expected);
    struct check_value *literal = literals_get(parser, node, 1);
    if (!literal)
        return -ENOMEM;
    *literal = (struct check_value){.type = CHECK_TRUTH, .truth = true};
    node->op = CHECK_EQUAL;
    return 0;
}

int check_compare_parse(struct check_parser *parser, struct check_node *node)
{
    bool is_found, is_negated = false;
    int error = check_field_parse(parser, &node->field);
    if (error)
        return error;
    int op = check_operator_find(parser);
    if (op >= 0) {
        node->op = (enum check_op)op;
        check_parser_next(parser);
        return one_literal_parse(parser, node);
    }
    if (check_parser_is(parser, "!~") && is_text_field(&node->field)) {
        check_parser_next(parser);
        error = pattern_parse(parser, node);
        return error ? error : negate(parser, node);
    }
    is_negated = check_parser_take(parser, "not");
    error = word_parse(parser, node, &is_found);
    if (!error && !is_found)
        return is_negated ? check_parser_expected(parser, "in, contains or exists") : truth_alone(parser, node);
    return error || !is_negated ? error : negate(parser, node);
}

void check_regexes_free(struct check_set *set)
{
    for (struct check_regex *regex = set->regexes; regex; regex = regex->next)
        regfree(&regex->compiled);
    set->regexes = NULL;
}
