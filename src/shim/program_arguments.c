#include "shim/program_arguments.h"

#include "base/memory.h"
#include "trace/redact_arguments.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    ARGUMENT_READ_MAX = 1024, /* of one, in bytes: what is looked at */
    ARGUMENT_LEN_MAX = 256,   /* of one that is told */
    ARGUMENTS_LEN_MAX = 512,  /* of all: the record has room for as much again */
    ARGUMENTS_MAX = 32,
};

static bool g_is_asked;

void program_arguments_init(void)
{
    const char *asked = getenv("RUN_TRACED_PROCESS_ARGS");
    g_is_asked = asked && (strcmp(asked, "1") == 0 || strcasecmp(asked, "on") == 0);
}

/* Half a secret does not look like one: a long argument ends where a word of it does. */
static size_t words_len(const char *argument, size_t len)
{
    while (len && argument[len - 1] != ' ')
        len--;
    return len;
}

/* Adds one to @text, at most as much as there is room for. Returns if that is all of it. */
static bool argument_append(struct text *text, const char *argument, size_t len, enum argument_announces *announced)
{
    char bytes[2 * ARGUMENT_READ_MAX];
    struct text told = text_on(bytes, sizeof bytes);
    bool is_whole = len < ARGUMENT_READ_MAX;
    redact_append_argument(&told, argument, is_whole ? len : words_len(argument, len), announced);
    size_t room = MIN(text->capacity - text->len, (size_t)ARGUMENT_LEN_MAX);
    text_append(text, bytes, MIN(told.len, room));
    return is_whole && !told.overflowed && told.len <= room;
}

static bool is_there(char *const argv[], size_t i)
{
    return memory_is_readable(&argv[i], sizeof argv[i]) && argv[i];
}

void program_arguments_set(struct span *span, char *const argv[])
{
    static const char name[] = "process.command_args", cut[] = "run_traced.process.command_args.cut";
    char bytes[ARGUMENTS_LEN_MAX];
    struct attribute_element elements[ARGUMENTS_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    enum argument_announces announced = ANNOUNCES_NOTHING;
    size_t count = 0;
    bool is_whole = true;
    if (!g_is_asked || !argv)
        return;
    for (; count < ARGUMENTS_MAX && text.len < text.capacity && is_there(argv, count); count++) {
        ssize_t len = memory_string_len(argv[count], ARGUMENT_READ_MAX);
        if (len < 0)
            break;
        size_t start = text.len;
        is_whole = argument_append(&text, argv[count], (size_t)len, &announced) && is_whole;
        elements[count] = (struct attribute_element){text.bytes + start, text.len - start};
    }
    if (!is_whole || is_there(argv, count))
        span_set_custom_bool(span, cut, sizeof cut - 1, true);
    span_set_custom_array(span, name, sizeof name - 1, elements, count);
}
