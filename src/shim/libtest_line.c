#include "shim/libtest_line.h"

#include <stdbool.h>
#include <string.h>

static bool begins_with(const char *bytes, size_t len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    return len >= prefix_len && memcmp(bytes, prefix, prefix_len) == 0;
}

static bool ends_with(const char *bytes, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(bytes + len - end_len, end, end_len) == 0;
}

static bool equals(const char *bytes, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static bool is_begin(const char *bytes, size_t len)
{
    static const char prefix[] = "\nrunning ";
    size_t at = sizeof prefix - 1;
    if (!begins_with(bytes, len, prefix))
        return false;
    while (at < len && bytes[at] >= '0' && bytes[at] <= '9')
        at++;
    return at > sizeof prefix - 1 && (equals(bytes + at, len - at, " tests\n") || equals(bytes + at, len - at, " test\n"));
}

size_t libtest_suite_len(const char *name, size_t len)
{
    for (size_t at = len; at > 1; at--)
        if (name[at - 1] == ':' && name[at - 2] == ':')
            return at - 2;
    return 0;
}

/* Where there are benchmarks, too, names are filled up with blanks. */
static struct libtest_line named(const char *bytes, size_t len)
{
    static const char panic[] = " - should panic";
    while (len && bytes[len - 1] == ' ')
        len--;
    if (ends_with(bytes, len, panic))
        len -= sizeof panic - 1;
    return (struct libtest_line){.event = len ? LIBTEST_NAME : LIBTEST_OTHER,
                                 .name = bytes,
                                 .name_len = len,
                                 .suite_len = libtest_suite_len(bytes, len)};
}

/* Colours, as terminfo has them: ESC [ 3 2 m, ESC ( B. Returns how many bytes they are. */
static size_t colours_len(const char *bytes, size_t len)
{
    size_t at = 0;
    while (at + 2 < len && bytes[at] == '\033') {
        bool is_charset = bytes[at + 1] == '(';
        for (at += 2; !is_charset && at < len && bytes[at] != 'm'; at++)
            ;
        at = at < len ? at + 1 : len;
    }
    return at;
}

struct libtest_line libtest_line_parse(const char *bytes, size_t len)
{
    size_t before = colours_len(bytes, len);
    const char *behind = memchr(bytes + before, '\033', len - before);
    len = behind ? (size_t)(behind - bytes) - before : len - before;
    bytes += before;
    static const char prefix[] = "test ", end[] = " ... ";
    enum libtest_event event = LIBTEST_OTHER;
    if (equals(bytes, len, "test result: "))
        event = LIBTEST_END;
    else if (begins_with(bytes, len, prefix) && ends_with(bytes, len, end) && len > sizeof prefix + sizeof end - 2)
        return named(bytes + sizeof prefix - 1, len - sizeof prefix - sizeof end + 2);
    else if (equals(bytes, len, "ok"))
        event = LIBTEST_OK;
    else if (equals(bytes, len, "FAILED"))
        event = LIBTEST_FAILED;
    else if (equals(bytes, len, "ignored") || begins_with(bytes, len, "ignored, "))
        event = LIBTEST_IGNORED;
    else if (is_begin(bytes, len))
        event = LIBTEST_BEGIN;
    return (struct libtest_line){.event = event};
}
