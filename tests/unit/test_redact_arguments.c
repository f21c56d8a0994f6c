/* test_redact_arguments.c - what may be secret in a command line is not told; the rest is. */
#include "trace/redact_arguments.h"

#include "base/compiler.h"
#include "support/guarded.h"
#include "trace/redact.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ARGUMENTS_MAX = 4 };

struct row {
    const char *arguments[ARGUMENTS_MAX], *expected;
};

/* The arguments with a bar behind each. */
static void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char bytes[512];
        struct text text = text_on(bytes, sizeof bytes);
        enum argument_announces announced = ANNOUNCES_NOTHING;
        for (size_t k = 0; k < ARGUMENTS_MAX && rows[i].arguments[k]; k++) {
            size_t len = strlen(rows[i].arguments[k]);
            redact_append_argument(&text, guarded(rows[i].arguments[k], len), len, &announced);
            text_append_char(&text, '|');
        }
        cr_expect_str_eq(text_terminate(&text), rows[i].expected, "row %zu: '%s'", i, bytes);
    }
}

Test(redact_arguments, secrets_are_not_told)
{
    static const struct row rows[] = {
        {{"--password=S", "x"}, "--password=REDACTED|x|"},
        {{"--password", "S", "x"}, "--password|REDACTED|x|"},
        {{"--password=", "S", "x"}, "--password=|REDACTED|x|"},
        {{"-H", "Authorization: Bearer S S"}, "-H|Authorization:REDACTED|"},
        {{"Bearer S"}, "REDACTED|"},
        {{"AWS_SECRET_ACCESS_KEY=S", "MYSQL_PWD=S"}, "AWS_SECRET_ACCESS_KEY=REDACTED|MYSQL_PWD=REDACTED|"},
        {{"-u", "joe:S"}, "-u|REDACTED|"},
        {{"-sSu", "joe:S"}, "-sSu|REDACTED|"},
        {{"-ujoe:S", "-sSujoe:S"}, "-uREDACTED|-sSuREDACTED|"},
        {{"--proxy-user", "joe:S"}, "--proxy-user|REDACTED|"},
        {{"-pS", "-p", "S"}, "-pREDACTED|-p|REDACTED|"},
        {{"http://joe:S@h/p"}, "http://h/p|"},
        {{"--url=http://joe:S@h/p?a=S"}, "--url=http://h/p?a=REDACTED|"},
        {{"REDIS_URL=redis://:S@h:1/0"}, "REDIS_URL=redis://h:1/0|"},
        {{"joe:S@tcp(h)/db"}, "REDACTED|"},
        {{"http://joe:12'S@h/"}, "REDACTED|"},
        {{"{\"password\": \"S S\", \"a\": 1}"}, "{\"password\":REDACTED|"},
        {{"{\\\"token\\\":\\\"S\\\"}"}, "{\\\"token\\\":REDACTED|"},
        {{"a=1&password=S&b=2"}, "a=1&password=REDACTED|"},
        {{"-c", "curl -u joe:S http://h"}, "-c|curl -u REDACTED|"},
        {{"-c", "mysql --password S; echo S"}, "-c|mysql --password REDACTED|"},
    };
    rows_check(rows, ARRAY_LEN(rows));
}

Test(redact_arguments, all_else_is_told)
{
    static const struct row rows[] = {
        {{"curl", "-sS", "http://h:80/a/b"}, "curl|-sS|http://h:80/a/b|"},
        {{"-c", "echo a b; ls -l /tmp"}, "-c|echo a b; ls -l /tmp|"},
        {{"-u", "script.py", "", "--name=x"}, "-u|script.py||--name=x|"},
        {{"git@host.example:a/b.git"}, "git@host.example:a/b.git|"},
    };
    rows_check(rows, ARRAY_LEN(rows));
}

Test(redact_arguments, the_users_own_patterns)
{
    static const struct row rows[] = {{{"x", "--id=acme-7"}, "x|--id=REDACTED|"}};
    setenv("RUN_TRACED_REDACT", "acme-*", 1);
    redact_init();
    rows_check(rows, ARRAY_LEN(rows));
}
