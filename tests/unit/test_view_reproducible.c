/* Spans written anew: what becomes of a line, of ids and of the order. */
#include "view/reproducible.h"
#include "view/stable_span.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

Test(view_reproducible, a_line_keeps_what_is_the_same_in_each_run)
{
    static const char *const cases[][2] = {
        {"{\"traceId\":\"1\",\"spanId\":\"2\",\"parentSpanId\":\"3\",\"name\":\"GET\",\"timestamp\":17,\"duration\":3}",
         "{\"name\":\"GET\",\"timestamp\":0,\"duration\":0}"},
        {"{\"attributes\":{\"b\":1.50,\"a\":\"x\\\"\\u00e9\",\"c\":[\"/tmp/"
         "q\",true],\"http.response.status_code\":404}}",
         "{\"attributes\":{\"a\":\"x\\\"\\u00e9\",\"b\":1.50,\"c\":[\"/tmp/"
         "{tmp}\",true],\"http.response.status_code\":404}}"},
        {"{\"kind\":\"SERVER\",\"attributes\":{\"network.peer.port\":80,\"server.port\":80}}",
         "{\"kind\":\"SERVER\",\"attributes\":{\"network.peer.port\":0,\"server.port\":80}}"},
        {"{\"attributes\":{\"network.peer.port\":80,\"server.port\":40000,\"client.port\":5,\"thread.id\":9},\"kind\":"
         "\"CLIENT\"}",
         "{\"attributes\":{\"client.port\":0,\"network.peer.port\":80,\"server.port\":0,\"thread.id\":0},\"kind\":"
         "\"CLIENT\"}"},
        {"{\"resource\":{\"process.pid\":7,\"host.name\":\"vm\",\"service.name\":\"s\",\"process.parent_pid\":1}}",
         "{\"resource\":{\"host.name\":\"{host}\",\"process.parent_pid\":0,\"process.pid\":0,\"service.name\":\"s\"}}"},
        {"{\"events\":[{\"name\":\"e\",\"timestamp\":5,\"attributes\":{\"b\":null,\"a\":{\"d\":1,\"c\":2}}}],\"links\":"
         "[{\"traceId\":\"1\"}]}",
         "{\"events\":[{\"attributes\":{\"a\":{\"c\":2,\"d\":1},\"b\":null},\"name\":\"e\",\"timestamp\":0}]}"},
        {"{}", "{}"},
        {"\xef\xbb\xbf{ \"a\" : [ ] , \"b\" : { } }", "{\"a\":[],\"b\":{}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stable_span stable;
        cr_assert_eq(stable_span_make(cases[i][0], strlen(cases[i][0]), &stable), 0);
        cr_expect_str_eq(stable.body, cases[i][1], "%s", stable.body);
        cr_expect_eq(stable.links != NULL, strstr(cases[i][0], "links") != NULL);
        free(stable.body);
    }
}

static char *rewrite(const char *lines)
{
    struct reproducible_counts counts;
    char *made;
    size_t len;
    FILE *out = open_memstream(&made, &len);
    int fd = memfd_create("spans", MFD_CLOEXEC);
    cr_assert(write(fd, lines, strlen(lines)) == (ssize_t)strlen(lines) && lseek(fd, 0, SEEK_SET) == 0);
    cr_assert_eq(reproducible_write(fd, out, &counts), 0);
    fclose(out);
    close(fd);
    return made;
}

#define LINE(trace, id, parent, time, name, more)                                                                      \
    "{\"traceId\":\"0000000000000000000000000000000" trace "\",\"spanId\":\"000000000000000" id "\"," parent           \
    "\"name\":\"" name "\",\"timestamp\":" time ",\"duration\":" time more "}\n"
#define PARENT(id) "\"parentSpanId\":\"000000000000000" id "\","

Test(view_reproducible, neither_ids_nor_times_nor_the_order_matter)
{
    static const char first[] = LINE("1", "1", "", "10", "root", "") LINE("1", "2", PARENT("1"), "20", "a", "")
        LINE("1", "3", PARENT("1"), "30", "b", "") LINE("1", "4", PARENT("3"), "40", "c", "")
            LINE("1", "5", PARENT("1"), "50", "b", "") LINE("2", "1", PARENT("9"), "5", "orphan", "");
    static const char second[] =
        LINE("7", "8", PARENT("a"), "1", "orphan", "") LINE("5", "6", PARENT("4"), "99", "c", "")
            LINE("5", "1", PARENT("2"), "20", "b", "") LINE("5", "2", "", "60", "root", "")
                LINE("5", "9", PARENT("2"), "70", "a", "") LINE("5", "4", PARENT("2"), "80", "b", "");
    char *a = rewrite(first), *b = rewrite(second), *again = rewrite(a);
    cr_expect_str_eq(a, b, "\n%s\n%s", a, b);
    cr_expect_str_eq(a, again);
    free(a);
    free(b);
    free(again);
}

Test(view_reproducible, one_call_more_changes_no_other_line)
{
    static const char before[] = LINE("1", "1", "", "1", "root", "") LINE("1", "2", PARENT("1"), "2", "a", "")
        LINE("1", "3", PARENT("1"), "3", "c", "");
    static const char added[] = LINE("1", "4", PARENT("1"), "2", "b", "");
    char with[sizeof before + sizeof added], *more, *less = rewrite(before), *rest = NULL;
    snprintf(with, sizeof with, "%s%s", before, added);
    more = rewrite(with);
    unsigned kept = 0, lines = 0;
    for (char *line = strtok_r(more, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), lines++)
        kept += strstr(less, line) != NULL;
    cr_expect(lines == 4 && kept == 3, "%u of %u", kept, lines);
    free(more);
    free(less);
}

Test(view_reproducible, those_of_one_missing_parent_stay_together)
{
    static const char lines[] = LINE("1", "1", PARENT("9"), "1", "a", "") LINE("1", "2", PARENT("9"), "2", "b", "")
        LINE("1", "3", PARENT("8"), "3", "c", "");
    char *made = rewrite(lines), parents[3][17], *at = made;
    for (int i = 0; i < 3; i++) {
        at = strstr(at, "parentSpanId\":\"");
        cr_assert(at && sscanf(at, "parentSpanId\":\"%16[0-9a-f]", parents[i]) == 1);
        at++;
    }
    cr_expect_str_eq(parents[0], parents[1]);
    cr_expect_str_neq(parents[1], parents[2]);
    free(made);
}

Test(view_reproducible, links_follow_their_spans)
{
    static const char lines[] = LINE("1", "1", "", "1", "root", "")
        LINE("2", "2", "", "2", "x",
             ",\"links\":[{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"0000000000000001\","
             "\"attributes\":{\"k\":1}},"
             "{\"traceId\":\"00000000000000000000000000000001\",\"spanId\":\"0000000000000009\"}]");
    char *made = rewrite(lines), *root = strstr(made, "\"name\":\"root\""), expected[256];
    cr_assert(root);
    while (root > made && root[-1] != '\n')
        root--;
    snprintf(expected, sizeof expected,
             "\"links\":[%.*s,\"attributes\":{\"k\":1}},{\"traceId\":\"ffffffffffffffffffffffffffffffff\","
             "\"spanId\":\"ffffffffffffffff\"}]",
             (int)(strstr(root, ",\"name\"") - root), root);
    cr_expect(strstr(made, expected), "%s\n%s", expected, made);
    free(made);
}
