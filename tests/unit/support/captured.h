/* captured.h - a sink that keeps every span, and what to ask of it. Threads may share it. */
#ifndef RUN_TRACED_TESTS_CAPTURED_H
#define RUN_TRACED_TESTS_CAPTURED_H

#include "trace/sink.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CAPTURED_MAX = 16384 };

static struct span g_captured_records[CAPTURED_MAX];
static struct span *g_captured_published[CAPTURED_MAX];
static _Atomic unsigned g_captured_claimed, g_captured_count, g_captured_abandoned;
static _Atomic bool g_captured_is_full;

static inline struct span *captured_claim(void)
{
    if (g_captured_is_full)
        return NULL;
    unsigned index = atomic_fetch_add(&g_captured_claimed, 1);
    if (index >= CAPTURED_MAX)
        return NULL;
    struct span *span = &g_captured_records[index];
    memset(span, 0xa5, sizeof *span);
    span->index = index;
    return span;
}

static inline void captured_publish(struct span *span)
{
    unsigned state = SPAN_OPEN;
    if (!atomic_compare_exchange_strong(&span->state, &state, SPAN_ENDED))
        cr_assert_fail("a span ends twice");
    g_captured_published[atomic_fetch_add(&g_captured_count, 1)] = span;
}

static inline void captured_abandon(struct span *span)
{
    unsigned state = SPAN_OPEN;
    if (!atomic_compare_exchange_strong(&span->state, &state, SPAN_FREE))
        cr_assert_fail("a span that was over is abandoned");
    atomic_fetch_add(&g_captured_abandoned, 1);
}

/* captured_begin - from here on spans are kept here; none yet. */
static inline void captured_begin(void)
{
    static const struct span_sink sink = {captured_claim, captured_publish, captured_abandon};
    g_captured_claimed = g_captured_count = g_captured_abandoned = 0;
    g_captured_is_full = false;
    span_sink_set(&sink);
}

/* captured_count - spans that have ended. */
static inline unsigned captured_count(void)
{
    return g_captured_count;
}

/* captured_open_count - spans that were started and neither ended nor abandoned. */
static inline unsigned captured_open_count(void)
{
    return g_captured_claimed - g_captured_count - g_captured_abandoned;
}

/* captured_at - the span that ended as number @i. */
static inline const struct span *captured_at(unsigned i)
{
    cr_assert_lt(i, captured_count(), "only %u spans have ended", captured_count());
    return g_captured_published[i];
}

static inline bool captured_attribute(const struct span *span, enum attribute_key key,
                                      struct attribute *out)
{
    struct attribute_iterator iterator;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, out))
        if (out->key == key)
            return true;
    return false;
}

/* captured_has - @span carries the attribute. */
static inline bool captured_has(const struct span *span, enum attribute_key key)
{
    struct attribute attribute;
    return captured_attribute(span, key, &attribute);
}

/* captured_int - the integer attribute's value, -1 if it is not there. */
static inline int64_t captured_int(const struct span *span, enum attribute_key key)
{
    struct attribute attribute;
    return captured_attribute(span, key, &attribute) ? attribute.number : -1;
}

/* captured_string - the string attribute's value, "" if it is not there; good for a few calls. */
static inline const char *captured_string(const struct span *span, enum attribute_key key)
{
    static char texts[8][SPAN_RECORD_LEN + 1];
    static unsigned next;
    char *text = texts[next++ % 8];
    struct attribute attribute;
    text[0] = '\0';
    if (captured_attribute(span, key, &attribute)) {
        memcpy(text, attribute.string, attribute.len);
        text[attribute.len] = '\0';
    }
    return text;
}

/* captured_message - the message of the status. */
static inline const char *captured_message(const struct span *span)
{
    static char text[sizeof span->message + 1];
    memcpy(text, span->message, span->message_len);
    text[span->message_len] = '\0';
    return text;
}

#endif
