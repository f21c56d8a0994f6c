/* org.apache.maven.surefire.api.stream.AbstractStreamEncoder has the format, ForkedProcessEventType the operations. */
#include "shim/surefire_event.h"

#include "base/compiler.h"

#include <string.h>

static const char MAGIC[] = ":maven-surefire-event:";

/* What is left of the bytes. All functions: false if there is something else, or not enough. */
struct rest {
    const char *at, *end;
};

struct string {
    const char *bytes;
    size_t len;
};

static bool take_bytes(struct rest *rest, size_t len, const char **bytes)
{
    if ((size_t)(rest->end - rest->at) < len)
        return false;
    *bytes = rest->at;
    rest->at += len;
    return true;
}

static bool take_word(struct rest *rest, const char *word)
{
    const char *bytes;
    size_t len = strlen(word);
    return take_bytes(rest, len, &bytes) && memcmp(bytes, word, len) == 0;
}

/* Big-endian, of @size bytes. */
static bool take_number(struct rest *rest, size_t size, uint64_t *number)
{
    const char *bytes;
    if (!take_bytes(rest, size, &bytes))
        return false;
    *number = 0;
    for (size_t i = 0; i < size; i++)
        *number = *number << 8 | (uint8_t)bytes[i];
    return true;
}

/* LENGTH:BYTES: with a length of @size bytes. */
static bool take_string(struct rest *rest, size_t size, struct string *string)
{
    uint64_t len;
    if (!take_number(rest, size, &len) || !take_word(rest, ":") || !take_bytes(rest, len, &string->bytes))
        return false;
    string->len = len;
    return take_word(rest, ":");
}

static bool equals(const struct string *string, const char *text)
{
    return string->len == strlen(text) && memcmp(string->bytes, text, string->len) == 0;
}

/* The id is left out where nothing runs. */
static bool take_run_id(struct rest *rest, uint64_t *run_id)
{
    uint64_t is_there;
    *run_id = 0;
    return take_number(rest, 1, &is_there) && (!is_there || take_number(rest, 8, run_id)) && take_word(rest, ":");
}

static bool is_absent(const struct string *string)
{
    return !string->len || (string->len == 1 && !*string->bytes);
}

/* Class and its display name, test and its, ... */
static bool test_take(struct rest *rest, struct surefire_event *event)
{
    struct string strings[3];
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        if (!take_string(rest, 4, &strings[i]))
            return false;
    if (is_absent(&strings[0]) || is_absent(&strings[2]))
        return false;
    event->class_name = strings[0].bytes;
    event->class_name_len = strings[0].len;
    event->test_name = strings[2].bytes;
    event->test_name_len = strings[2].len;
    return true;
}

static enum surefire_kind kind_of(const struct string *operation)
{
    static const struct {
        const char *name;
        enum surefire_kind kind;
    } kinds[] = {
        {"test-starting", SUREFIRE_STARTING}, {"test-succeeded", SUREFIRE_SUCCEEDED},
        {"test-failed", SUREFIRE_FAILED},     {"test-error", SUREFIRE_FAILED},
        {"test-skipped", SUREFIRE_SKIPPED},   {"test-assumption-failure", SUREFIRE_SKIPPED},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (equals(operation, kinds[i].name))
            return kinds[i].kind;
    return SUREFIRE_OTHER;
}

/* What is printed comes before the test's own event, often in the same write. Of how many strings a frame is, or -1. */
static int strings_count(const struct string *operation)
{
    static const char *const printed[] = {"std-out-stream", "std-out-stream-new-line", "std-err-stream",
                                          "std-err-stream-new-line"};
    for (size_t i = 0; i < ARRAY_LEN(printed); i++)
        if (equals(operation, printed[i]))
            return 1;
    return equals(operation, "sys-prop") ? 2 : -1;
}

bool surefire_is_event(const char *bytes, size_t len)
{
    return len >= sizeof MAGIC - 1 && memcmp(bytes, MAGIC, sizeof MAGIC - 1) == 0;
}

/* False: no event of a test can be found behind this frame. */
static bool frame_take(struct rest *rest, struct surefire_event *event)
{
    struct string operation, mode, charset, unused;
    if (!take_word(rest, MAGIC) || !take_string(rest, 1, &operation) || !take_string(rest, 1, &mode) ||
        !take_run_id(rest, &event->run_id) || !take_string(rest, 1, &charset))
        return false;
    enum surefire_kind kind = kind_of(&operation);
    if (kind != SUREFIRE_OTHER) {
        event->kind = test_take(rest, event) ? kind : SUREFIRE_OTHER;
        return false;
    }
    int count = strings_count(&operation);
    for (int i = 0; i < count; i++)
        if (!take_string(rest, 4, &unused))
            return false;
    return count > 0;
}

struct surefire_event surefire_event_parse(const char *bytes, size_t len)
{
    struct surefire_event event = {.kind = SUREFIRE_OTHER};
    struct rest rest = {bytes, bytes + len};
    while (rest.at < rest.end && frame_take(&rest, &event))
        ;
    return event;
}
