/* Checks: what their texts mean, what is wrong with some, and what becomes of them on spans. */
#include "view/check_report.h"
#include "view/check_run.h"
#include "view/check_text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE(trace, id, more)                                                                                          \
    "{\"traceId\":\"0000000000000000000000000000000" trace "\",\"spanId\":\"000000000000000" id                        \
    "\",\"timestamp\":1," more "}\n"

/* Two tests, one with two queries; a call of a service; one that leaves the machine; another trace. */
static const char SPANS[] =
    LINE("1", "1", "\"name\":\"t\",\"duration\":10,\"attributes\":{\"test.case.name\":\"a\",\"test.suite.name\":\"s\"}")
        LINE("1", "2",
             "\"parentSpanId\":\"0000000000000001\",\"name\":\"q\",\"duration\":1000,\"kind\":\"CLIENT\","
             "\"attributes\":{\"db\":\"pg\",\"rows\":3}")
            LINE("1", "3",
                 "\"parentSpanId\":\"0000000000000001\",\"name\":\"q\",\"duration\":3000,\"kind\":\"CLIENT\","
                 "\"attributes\":{\"db\":\"pg\",\"rows\":5,\"ok\":true}")
                LINE("1", "4", "\"name\":\"t\",\"duration\":10,\"attributes\":{\"test.case.name\":\"b\"}") LINE(
                    "1", "5",
                    "\"parentSpanId\":\"0000000000000004\",\"name\":\"GET\",\"duration\":2500000,\"kind\":\"CLIENT\","
                    "\"status\":{\"code\":\"ERROR\",\"message\":\"no\\tway\"},\"attributes\":{\"server.address\":"
                    "\"h\\u00e9\","
                    "\"rows\":\"many\",\"tags\":[\"x\",\"y\\n\"],\"name\":\"inner\",\"server.address\":\"second\"},"
                    "\"resource\":{\"service.name\":\"shop\",\"zone\":7}")
                    LINE("2", "1",
                         "\"name\":\"GET\",\"duration\":0,\"kind\":\"SERVER\",\"attributes\":{\"server.address\":\"127."
                         "0.0.1\"}");

static int file_of(const char *text)
{
    int fd = memfd_create("spans", MFD_CLOEXEC);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text) && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static enum check_truth judge(const char *text, const char *lines, char **said)
{
    struct check_set set = {0};
    struct check_error error;
    struct check_spans spans;
    struct check_result result;
    struct screen screen;
    size_t len;
    int fd = file_of(lines);
    cr_assert_eq(check_set_add(&set, text, NULL, 1, &error), 0, "%s: %s", text, error.message);
    cr_assert_eq(check_spans_read(&set, fd, &spans), 0);
    cr_assert_eq(check_judge(&spans, &set.checks[0], &result), 0);
    FILE *out = open_memstream(said, &len);
    screen_open(&screen, out, &(struct view_options){.color = VIEW_COLOR_NEVER});
    check_text_result(&screen, &spans, &result);
    screen_close(&screen);
    fclose(out);
    enum check_truth outcome = result.outcome;
    check_result_free(&result);
    check_spans_free(&spans);
    check_set_free(&set);
    close(fd);
    return outcome;
}

Test(view_check, holds_or_not)
{
    static const struct {
        const char *text;
        enum check_truth expected;
    } cases[] = {
        /* quantifiers and numbers */
        {"none(duration > 2s)", CHECK_FALSE},
        {"none(duration > 2.5s)", CHECK_TRUE},
        {"any(duration = 0s)", CHECK_TRUE},
        {"any(name = \"absent\")", CHECK_FALSE},
        {"count() = 6", CHECK_TRUE},
        {"count(kind = client) = 3", CHECK_TRUE},
        {"count(kind in (SERVER, \"client\")) == 4", CHECK_TRUE},
        {"count(status = UNSET) = 5 and count(status != ERROR) = 5", CHECK_TRUE},
        {"sum(rows) = 8", CHECK_TRUE},
        {"avg(rows where db = 'pg') = 4", CHECK_TRUE},
        {"min(rows) = 3 and max(rows) = 5", CHECK_TRUE},
        {"max(duration where db exists) <= 3ms", CHECK_TRUE},
        {"max(duration where db exists) < 3ms", CHECK_FALSE},
        {"sum(duration where db exists) = 4ms", CHECK_TRUE},
        {"p50(duration) = 10us and p100(duration) = 2500ms and p0(duration) = 0us", CHECK_TRUE},
        {"p99.9(duration) > 2s", CHECK_TRUE},
        {"distinct(name) = 3", CHECK_TRUE},
        {"distinct(rows) = 3", CHECK_TRUE},
        {"distinct(ok) = 1", CHECK_TRUE},
        /* what is missing, or of another type, is unknown, and neither = nor != */
        {"none(db = 'my') and none(db != 'pg')", CHECK_TRUE},
        {"count(not (db = 'my')) = 2", CHECK_TRUE},
        {"count(rows = 3) = 1 and count(rows != 3) = 1 and count(rows = 'many') = 1", CHECK_TRUE},
        {"count(not (rows > 3)) = 1", CHECK_TRUE},
        {"count(db = 'pg' or kind = SERVER) = 3", CHECK_TRUE},
        {"count(not (db = 'pg' or kind = SERVER)) = 0", CHECK_TRUE},
        {"all(db = 'pg' where kind = CLIENT)", CHECK_FALSE},
        {"all(db = 'pg' where kind = CLIENT and db exists)", CHECK_TRUE},
        {"max(absent) < 1", CHECK_UNKNOWN},
        {"not (max(absent) < 1)", CHECK_UNKNOWN},
        {"max(absent) < 1 or count() > 5", CHECK_TRUE},
        {"max(absent) < 1 and count() > 6", CHECK_FALSE},
        /* fields */
        {"count(root) = 3 and count(not root) = 3 and count(root = false) = 3", CHECK_TRUE},
        {"count(parent.name = 't') = 3", CHECK_TRUE},
        {"count(parent.kind exists) = 3", CHECK_TRUE},
        {"count(root.test.case.name = 'a') = 3", CHECK_TRUE},
        {"count(test = 'b') = 2 and count(suite = 's') = 3 and count(test exists) = 5", CHECK_TRUE},
        {"count(service = 'shop') = 1 and count(service = 'unknown_service') = 5", CHECK_TRUE},
        {"count(resource.zone = 7) = 1 and count(resource['service.name'] exists) = 1", CHECK_TRUE},
        {"count(attr[\"name\"] = 'inner') = 1", CHECK_TRUE},
        {"count(status.message = 'no\tway') = 1", CHECK_TRUE},
        {"count(server.address = 'h\xc3\xa9') = 1 and none(server.address = 'second')", CHECK_TRUE},
        {"count(trace_id =~ '2$') = 1 and count(span_id !~ '[1-4]$') = 1", CHECK_TRUE},
        {"count(server.address =~ '^127\\.0') = 1", CHECK_TRUE},
        {"count(tags contains 'x') = 1 and count(tags contains 'y\n') = 1 and count(tags = 'x') = 0", CHECK_TRUE},
        {"count(server.address contains '0.0') = 1 and count(server.address not contains '0.0') = 1", CHECK_TRUE},
        {"count(name not in ('t', 'q')) = 2 and count(db not exists) = 4", CHECK_TRUE},
        {"count(ok = true) = 1", CHECK_TRUE},
        /* groups */
        {"count(db exists) <= 1 per test", CHECK_FALSE},
        {"count(db exists) <= 2 per test", CHECK_TRUE},
        {"count(db exists) >= 1 per test", CHECK_FALSE},
        {"any(name = 'GET') per trace", CHECK_TRUE},
        {"count() < 6 per trace", CHECK_TRUE},
        {"count() >= 2 per trace", CHECK_FALSE},
        {"count() <= 5 per service", CHECK_TRUE},
        {"sum(rows) <= 8 per db", CHECK_TRUE},
        {"none(root) per absent", CHECK_UNKNOWN},
        /* words */
        {"NONE(duration > 1h) AND NOT ANY(name = 'x') # why\n", CHECK_TRUE},
        {"a name with 7: none(duration > 1h)", CHECK_TRUE},
        {"not not none(duration > 1h)", CHECK_TRUE},
        {"(count() = 1 or count() = 6) and (none(root and not root))", CHECK_TRUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *said;
        cr_expect_eq(judge(cases[i].text, SPANS, &said), cases[i].expected, "%s\n%s", cases[i].text, said);
        free(said);
    }
}

Test(view_check, says_what_is_wrong_and_where)
{
    static const struct {
        const char *text;
        size_t at;
        const char *message;
    } cases[] = {
        {"", 0, "expected none, any"},
        {"duration > 2s", 0, "expected none, any"},
        {"none", 4, "expected ("},
        {"none(", 5, "expected the name of a field"},
        {"none()", 5, "expected the name of a field"},
        {"none(and)", 5, "expected the name of a field"},
        {"none(a)", 6, "expected what is said of it"},
        {"none(a = )", 9, "expected text in quotes, a number"},
        {"none(a = b)", 9, "expected text in quotes, a number"},
        {"none(a = 1", 10, "expected and, or, or )"},
        {"none(a = 1))", 11, "expected and, or, per test"},
        {"none(a = 2s)", 9, "only duration is a time"},
        {"none(a < 'x')", 9, "only numbers and times are greater"},
        {"none(a not = 1)", 11, "expected in, contains or exists"},
        {"none(kind = CLEINT)", 12, "expected one of INTERNAL, SERVER"},
        {"none(kind =~ 'C')", 10, "this field is no text"},
        {"none(status < OK)", 14, "only numbers"},
        {"none(duration > 2)", 16, "expected a time like 2s"},
        {"none(duration > 2parsecs)", 16, "this is no number"},
        {"none(a = 0x10)", 9, "this is no number"},
        {"none(a = 127.0.0.1)", 9, "this is no number"},
        {"none(name = 'a)", 12, "this quote is not closed"},
        {"none(name =~ '(')", 13, "not a POSIX extended regular expression"},
        {"none(name in 'a')", 13, "expected a list"},
        {"none(name in ('a' 'b'))", 18, "expected a comma or )"},
        {"none(attr[x] exists)", 10, "expected the name of an attribute in quotes"},
        {"none(attr['x' exists)", 14, "expected ]"},
        {"count(a exists)", 15, "expected what it is to be"},
        {"count(a exists) < 2s", 18, "expected a number"},
        {"max(duration) < 2", 16, "expected a time"},
        {"max() < 2", 4, "expected the name of a field"},
        {"sum(name) < 2", 4, "this field is no number"},
        {"p101(duration) < 2s", 0, "expected none, any"},
        {"none(root) per", 14, "expected the name of a field"},
        {"none(root) per test per trace", 20, "expected and, or, per test"},
        {"none(a ; 1)", 7, "this means nothing here"},
        {"name: none(a ; 1)", 13, "this means nothing here"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct check_set set = {0};
        struct check_error error = {0};
        cr_expect_eq(check_set_add(&set, cases[i].text, NULL, 1, &error), -EINVAL, "%s", cases[i].text);
        cr_expect_eq(error.at, cases[i].at, "%s: at %zu", cases[i].text, error.at);
        cr_expect(strstr(error.message, cases[i].message) == error.message, "%s: %s", cases[i].text, error.message);
        check_set_free(&set);
    }
}

Test(view_check, bounds_what_is_nested_and_long)
{
    struct check_set set = {0};
    struct check_error error = {0};
    char text[8192] = "none(";
    memset(text + 5, '(', 4000);
    cr_expect_eq(check_set_add(&set, text, NULL, 1, &error), -EINVAL);
    cr_expect(strstr(error.message, "too long"), "%s", error.message);
    strcpy(text, "none(a = 1");
    for (int i = 0; i < 600; i++)
        strcat(text, " or a = 1");
    strcat(text, ")");
    cr_expect_eq(check_set_add(&set, text, NULL, 1, &error), -EINVAL);
    check_set_free(&set);
}

Test(view_check, says_why_and_what_was_not_judged)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"none(db exists)", "none(db exists): 2 spans\n    line 2: "},
        {"few: count(db exists) < 2 per test",
         "FAILED  few  (2 of 6 spans matched, 2 tests)\n        count(db exists) < 2 per test\n"
         "  count(db exists) is 2 in test a\n"},
        {"max(duration) < 1s", "max(duration) is 2.50 s\n    line 5: 2.50 s  shop CLIENT GET"},
        {"any(name = 'x')", "any(name = 'x'): there is none\n"},
        {"count() < 6 per trace", "ok      count() < 6 per trace  (6 of 6 spans matched, 2 traces)\n"},
        {"none(dbb = 'pg')", "note: no span has the attribute dbb\n"},
        {"none(resource.x = 1)", "note: no span has the resource attribute x\n"},
        {"none(kind = CLIENT and server.address != 'h\xc3\xa9')",
         "note: 2 spans were not counted: a value is missing, or of another "
         "type, in none("},
        {"none(root) per absent", "nothing none(root) per absent  (0 of 6 spans matched, 0 groups)\n"},
        {"none(root) per absent", "note: there is no group, so that nothing was judged\n"},
        {"count() > 0 per test", "note: 1 span is in no test\n"},
        {"count() < 9 and count(db exists) < 1", "  count(db exists) is 2\n"},
        {"not (count() > 1 and count() > 2)", "  count() is 6\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *said;
        judge(cases[i].text, SPANS, &said);
        cr_expect(strstr(said, cases[i].said), "%s\n%s", cases[i].text, said);
        free(said);
    }
    char *said;
    judge("count() < 9 and count(db exists) < 1", SPANS, &said);
    cr_expect_not(strstr(said, "count() is"), "%s", said);
    free(said);
}

Test(view_check, no_spans_are_none)
{
    char *said;
    cr_expect_eq(judge("count() = 0 and none(root)", "", &said), CHECK_TRUE);
    free(said);
    cr_expect_eq(judge("none(root) per trace", "", &said), CHECK_UNKNOWN);
    free(said);
}

Test(view_check, a_report_is_known_by_its_name)
{
    static const struct {
        const char *name, *path;
        enum check_report_format format;
    } cases[] = {{"a.xml", "a.xml", CHECK_REPORT_JUNIT},
                 {"a.tap", "a.tap", CHECK_REPORT_TAP},
                 {"a?format=tap", "a", CHECK_REPORT_TAP},
                 {"a.xml?format=tap", "a.xml", CHECK_REPORT_TAP},
                 {"-?format=junit", "-", CHECK_REPORT_JUNIT},
                 {"a.txt", NULL, 0},
                 {".xml", NULL, 0},
                 {"a?format=x", NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[64] = "";
        enum check_report_format format;
        int error = check_report_parse(cases[i].name, path, sizeof path, &format);
        cr_expect_eq(error, cases[i].path ? 0 : -EINVAL, "%s", cases[i].name);
        if (error == 0)
            cr_expect(strcmp(path, cases[i].path) == 0 && format == cases[i].format, "%s: %s", cases[i].name, path);
    }
}
