#include "view/check_report.h"

#include "base/compiler.h"
#include "base/utf8.h"
#include "view/check_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int check_report_parse(const char *name, char *path, size_t size, enum check_report_format *format)
{
    static const struct {
        const char *end;
        enum check_report_format format;
        bool is_part_of_name;
    } ends[] = {{"?format=junit", CHECK_REPORT_JUNIT, false},
                {"?format=tap", CHECK_REPORT_TAP, false},
                {".xml", CHECK_REPORT_JUNIT, true},
                {".tap", CHECK_REPORT_TAP, true}};
    size_t len = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t end_len = strlen(ends[i].end);
        if (len <= end_len || strcmp(name + len - end_len, ends[i].end))
            continue;
        size_t path_len = ends[i].is_part_of_name ? len : len - end_len;
        if (path_len >= size)
            return -EINVAL;
        memcpy(path, name, path_len);
        path[path_len] = '\0';
        *format = ends[i].format;
        return 0;
    }
    return -EINVAL;
}

enum part { PART_TITLE, PART_DETAILS };

/* What is said to people, as text without colours, in UTF-8; to be given to free(3). NULL: there is no memory. */
static char *text_make(const struct check_spans *spans, const struct check_result *result, enum part part)
{
    static const struct view_options plain = {.color = VIEW_COLOR_NEVER, .width = CHECK_TITLE_COLUMNS};
    char *bytes = NULL;
    size_t len;
    FILE *out = open_memstream(&bytes, &len);
    if (!out)
        return NULL;
    struct screen screen;
    screen_open(&screen, out, &plain);
    if (part == PART_TITLE)
        check_text_title(&screen, result->check);
    else
        check_text_details(&screen, spans, result);
    screen_close(&screen);
    fclose(out);
    return bytes;
}

/* U+FFFE and U+FFFF are characters of UTF-8, and none of XML. */
static bool is_xml(const char *bytes, size_t len)
{
    unsigned char c = (unsigned char)*bytes;
    if (len == 1)
        return c >= 0x20 || c == '\n' || c == '\t';
    return len > 1 && !(len == 3 && c == 0xef && (unsigned char)bytes[1] == 0xbf && (unsigned char)bytes[2] >= 0xbe);
}

static void xml_put(FILE *out, const char *text)
{
    static const char *const escapes[] = {['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;"};
    for (size_t rest = strlen(text), len; rest; text += len, rest -= len) {
        size_t valid = utf8_sequence_len((const uint8_t *)text, rest);
        unsigned char c = (unsigned char)*text;
        len = MAX(valid, (size_t)1);
        if (c < ARRAY_LEN(escapes) && escapes[c])
            fputs(escapes[c], out);
        else if (is_xml(text, valid))
            fwrite(text, 1, len, out);
        else
            fputs(UTF8_REPLACEMENT, out);
    }
}

static int junit_case(FILE *out, const struct check_spans *spans, const struct check_result *result)
{
    char *title = text_make(spans, result, PART_TITLE), *details = text_make(spans, result, PART_DETAILS);
    if (title && details) {
        fputs("    <testcase classname=\"run-traced.check\" name=\"", out);
        xml_put(out, title);
        fputs("\" time=\"0\">\n", out);
        if (result->outcome == CHECK_FALSE) {
            fputs("      <failure message=\"", out);
            xml_put(out, result->check->text + strspn(result->check->text, " \t"));
            fputs("\">", out);
            xml_put(out, details);
            fputs("</failure>\n", out);
        } else {
            fputs(result->outcome == CHECK_UNKNOWN ? "      <skipped/>\n" : "", out);
            fputs(*details ? "      <system-out>" : "", out);
            xml_put(out, details);
            fputs(*details ? "</system-out>\n" : "", out);
        }
        fputs("    </testcase>\n", out);
    }
    bool has_memory = title && details;
    free(title);
    free(details);
    return has_memory ? 0 : -ENOMEM;
}

int check_report_junit(FILE *out, const struct check_spans *spans, const struct check_result *results, size_t count)
{
    size_t failed = 0, skipped = 0;
    for (size_t i = 0; i < count; i++) {
        failed += results[i].outcome == CHECK_FALSE;
        skipped += results[i].outcome == CHECK_UNKNOWN;
    }
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"run-traced.check\" "
            "tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" time=\"0\">\n",
            count, failed, skipped);
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = junit_case(out, spans, &results[i]);
    fputs("  </testsuite>\n</testsuites>\n", out);
    return error;
}

/* A number sign would begin a directive. */
static void tap_title_put(FILE *out, const char *title)
{
    for (; *title; title++) {
        if (*title == '#' || *title == '\\')
            putc('\\', out);
        putc(*title, out);
    }
}

static int tap_case(FILE *out, const struct check_spans *spans, const struct check_result *result, size_t number)
{
    char *title = text_make(spans, result, PART_TITLE), *details = text_make(spans, result, PART_DETAILS);
    bool has_memory = title && details;
    if (has_memory) {
        fprintf(out, "%sok %zu - ", result->outcome == CHECK_FALSE ? "not " : "", number);
        tap_title_put(out, title);
        fputs(result->outcome == CHECK_UNKNOWN ? " # SKIP there is nothing that could be judged\n" : "\n", out);
        char *rest = details, *line;
        while ((line = strsep(&rest, "\n")) != NULL)
            if (*line)
                fprintf(out, "# %s\n", line);
    }
    free(title);
    free(details);
    return has_memory ? 0 : -ENOMEM;
}

int check_report_tap(FILE *out, const struct check_spans *spans, const struct check_result *results, size_t count)
{
    int error = 0;
    fprintf(out, "TAP version 13\n1..%zu\n", count);
    for (size_t i = 0; i < count && !error; i++)
        error = tap_case(out, spans, &results[i], i + 1);
    return error;
}
