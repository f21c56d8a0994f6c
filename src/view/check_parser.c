#include "view/check_parse_state.h"

#include "base/compiler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each may be a step of recursion, here and when it is asked of a span. */
enum { NODES_MAX = 256 };

static int or_parse(struct check_parser *parser, const struct check_node **out);

void check_parser_next(struct check_parser *parser)
{
    parser->token = check_lexer_next(&parser->lexer);
}

bool check_parser_is(const struct check_parser *parser, const char *word)
{
    return check_token_is(&parser->lexer, &parser->token, word);
}

bool check_parser_take(struct check_parser *parser, const char *word)
{
    bool is = check_parser_is(parser, word);
    if (is)
        check_parser_next(parser);
    return is;
}

int check_parser_wrong(struct check_parser *parser, const struct check_token *token, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error->message, sizeof parser->error->message, format, arguments);
    va_end(arguments);
    parser->error->at = token->at;
    parser->error->len = token->len;
    return -EINVAL;
}

int check_parser_expected(struct check_parser *parser, const char *what)
{
    if (parser->token.type == TOKEN_WRONG)
        return check_parser_wrong(parser, &parser->token, "%s", parser->lexer.wrong);
    return check_parser_wrong(parser, &parser->token, "expected %s", what);
}

/* NULL: there is no memory. */
static struct check_node *node_get(struct check_parser *parser)
{
    return check_arena_get(&parser->set->arena, sizeof(struct check_node));
}

static int token_take(struct check_parser *parser, enum check_token_type type, const char *what)
{
    if (parser->token.type != type)
        return check_parser_expected(parser, what);
    check_parser_next(parser);
    return 0;
}

/* "p99.9"; negative: it is no percentile. */
static double percent_of(const struct check_parser *parser)
{
    const struct check_token *token = &parser->token;
    const char *word = parser->lexer.text + token->at;
    char *end;
    if (token->len < 2 || token->len > 8 || (*word != 'p' && *word != 'P') ||
        strspn(word + 1, "0123456789.") < token->len - 1)
        return -1;
    double percent = strtod(word + 1, &end);
    return end == word + token->len && percent <= 100 ? percent : -1;
}

enum { FUNCTION_NONE = -1, FUNCTION_IS_NONE = 100, FUNCTION_IS_ANY, FUNCTION_IS_ALL };

/* An enum check_function, or one of the above. */
static int function_find(const struct check_parser *parser, double *percent)
{
    static const struct {
        const char *word;
        int function;
    } words[] = {{"none", FUNCTION_IS_NONE}, {"any", FUNCTION_IS_ANY},     {"all", FUNCTION_IS_ALL},
                 {"count", CHECK_COUNT},     {"distinct", CHECK_DISTINCT}, {"sum", CHECK_SUM},
                 {"avg", CHECK_AVERAGE},     {"min", CHECK_MIN},           {"max", CHECK_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (check_parser_is(parser, words[i].word))
            return words[i].function;
    *percent = parser->token.type == TOKEN_NAME ? percent_of(parser) : -1;
    return *percent < 0 ? FUNCTION_NONE : CHECK_PERCENTILE;
}

/* What of its spans is summed up, or counted. */
static int aggregate_field_parse(struct check_parser *parser, struct check_aggregate *aggregate)
{
    struct check_token token = parser->token;
    int error = check_field_parse(parser, &aggregate->field);
    if (!error && aggregate->function != CHECK_DISTINCT && aggregate->field.domain != CHECK_ANY &&
        aggregate->field.domain != CHECK_TIMES)
        return check_parser_wrong(parser, &token, "this field is no number: duration or an attribute is needed");
    return error;
}

/* Between the parentheses. */
static int arguments_parse(struct check_parser *parser, int function, struct check_aggregate *aggregate)
{
    int error = 0;
    if (aggregate->function == CHECK_COUNT && function == CHECK_COUNT && parser->token.type == TOKEN_CLOSE)
        return 0;
    if (aggregate->function == CHECK_COUNT)
        return or_parse(parser, &aggregate->filter);
    if (aggregate->function == CHECK_COUNT_NOT)
        error = or_parse(parser, &aggregate->predicate);
    else
        error = aggregate_field_parse(parser, aggregate);
    if (!error && check_parser_take(parser, "where"))
        error = or_parse(parser, &aggregate->filter);
    return error;
}

static int aggregate_parse(struct check_parser *parser, int function, struct check_aggregate *aggregate)
{
    const char *end = "and, or, or )";
    aggregate->at = parser->token.at;
    check_parser_next(parser);
    int error = token_take(parser, TOKEN_OPEN, "( and what is meant");
    if (error)
        return error;
    parser->is_filter = true;
    error = arguments_parse(parser, function, aggregate);
    parser->is_filter = false;
    if (error)
        return error;
    aggregate->len = parser->token.at + parser->token.len - aggregate->at;
    return token_take(parser, TOKEN_CLOSE, end);
}

/* none, any and all are comparisons with a count. */
static int quantifier_settle(struct check_parser *parser, int function, struct check_node *node)
{
    struct check_value *zero = check_arena_get(&parser->set->arena, sizeof *zero);
    if (!zero)
        return -ENOMEM;
    zero->type = CHECK_NUMBER;
    node->literals = zero;
    node->op = function == FUNCTION_IS_ANY ? CHECK_ABOVE : CHECK_EQUAL;
    return 0;
}

static int limit_parse(struct check_parser *parser, struct check_node *node)
{
    const struct check_aggregate *aggregate = node->aggregate;
    bool is_time = aggregate->field.domain == CHECK_TIMES && aggregate->function != CHECK_DISTINCT &&
                   aggregate->function != CHECK_COUNT;
    struct check_value *literal = check_arena_get(&parser->set->arena, sizeof *literal);
    int op = check_operator_find(parser);
    if (op < 0)
        return check_parser_expected(parser, "what it is to be: = != < <= > >=");
    node->op = (enum check_op)op;
    check_parser_next(parser);
    if (!literal)
        return -ENOMEM;
    node->literals = literal;
    if (!is_time && parser->token.type != TOKEN_NUMBER)
        return check_parser_expected(parser, "a number");
    static const struct check_field number = {.domain = CHECK_ANY}, time = {.domain = CHECK_TIMES};
    return check_literal_parse(parser, is_time ? &time : &number, literal);
}

static int assertion_parse(struct check_parser *parser, struct check_node *node)
{
    double percent = 0;
    int function = function_find(parser, &percent);
    if (function == FUNCTION_NONE)
        return check_parser_expected(
            parser, "none, any, all, count, distinct, sum, avg, min, max or p50 to p99.9, and a filter "
                    "within: none(duration > 2s)");
    if (parser->check->aggregate_count == CHECK_AGGREGATES_MAX)
        return check_parser_wrong(parser, &parser->token, "a check has at most %d of these", CHECK_AGGREGATES_MAX);
    struct check_aggregate *aggregate = check_arena_get(&parser->set->arena, sizeof *aggregate);
    if (!aggregate)
        return -ENOMEM;
    aggregate->is_quantifier = function >= FUNCTION_IS_NONE;
    aggregate->function = function == FUNCTION_IS_ALL ? CHECK_COUNT_NOT
                          : aggregate->is_quantifier  ? CHECK_COUNT
                                                      : (enum check_function)function;
    aggregate->percent = percent;
    aggregate->index = parser->check->aggregate_count;
    node->aggregate = parser->check->aggregates[parser->check->aggregate_count++] = aggregate;
    int error = aggregate_parse(parser, function, aggregate);
    if (error)
        return error;
    return aggregate->is_quantifier ? quantifier_settle(parser, function, node) : limit_parse(parser, node);
}

static int primary_parse(struct check_parser *parser, const struct check_node **out)
{
    if (++parser->node_count > NODES_MAX)
        return check_parser_wrong(parser, &parser->token, "this is too long: %d comparisons are possible", NODES_MAX);
    if (parser->token.type == TOKEN_OPEN) {
        check_parser_next(parser);
        int error = or_parse(parser, out);
        return error ? error : token_take(parser, TOKEN_CLOSE, "and, or, or )");
    }
    struct check_node *node = node_get(parser);
    if (!node)
        return -ENOMEM;
    *out = node;
    return parser->is_filter ? check_compare_parse(parser, node) : assertion_parse(parser, node);
}

static int not_parse(struct check_parser *parser, const struct check_node **out)
{
    bool is_negated = false;
    while (check_parser_take(parser, "not"))
        is_negated = !is_negated;
    int error = primary_parse(parser, out);
    if (error || !is_negated)
        return error;
    struct check_node *node = node_get(parser);
    if (!node)
        return -ENOMEM;
    *node = (struct check_node){.op = CHECK_NOT, .left = *out};
    *out = node;
    return 0;
}

static int pair_make(struct check_parser *parser, enum check_op op, const struct check_node **left,
                     const struct check_node *right)
{
    struct check_node *node = node_get(parser);
    if (!node)
        return -ENOMEM;
    *node = (struct check_node){.op = op, .left = *left, .right = right};
    *left = node;
    return 0;
}

static int and_parse(struct check_parser *parser, const struct check_node **out)
{
    const struct check_node *right;
    int error = not_parse(parser, out);
    while (!error && check_parser_take(parser, "and")) {
        error = not_parse(parser, &right);
        if (!error)
            error = pair_make(parser, CHECK_AND, out, right);
    }
    return error;
}

static int or_parse(struct check_parser *parser, const struct check_node **out)
{
    const struct check_node *right;
    int error = and_parse(parser, out);
    while (!error && check_parser_take(parser, "or")) {
        error = and_parse(parser, &right);
        if (!error)
            error = pair_make(parser, CHECK_OR, out, right);
    }
    return error;
}

/* Behind "per". */
static int grouping_parse(struct check_parser *parser)
{
    struct check *check = parser->check;
    if (check_parser_take(parser, "test")) {
        check->grouping = CHECK_PER_TEST;
        return check_field_find(&parser->set->fields, &parser->set->pool, "test", 4, &check->group_field);
    }
    if (check_parser_take(parser, "trace")) {
        check->grouping = CHECK_PER_TRACE;
        return 0;
    }
    check->grouping = CHECK_PER_FIELD;
    return check_field_parse(parser, &check->group_field);
}

int check_parse(struct check_set *set, struct check *check, struct check_error *error)
{
    struct check_parser parser = {.set = set, .check = check, .lexer = {.text = check->text}, .error = error};
    check_parser_next(&parser);
    int result = or_parse(&parser, &check->root);
    if (!result && check_parser_take(&parser, "per"))
        result = grouping_parse(&parser);
    if (!result && parser.token.type != TOKEN_END)
        result = check_parser_expected(&parser, "and, or, per test, per trace, or the end");
    return !result && set->pool.is_out_of_memory ? -ENOMEM : result;
}
