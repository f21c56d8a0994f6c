#include "shim/tap_line.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { NUMBER_MAX = 100000000 };

/* What is left of a line. */
struct rest {
    const char *at, *end;
};

static bool take(struct rest *rest, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(rest->end - rest->at) < len || memcmp(rest->at, word, len) != 0)
        return false;
    rest->at += len;
    return true;
}

static void skip_blanks(struct rest *rest)
{
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t'))
        rest->at++;
}

static bool is_at_word_end(const struct rest *rest)
{
    return rest->at == rest->end || *rest->at == ' ' || *rest->at == '\t';
}

/* False if there is none. */
static bool take_number(struct rest *rest, uint32_t *number)
{
    const char *begin = rest->at;
    *number = 0;
    for (; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9' && *number < NUMBER_MAX; rest->at++)
        *number = *number * 10 + (uint32_t)(*rest->at - '0');
    return rest->at > begin;
}

/* " # SKIP why", " # TODO": in any case. Where it begins, or the end. */
static const char *directive_find(struct rest rest, enum tap_directive *directive)
{
    for (; rest.at < rest.end; rest.at++) {
        if (*rest.at == '\\') {
            rest.at++;
            continue;
        }
        struct rest word = {rest.at + 1, rest.end};
        if (*rest.at != '#')
            continue;
        skip_blanks(&word);
        size_t len = (size_t)(word.end - word.at);
        if (len >= 4 && strncasecmp(word.at, "skip", 4) == 0)
            *directive = TAP_SKIP;
        else if (len >= 4 && strncasecmp(word.at, "todo", 4) == 0)
            *directive = TAP_TODO;
        else
            continue;
        return rest.at;
    }
    return rest.end;
}

static struct tap_line test_parse(struct rest rest, enum tap_kind kind)
{
    struct tap_line line = {.kind = kind};
    if (!is_at_word_end(&rest))
        return (struct tap_line){.kind = TAP_OTHER};
    skip_blanks(&rest);
    struct rest before = rest;
    if (!take_number(&rest, &line.number) || !is_at_word_end(&rest)) {
        rest = before;
        line.number = 0;
    }
    skip_blanks(&rest);
    if (take(&rest, "-"))
        skip_blanks(&rest);
    const char *end = directive_find(rest, &line.directive);
    while (end > rest.at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    line.name_len = (size_t)(end - rest.at);
    line.name = line.name_len ? rest.at : NULL;
    return line;
}

static struct tap_line plan_parse(struct rest rest)
{
    struct tap_line line = {.kind = TAP_PLAN};
    if (!take_number(&rest, &line.number) || !is_at_word_end(&rest))
        return (struct tap_line){.kind = TAP_OTHER};
    directive_find(rest, &line.directive);
    return line;
}

struct tap_line tap_line_parse(const char *bytes, size_t len)
{
    struct rest rest = {bytes, bytes + len};
    if (len && rest.end[-1] == '\r')
        rest.end--;
    if (take(&rest, "TAP version "))
        return (struct tap_line){.kind = TAP_VERSION};
    if (take(&rest, "Bail out!"))
        return (struct tap_line){.kind = TAP_BAIL_OUT};
    if (take(&rest, "1.."))
        return plan_parse(rest);
    if (take(&rest, "not ok"))
        return test_parse(rest, TAP_NOT_OK);
    if (take(&rest, "ok"))
        return test_parse(rest, TAP_OK);
    return (struct tap_line){.kind = TAP_OTHER};
}
