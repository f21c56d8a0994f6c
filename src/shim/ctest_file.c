/* Lines as CMake writes them: add_test(name "program" "argument"...) and
 * set_tests_properties(name PROPERTIES  KEY "value"...); names plain or as [=[name]=]. */
#include "shim/ctest_file.h"

#include "base/compiler.h"

#include <string.h>

struct reader {
    const char *at, *end;
};

static bool take(struct reader *reader, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return false;
    reader->at += len;
    return true;
}

static bool name_take(struct reader *reader, const char **name, size_t *len)
{
    bool has_brackets = take(reader, "[=[");
    const char *mark = has_brackets ? "]=]" : " ";
    const char *end = memmem(reader->at, (size_t)(reader->end - reader->at), mark, strlen(mark));
    if (!end)
        return false;
    *name = reader->at;
    *len = (size_t)(end - reader->at);
    reader->at = end + strlen(mark);
    while (reader->at < reader->end && *reader->at == ' ')
        reader->at++;
    return true;
}

/* What of a program's @path is to be as it is written in the file: CTest makes it whole, by what directory it was found in. */
static const char *path_as_written(struct reader *reader, const char *path)
{
    const char *end = memchr(reader->at, '"', (size_t)(reader->end - reader->at));
    size_t path_len = strlen(path);
    if (!end || *reader->at == '/')
        return path;
    take(reader, "./");
    size_t len = (size_t)(end - reader->at);
    const char *as_written = path + path_len - MIN(len, path_len);
    return as_written > path && as_written[-1] == '/' ? as_written : path;
}

/* Is the next quoted argument @word? */
static bool argument_is(struct reader *reader, const char *word, bool is_program)
{
    if (!take(reader, "\""))
        return false;
    const char *at = is_program ? path_as_written(reader, word) : word;
    for (; reader->at < reader->end && *reader->at != '"'; reader->at++) {
        if (*reader->at == '\\' && reader->end - reader->at > 1)
            reader->at++;
        if (*at++ != *reader->at)
            return false;
    }
    return *at == '\0' && take(reader, "\"");
}

static bool command_is(struct reader reader, char *const argv[])
{
    for (size_t i = 0; argv[i]; i++) {
        if (!argument_is(&reader, argv[i], i == 0))
            return false;
        take(&reader, " ");
    }
    return take(&reader, ")");
}

/* A script has its interpreter before it, and maybe an argument for that. */
static bool is_run_as(struct reader reader, char *const argv[])
{
    enum { INTERPRETER_WORDS_MAX = 2 };
    for (size_t i = 0; argv[i] && i <= INTERPRETER_WORDS_MAX; i++)
        if (command_is(reader, argv + i))
            return true;
    return false;
}

/* Properties that change what an exit status means. */
static bool has_own_judge(struct reader reader)
{
    static const char *const keys[] = {"WILL_FAIL", "SKIP_RETURN_CODE", "_REGULAR_EXPRESSION"};
    const char *end = memchr(reader.at, '\n', (size_t)(reader.end - reader.at));
    size_t len = (size_t)((end ? end : reader.end) - reader.at);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (memmem(reader.at, len, keys[i], strlen(keys[i])))
            return true;
    return false;
}

static void line_skip(struct reader *reader)
{
    const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    reader->at = end ? end + 1 : reader->end;
}

bool ctest_file_find(const char *text, size_t len, char *const argv[], struct ctest_test *out)
{
    struct reader reader = {text, text + len};
    struct ctest_test found = {0}, one;
    unsigned count = 0;
    for (; reader.at < reader.end; line_skip(&reader)) {
        while (take(&reader, " "))
            ;
        if (take(&reader, "add_test(") && name_take(&reader, &one.name, &one.name_len) && is_run_as(reader, argv)) {
            found = one;
            found.is_judged_by_status = true;
            count++;
        } else if (take(&reader, "set_tests_properties(") && name_take(&reader, &one.name, &one.name_len) && count &&
                   one.name_len == found.name_len && memcmp(one.name, found.name, one.name_len) == 0) {
            found.is_judged_by_status = !has_own_judge(reader);
        }
    }
    if (count == 1)
        *out = found;
    return count == 1;
}
