/* check_lexer.h - the words of a check (CHECKS.md). */
#ifndef RUN_TRACED_VIEW_CHECK_LEXER_H
#define RUN_TRACED_VIEW_CHECK_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum check_token_type {
    TOKEN_END,
    TOKEN_WRONG, /* lexer.wrong says why */
    TOKEN_NAME,  /* of a field, or a word of the language */
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_TIME, /* a number in microseconds */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_LIST, /* [ */
    TOKEN_CLOSE_LIST,
    TOKEN_COMMA,
    TOKEN_OPERATOR, /* = != < <= > >= =~ !~ */
};

struct check_token {
    enum check_token_type type;
    size_t at; /* where it begins in the text, bytes */
    size_t len;
    double number; /* NUMBER, TIME */
};

struct check_lexer {
    const char *text; /* NUL-terminated */
    size_t at;
    const char *wrong; /* what was wrong with the last token */
};

/* check_lexer_next - the next token. Blanks, line ends and comments (from '#' to the end of the line) are skipped. */
struct check_token check_lexer_next(struct check_lexer *lexer);

/* check_token_is - whether the token is this word, in lower or upper case, or this operator. */
bool check_token_is(const struct check_lexer *lexer, const struct check_token *token, const char *word);

/* check_token_string - what a STRING means, in @out (token->len bytes are enough): a backslash before a quote or
 * another backslash is taken away, any other stays. Returns the length; it is not terminated. */
size_t check_token_string(const struct check_lexer *lexer, const struct check_token *token, char *out);

#endif
