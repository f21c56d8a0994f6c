#include "view/check_lexer.h"

#include "base/compiler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_LEN_MAX = 40 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the word goes on that begins at @at: names have dots and hyphens in them. */
static bool is_in_name(const char *at)
{
    return is_letter(*at) || is_digit(*at) || ((*at == '.' || *at == '-') && (is_letter(at[1]) || is_digit(at[1])));
}

static struct check_token wrong(struct check_lexer *lexer, size_t at, size_t len, const char *why)
{
    lexer->wrong = why;
    return (struct check_token){.type = TOKEN_WRONG, .at = at, .len = len};
}

static struct check_token name_take(struct check_lexer *lexer)
{
    size_t begin = lexer->at;
    while (is_in_name(lexer->text + lexer->at))
        lexer->at++;
    return (struct check_token){.type = TOKEN_NAME, .at = begin, .len = lexer->at - begin};
}

static struct check_token string_take(struct check_lexer *lexer)
{
    size_t begin = lexer->at++;
    char quote = lexer->text[begin];
    for (; lexer->text[lexer->at] && lexer->text[lexer->at] != quote; lexer->at++)
        if (lexer->text[lexer->at] == '\\' && lexer->text[lexer->at + 1])
            lexer->at++;
    if (!lexer->text[lexer->at])
        return wrong(lexer, begin, lexer->at - begin, "this quote is not closed");
    lexer->at++;
    return (struct check_token){.type = TOKEN_STRING, .at = begin, .len = lexer->at - begin};
}

/* How many microseconds a unit has; 0: it is none. */
static double unit_us(const char *unit)
{
    static const struct {
        const char *name;
        double us;
    } units[] = {{"us", 1}, {"\xc2\xb5s", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"min", 60e6}, {"h", 3600e6}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].us;
    return 0;
}

/* Digits and what hangs on them: 20, -1, 2.5e3, 10ms. */
static struct check_token number_take(struct check_lexer *lexer)
{
    static const char *const why =
        "this is no number, and no time like 2s, 10ms or 1.5m; text stands in quotes: \"127.0.0.1\"";
    char word[NUMBER_LEN_MAX], *unit;
    const char *text = lexer->text;
    size_t begin = lexer->at++;
    while (is_letter(text[lexer->at]) || is_digit(text[lexer->at]) || text[lexer->at] == '.' ||
           (unsigned char)text[lexer->at] >= 0x80 ||
           (strchr("+-", text[lexer->at]) && text[lexer->at] && strchr("eE", text[lexer->at - 1])))
        lexer->at++;
    size_t len = lexer->at - begin;
    if (len >= sizeof word || strpbrk(text + begin, "xX") == text + begin + 1)
        return wrong(lexer, begin, len, why);
    memcpy(word, text + begin, len);
    word[len] = '\0';
    struct check_token token = {.type = TOKEN_NUMBER, .at = begin, .len = len, .number = strtod(word, &unit)};
    double us = unit_us(unit);
    if (unit == word || !isfinite(token.number) || (*unit && us == 0))
        return wrong(lexer, begin, len, why);
    if (*unit)
        token = (struct check_token){.type = TOKEN_TIME, .at = begin, .len = len, .number = token.number * us};
    return token;
}

static struct check_token sign_take(struct check_lexer *lexer)
{
    static const struct {
        const char *sign;
        enum check_token_type type;
    } signs[] = {{"(", TOKEN_OPEN},      {")", TOKEN_CLOSE},     {"[", TOKEN_OPEN_LIST}, {"]", TOKEN_CLOSE_LIST},
                 {",", TOKEN_COMMA},     {"==", TOKEN_OPERATOR}, {"=~", TOKEN_OPERATOR}, {"!~", TOKEN_OPERATOR},
                 {"!=", TOKEN_OPERATOR}, {"<=", TOKEN_OPERATOR}, {">=", TOKEN_OPERATOR}, {"=", TOKEN_OPERATOR},
                 {"<", TOKEN_OPERATOR},  {">", TOKEN_OPERATOR}};
    size_t begin = lexer->at;
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        size_t len = strlen(signs[i].sign);
        if (strncmp(lexer->text + begin, signs[i].sign, len))
            continue;
        lexer->at += len;
        return (struct check_token){.type = signs[i].type, .at = begin, .len = len};
    }
    lexer->at++;
    while (((unsigned char)lexer->text[lexer->at] & 0xc0) == 0x80)
        lexer->at++; /* the rest of a character */
    return wrong(lexer, begin, lexer->at - begin, "this means nothing here; text stands in quotes");
}

static void blanks_skip(struct check_lexer *lexer)
{
    const char *text = lexer->text;
    for (;;) {
        lexer->at += strspn(text + lexer->at, " \t\r\n");
        if (text[lexer->at] != '#')
            return;
        lexer->at += strcspn(text + lexer->at, "\n");
    }
}

struct check_token check_lexer_next(struct check_lexer *lexer)
{
    blanks_skip(lexer);
    const char *at = lexer->text + lexer->at;
    if (!*at)
        return (struct check_token){.type = TOKEN_END, .at = lexer->at};
    if (*at == '"' || *at == '\'')
        return string_take(lexer);
    if (is_letter(*at))
        return name_take(lexer);
    if (is_digit(*at) || (*at == '-' && is_digit(at[1])))
        return number_take(lexer);
    return sign_take(lexer);
}

bool check_token_is(const struct check_lexer *lexer, const struct check_token *token, const char *word)
{
    return (token->type == TOKEN_NAME || token->type == TOKEN_OPERATOR) && strlen(word) == token->len &&
           strncasecmp(lexer->text + token->at, word, token->len) == 0;
}

size_t check_token_string(const struct check_lexer *lexer, const struct check_token *token, char *out)
{
    const char *at = lexer->text + token->at, *end = at + token->len - 1;
    char quote = *at++, *to = out;
    while (at < end) {
        if (*at == '\\' && (at[1] == quote || at[1] == '\\'))
            at++;
        *to++ = *at++;
    }
    return (size_t)(to - out);
}
