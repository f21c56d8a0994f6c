#include "shim/surefire.h"

#include "base/lock.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/text.h"
#include "shim/surefire_event.h"
#include "shim/test_output.h"
#include "shim/test_span.h"

#include <errno.h>
#include <unistd.h>

/* How many tests may run at a time; what is written in one go is a buffer of 64 KiB at most. */
enum { TESTS_MAX = 64, NAME_LEN_MAX = 512, WRITE_LEN_MAX = 1 << 16 };

static struct lock g_lock; /* guards what follows */
static BULKY struct running {
    uint64_t run_id;
    custom_span_id test; /* 0: none */
} g_running[TESTS_MAX];
static int g_pid;

static struct running *running_find(uint64_t run_id)
{
    for (size_t i = 0; i < TESTS_MAX; i++)
        if (g_running[i].test && g_running[i].run_id == run_id)
            return &g_running[i];
    return NULL;
}

static custom_span_id begin(const struct surefire_event *event)
{
    char bytes[NAME_LEN_MAX];
    struct text whole = text_on(bytes, sizeof bytes);
    text_append(&whole, event->class_name, event->class_name_len);
    text_append_char(&whole, '.');
    text_append(&whole, event->test_name, event->test_name_len);
    struct test_name name = {event->class_name, event->class_name_len, whole.bytes, whole.len};
    return test_span_begin(&name, 0);
}

/* One that was not heard to end has no result. */
static void starting(const struct surefire_event *event)
{
    struct running *place = running_find(event->run_id);
    if (place)
        custom_span_end(place->test, 0);
    for (size_t i = 0; i < TESTS_MAX && !place; i++)
        place = g_running[i].test ? NULL : &g_running[i];
    if (place)
        *place = (struct running){event->run_id, begin(event)};
}

/* What is skipped has often not begun. */
static void ended(const struct surefire_event *event)
{
    static const enum test_result results[] = {
        [SUREFIRE_SUCCEEDED] = TEST_PASS, [SUREFIRE_FAILED] = TEST_FAIL, [SUREFIRE_SKIPPED] = TEST_SKIPPED};
    struct running *place = running_find(event->run_id);
    custom_span_id test = place ? place->test : event->kind == SUREFIRE_SKIPPED ? begin(event) : 0;
    test_span_set_result(test, results[event->kind], NULL);
    custom_span_end(test, 0);
    if (place)
        place->test = 0;
}

static void note(const char *bytes, size_t len)
{
    struct surefire_event event = surefire_event_parse(bytes, len);
    if (event.kind == SUREFIRE_STARTING)
        starting(&event);
    else if (event.kind != SUREFIRE_OTHER)
        ended(&event);
}

static COLD void look(int fd, const char *bytes, size_t len)
{
    int saved = errno;
    if (fd == STDOUT_FILENO && len <= WRITE_LEN_MAX && memory_is_readable(bytes, len) && process_pid() == g_pid &&
        !process_is_vfork_child() && lock_acquire(&g_lock)) {
        note(bytes, len);
        lock_release(&g_lock);
    }
    errno = saved;
}

bool surefire_recognise(const char *bytes, size_t len)
{
    if (!surefire_is_event(bytes, len))
        return false;
    g_pid = process_pid();
    test_output_set_looker(look);
    look(STDOUT_FILENO, bytes, len);
    return true;
}
