/* Two runs compared by call path, and what of texts is the same in each run. */
#include "view/run_diff.h"
#include "view/stable_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Durations of the calls of a root that are made alike, up to the first 0; @base sets ids and times apart. */
static char *calls(const int64_t *durations, unsigned base)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "{\"traceId\":\"%032x\",\"spanId\":\"%016x\",\"name\":\"run\",\"timestamp\":%u,\"duration\":1}\n",
            base, base, base);
    for (unsigned i = 0; durations[i]; i++)
        fprintf(
            out,
            "{\"traceId\":\"%032x\",\"spanId\":\"%016x\",\"parentSpanId\":\"%016x\",\"name\":\"GET\",\"timestamp\":%u,"
            "\"duration\":%lld,\"kind\":\"CLIENT\",\"attributes\":{\"url.path\":\"/items/%u\"}}\n",
            base, base * 1000 + i + 1, base, base + i, (long long)durations[i], base + i);
    fclose(out);
    return text;
}

static char *diff(const char *old_lines, const char *new_lines, int *status)
{
    const char *texts[] = {old_lines, new_lines};
    char paths[2][64], *said;
    int fds[2];
    size_t len;
    for (int i = 0; i < 2; i++) {
        fds[i] = memfd_create("spans", MFD_CLOEXEC);
        cr_assert(write(fds[i], texts[i], strlen(texts[i])) == (ssize_t)strlen(texts[i]));
        snprintf(paths[i], sizeof paths[i], "/proc/self/fd/%d", fds[i]);
    }
    FILE *out = open_memstream(&said, &len);
    *status = run_diff_files(paths[0], paths[1], false, out);
    fclose(out);
    close(fds[0]);
    close(fds[1]);
    return said;
}

#define MS(n) ((n)*1000)

Test(view_run_diff, is_sure_before_it_says_slower)
{
    static const struct {
        const char *name;
        int64_t before[16], after[16];
        bool is_slower;
    } cases[] = {
        {"the same", {MS(10), MS(11)}, {MS(10), MS(11)}, false},
        {"one, by far", {MS(10)}, {MS(200)}, true},
        {"one, by less than 100 ms", {MS(10)}, {MS(109)}, false},
        {"one, by less than three times", {MS(100)}, {MS(299)}, false},
        {"one of a few is as fast as before", {MS(10), MS(10)}, {MS(500), MS(12)}, false},
        {"few, all by far", {MS(10), MS(30)}, {MS(500), MS(200)}, true},
        {"seven, all a little",
         {MS(10), MS(11), MS(12), MS(10), MS(11), MS(12), MS(10)},
         {MS(15), MS(16), MS(17), MS(15), MS(16), MS(17), MS(15)},
         true},
        {"seven, but by less than a quarter",
         {MS(10), MS(11), MS(12), MS(10), MS(11), MS(12), MS(10)},
         {MS(13), MS(13), MS(13), MS(13), MS(13), MS(13), MS(13)},
         false},
        {"seven, but by less than a millisecond",
         {100, 110, 120, 100, 110, 120, 100},
         {900, 910, 920, 930, 940, 950, 960},
         false},
        {"seven, mixed",
         {MS(10), MS(90), MS(12), MS(80), MS(11), MS(70), MS(10)},
         {MS(15), MS(16), MS(90), MS(95), MS(16), MS(97), MS(15)},
         false},
        {"six of seven",
         {MS(10), MS(10), MS(10), MS(10), MS(10), MS(10)},
         {MS(30), MS(30), MS(30), MS(30), MS(30), MS(30)},
         false},
        {"faster", {MS(900)}, {MS(1)}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *before = calls(cases[i].before, 1), *after = calls(cases[i].after, 77),
             *said = diff(before, after, &status);
        cr_expect_eq(status, cases[i].is_slower, "%s: %s", cases[i].name, said);
        cr_expect_eq(strstr(said, "slower") != NULL, cases[i].is_slower, "%s: %s", cases[i].name, said);
        free(before);
        free(after);
        free(said);
    }
}

#define SPAN(id, name, more)                                                                                           \
    "{\"traceId\":\"0000000000000000000000000000000" id "\",\"spanId\":\"000000000000000" id                           \
    "\",\"timestamp\":1,\"duration\":1,"                                                                               \
    "\"name\":\"" name "\"" more "}\n"
#define CHILD(trace, id, parent, name, more)                                                                           \
    "{\"traceId\":\"0000000000000000000000000000000" trace "\",\"spanId\":\"000000000000000" id "\",\"parentSpanId\":" \
    "\"000000000000000" parent "\",\"timestamp\":1,\"duration\":1,\"name\":\"" name "\"" more "}\n"

Test(view_run_diff, names_the_uppermost_of_what_changed)
{
    static const struct {
        const char *old, *new, *said;
        int status;
    } cases[] = {
        {"", "", "0 call paths, no difference\n", 0},
        {SPAN("1", "a", ""), SPAN("2", "a", ""), "1 call path, no difference\n", 0},
        {"", SPAN("1", "a", "") CHILD("1", "2", "1", "b", ""),
         "  new     1  unknown_service INTERNAL a\n2 call paths, 1 new\n", 1},
        {SPAN("1", "a", "") CHILD("1", "2", "1", "b", ""), SPAN("3", "a", ""),
         "  gone    1  unknown_service INTERNAL a > unknown_service INTERNAL b\n2 call paths, 1 gone\n", 1},
        {SPAN("1", "a", "") CHILD("1", "2", "1", "b", ""),
         SPAN("1", "a", "") CHILD("1", "2", "1", "b", "") SPAN("3", "a", "") CHILD("3", "4", "3", "b", ""),
         "  more    1 → 2  unknown_service INTERNAL a\n2 call paths, 1 more\n", 1},
        {SPAN("1", "a", ""), SPAN("1", "a", ",\"status\":{\"code\":\"ERROR\"}"),
         "  failing 0 → 1 error  unknown_service INTERNAL a\n1 call path, 1 failing\n", 1},
        {SPAN("1", "r", "")
             CHILD("1", "2", "1", "x", ",\"attributes\":{\"test.case.name\":\"t\",\"test.suite.name\":\"s\"}")
                 CHILD("1", "3", "2", "c", "") CHILD("1", "4", "2", "c", ""),
         SPAN("5", "r", "")
             CHILD("5", "6", "5", "y", ",\"attributes\":{\"test.case.name\":\"t\",\"test.suite.name\":\"s\"}")
                 CHILD("5", "7", "6", "c", ""),
         "  fewer   2 → 1  test s t > unknown_service INTERNAL c\n3 call paths, 1 fewer\n", 1},
    };
    setenv("LC_ALL", "C.UTF-8", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *said = diff(cases[i].old, cases[i].new, &status);
        cr_expect_eq(status, cases[i].status, "%zu", i);
        cr_expect_str_eq(said, cases[i].said, "%zu: %s", i, said);
        free(said);
    }
}

Test(view_run_diff, bears_a_deep_chain)
{
    char *text, *said;
    size_t len;
    int status;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 1; i <= 100000; i++)
        fprintf(out,
                "{\"traceId\":\"%032x\",\"spanId\":\"%016x\",\"parentSpanId\":\"%016x\",\"name\":\"x\",\"timestamp\":1,"
                "\"duration\":1}\n",
                1, i, i + 1);
    fclose(out);
    said = diff(text, text, &status);
    cr_expect_eq(status, 0);
    free(said);
    said = diff("", text, &status);
    cr_expect(strstr(said, "1 new\n"), "%s", said);
    free(said);
    free(text);
}

Test(view_run_diff, leaves_out_what_differs_in_each_run)
{
    static const char *const cases[][2] = {
        {"GET", "GET"},
        {"GET /items/42", "GET /items/{id}"},
        {"/a/0f8fad5b-d9cb-469f-a165-70867728950e/b?x=1", "/a/{id}/b?x=1"},
        {"/v1/items", "/v1/items"},
        {"/tmp/tmpab12/file", "/tmp/{tmp}/file"},
        {"open /var/tmp/x.Yz1 and /tmp/q", "open /var/tmp/{tmp} and /tmp/{tmp}"},
        {"/tmp/pytest-of-me/pytest-17/test_a0/f", "/tmp/{tmp}/pytest-{n}/test_a0/f"},
        {"/home/tmp/x", "/home/tmp/x"},
        {"/files/tmpk1eic_2q/x", "/files/{tmp}/x"},
        {"/files/tmp.5RkXq0ZyAb", "/files/{tmp}"},
        {"/files/tmpK1eic_2q/tmp.5RkXq0Zy_b", "/files/tmpK1eic_2q/tmp.5RkXq0Zy_b"},
        {"http://127.0.0.1:40123/x", "http://127.0.0.1:0/x"},
        {"http://127.0.0.1:8080/x:65536 [::1]:65535", "http://127.0.0.1:8080/x:65536 [::1]:0"},
        {"trace 0af7651916cd43dd8448eb211c80319c of 4711", "trace {id} of 4711"},
        {"a\\n/tmp/x\\\"b\\u00e9/12", "a\\n/tmp/{tmp}\\\"b\\u00e9/{id}"},
        {"\\b0123456789abcdef", "\\b{id}"},
        {"/tmp", "/tmp"},
        {"/tmp/", "/tmp/"},
        {"", ""},
        {"//", "//"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[256];
        struct text text = text_on(bytes, sizeof bytes);
        stable_text_append(&text, cases[i][0], strlen(cases[i][0]));
        cr_expect_str_eq(text_terminate(&text), cases[i][1], "%s", cases[i][0]);
    }
}
