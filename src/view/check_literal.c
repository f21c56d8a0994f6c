#include "view/check_parse_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int check_string_take(struct check_parser *parser, const char **out)
{
    char *bytes = malloc(parser->token.len);
    if (!bytes)
        return -ENOMEM;
    *out = string_pool_intern(&parser->set->pool, bytes, check_token_string(&parser->lexer, &parser->token, bytes));
    free(bytes);
    check_parser_next(parser);
    return 0;
}

/* A word out of a few, in any case, with or without quotes. */
static int choice_parse(struct check_parser *parser, const char *const *words, struct check_value *value)
{
    char known[128] = "";
    const struct check_token *token = &parser->token;
    size_t quotes = token->type == TOKEN_STRING ? 2 : 0;
    for (; *words; words++) {
        if ((token->type == TOKEN_STRING || token->type == TOKEN_NAME) && token->len == strlen(*words) + quotes &&
            strncasecmp(parser->lexer.text + token->at + quotes / 2, *words, token->len - quotes) == 0) {
            *value = (struct check_value){.type = CHECK_TEXT,
                                          .text = string_pool_intern(&parser->set->pool, *words, strlen(*words))};
            check_parser_next(parser);
            return 0;
        }
        size_t len = strlen(known);
        snprintf(known + len, sizeof known - len, "%s%s", len ? ", " : "one of ", *words);
    }
    return check_parser_expected(parser, known);
}

int check_text_parse(struct check_parser *parser, struct check_value *value)
{
    if (parser->token.type != TOKEN_STRING)
        return check_parser_expected(parser, "text in quotes");
    value->type = CHECK_TEXT;
    return check_string_take(parser, &value->text);
}

static int number_parse(struct check_parser *parser, enum check_token_type type, struct check_value *value)
{
    if (parser->token.type != type)
        return check_parser_expected(parser, type == TOKEN_TIME ? "a time like 2s or 10ms" : "a number");
    *value = (struct check_value){.type = CHECK_NUMBER, .number = parser->token.number};
    check_parser_next(parser);
    return 0;
}

static int truth_parse(struct check_parser *parser, struct check_value *value)
{
    bool truth = check_parser_is(parser, "true");
    if (!truth && !check_parser_is(parser, "false"))
        return check_parser_expected(parser, "true or false");
    *value = (struct check_value){.type = CHECK_TRUTH, .truth = truth};
    check_parser_next(parser);
    return 0;
}

/* Of an attribute: as it stands there. */
static int any_parse(struct check_parser *parser, struct check_value *value)
{
    if (parser->token.type == TOKEN_STRING)
        return check_text_parse(parser, value);
    if (parser->token.type == TOKEN_NUMBER)
        return number_parse(parser, TOKEN_NUMBER, value);
    if (check_parser_is(parser, "true") || check_parser_is(parser, "false"))
        return truth_parse(parser, value);
    if (parser->token.type == TOKEN_TIME)
        return check_parser_wrong(parser, &parser->token,
                                  "only duration is a time; an attribute is a number without a unit");
    return check_parser_expected(parser, "text in quotes, a number, true or false");
}

int check_literal_parse(struct check_parser *parser, const struct check_field *field, struct check_value *value)
{
    static const char *const kinds[] = {"INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER", NULL};
    static const char *const statuses[] = {"OK", "ERROR", "UNSET", NULL};
    switch (field->domain) {
    case CHECK_TEXTS:
        return check_text_parse(parser, value);
    case CHECK_KINDS:
        return choice_parse(parser, kinds, value);
    case CHECK_STATUSES:
        return choice_parse(parser, statuses, value);
    case CHECK_TIMES:
        return number_parse(parser, TOKEN_TIME, value);
    case CHECK_TRUTHS:
        return truth_parse(parser, value);
    default:
        return any_parse(parser, value);
    }
}
