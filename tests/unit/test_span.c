/* test_span.c - the span record: what fits, what is counted, and which outcome wins. */
#include "trace/span.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/text.h"
#include "trace/sink.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A sink of one record, which ends where readable memory ends. */
static struct span *g_record;
static bool g_is_full;
static int g_published_count, g_abandoned_count;

static struct span *claim_record(void)
{
    return g_is_full ? NULL : g_record;
}

static void publish_record(struct span *span)
{
    cr_assert_eq(span, g_record);
    g_published_count++;
}

static void abandon_record(struct span *span)
{
    cr_assert_eq(span, g_record);
    g_abandoned_count++;
}

static const struct span_sink SINK = {claim_record, publish_record, abandon_record};

static void sink_set_up(void)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    cr_assert_eq(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    g_record = (struct span *)(pages + 4096 - sizeof *g_record);
    memset(g_record, 0xa5, sizeof *g_record); /* what an earlier span left behind */
    g_record->index = 4711;
    span_sink_set(&SINK);
}

TestSuite(span, .init = sink_set_up);

static const struct span_context CONTEXT = {
    .trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
    .span_id = {21, 22, 23, 24, 25, 26, 27, 28},
    .trace_flags = TRACE_FLAG_SAMPLED,
    .is_valid = true,
    .tracestate_len = 5,
    .tracestate = "foo=1",
};

/* The attribute number @n, or false when there are no more. @value points into the record. */
static bool attribute_at(const struct span *span, int n, struct attribute_header *header,
                         const char **value)
{
    uint32_t at = 0, len = span->attributes_len;
    const char *bytes = span->bytes + span->tracestate_len;
    cr_assert_leq(span->tracestate_len + len, sizeof span->bytes);
    while (at < len) {
        memcpy(header, bytes + at, sizeof *header);
        *value = bytes + at + sizeof *header;
        at += (uint32_t)sizeof *header + header->len;
        cr_assert_leq(at, len, "an attribute reaches beyond the attributes");
        if (n-- == 0)
            return true;
    }
    return false;
}

static int attribute_count(const struct span *span)
{
    struct attribute_header header;
    const char *value;
    int count = 0;
    while (attribute_at(span, count, &header, &value))
        count++;
    return count;
}

static void assert_string_at(const struct span *span, int n, unsigned key, const char *expected)
{
    struct attribute_header header;
    const char *value;
    cr_assert(attribute_at(span, n, &header, &value));
    cr_assert_eq(header.key, key);
    cr_assert_eq(header.type, ATTRIBUTE_STRING);
    cr_assert_eq(header.len, strlen(expected));
    cr_assert_arr_eq(value, expected, strlen(expected));
}

Test(span, starts_clean_in_a_record_that_was_used_before)
{
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    cr_assert_eq(span, g_record);
    cr_assert_eq(span->index, 4711, "the index is the sink's");
    cr_assert_eq(span->state, SPAN_OPEN);
    cr_assert_eq(span->kind, SPAN_KIND_CLIENT);
    cr_assert_eq(span->status, SPAN_STATUS_UNSET);
    cr_assert_eq(span->event_count, 0);
    cr_assert_eq(span->name_len, 0);
    cr_assert_eq(span->message_len, 0);
    cr_assert_eq(span->end_ns, 0);
    cr_assert_eq(span->tracestate_len, 0);
    cr_assert_eq(span->attributes_len, 0);
    cr_assert_eq(span->dropped_attributes_count, 0);
    cr_assert_arr_eq(span->parent_span_id, "\0\0\0\0\0\0\0", SPAN_ID_LEN);
    cr_assert_eq(span->pid, getpid());
    cr_assert_eq(span->tid, gettid());
}

Test(span, belongs_to_the_process_and_thread_that_started_it)
{
    span_start(SPAN_KIND_SERVER, 0);
    pid_t child = fork();
    if (child == 0) {
        struct span *span = span_start(SPAN_KIND_SERVER, 0);
        _exit(span->pid == getpid() && span->tid == gettid() ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(span, starts_now_or_in_the_past)
{
    uint64_t before_ns = clock_monotonic_ns();
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    cr_assert(span->start_ns >= before_ns && span->start_ns <= clock_monotonic_ns());

    span = span_start(SPAN_KIND_CLIENT, before_ns - 5 * NANOS_PER_SECOND);
    cr_assert_eq(span->start_ns, before_ns - 5 * NANOS_PER_SECOND);
    uint64_t ago_ns = clock_unix_nano_at(clock_monotonic_ns()) - span->start_unix_nano;
    cr_assert(ago_ns >= 5 * NANOS_PER_SECOND && ago_ns < 6 * NANOS_PER_SECOND,
              "both clocks tell the same start");
}

Test(span, does_not_end_before_it_started)
{
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_end(span, span->start_ns - 1);
    cr_assert_eq(span->end_ns, span->start_ns);
    cr_assert_eq(g_published_count, 1);
    span = span_start(SPAN_KIND_CLIENT, 0);
    span_end(span, span->start_ns + 1000);
    cr_assert_eq(span->end_ns, span->start_ns + 1000);
    cr_assert_eq(g_published_count, 2);
}

Test(span, an_abandoned_one_is_not_published)
{
    span_abandon(span_start(SPAN_KIND_CLIENT, 0));
    cr_assert_eq(g_abandoned_count, 1);
    cr_assert_eq(g_published_count, 0);
}

static void use_everything(struct span *span)
{
    span_set_context(span, &CONTEXT, NULL);
    span_set_name(span, "GET", 3);
    span_set_string(span, ATTRIBUTE_URL_PATH, "/", 1);
    span_set_int(span, ATTRIBUTE_SERVER_PORT, 80);
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    span_add_event(span, SPAN_EVENT_CONNECT, 1);
    span_set_status(span, SPAN_STATUS_OK);
    span_set_error(span, "timeout", "took too long");
    span_end(span, 1);
    span_abandon(span);
}

Test(span, without_room_or_sink_nothing_happens)
{
    g_is_full = true;
    cr_assert_null(span_start(SPAN_KIND_CLIENT, 0));
    use_everything(NULL);
    span_sink_set(NULL);
    cr_assert_null(span_start(SPAN_KIND_CLIENT, 0));
    cr_assert_eq(g_published_count + g_abandoned_count, 0);
}

Test(span, takes_its_ids_and_tracestate_from_the_context)
{
    static const uint8_t parent_span_id[SPAN_ID_LEN] = {31, 32, 33, 34, 35, 36, 37, 38};
    struct span *span = span_start(SPAN_KIND_SERVER, 0);
    span_set_context(span, &CONTEXT, parent_span_id);
    span_set_string(span, ATTRIBUTE_URL_PATH, "/checkout", 9);
    cr_assert_arr_eq(span->trace_id, CONTEXT.trace_id, TRACE_ID_LEN);
    cr_assert_arr_eq(span->span_id, CONTEXT.span_id, SPAN_ID_LEN);
    cr_assert_arr_eq(span->parent_span_id, parent_span_id, SPAN_ID_LEN);
    cr_assert_eq(span->trace_flags, TRACE_FLAG_SAMPLED);
    cr_assert_eq(span->tracestate_len, 5);
    cr_assert_arr_eq(span->bytes, "foo=1", 5);
    assert_string_at(span, 0, ATTRIBUTE_URL_PATH, "/checkout");
}

Test(span, a_name_is_cut_to_its_room)
{
    static const char name[] = "AN-EXTENSION-METHOD-OF-FORTY-CHARACTERS!";
    struct span *span = span_start(SPAN_KIND_SERVER, 0);
    span_set_name(span, name, sizeof name - 1);
    cr_assert_eq(span->name_len, SPAN_NAME_LEN_MAX);
    cr_assert_arr_eq(span->name, name, SPAN_NAME_LEN_MAX);
    span_set_name(span, "GET", 3);
    cr_assert_eq(span->name_len, 3);
}

Test(span, attributes_are_kept_in_order_and_with_their_types)
{
    struct attribute_header header;
    const char *value;
    int64_t number;
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST", 4);
    span_set_int(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE, INT64_MIN + 1);
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    span_set_string(span, ATTRIBUTE_URL_QUERY, "", 0);

    assert_string_at(span, 0, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST");
    cr_assert(attribute_at(span, 1, &header, &value));
    cr_assert_eq(header.key, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE);
    cr_assert_eq(header.type, ATTRIBUTE_INT);
    cr_assert_eq(header.len, sizeof number);
    memcpy(&number, value, sizeof number);
    cr_assert_eq(number, INT64_MIN + 1);
    cr_assert(attribute_at(span, 2, &header, &value));
    cr_assert_eq(header.type, ATTRIBUTE_BOOL);
    cr_assert_eq(header.len, 0);
    assert_string_at(span, 3, ATTRIBUTE_URL_QUERY, "");
    cr_assert_eq(attribute_count(span), 4);
    cr_assert_eq(span->dropped_attributes_count, 0);
}

/* Leaves @room bytes in the record for attributes. */
static struct span *span_with_room(size_t room)
{
    static const char filling[SPAN_BYTES_LEN];
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_string(span, ATTRIBUTE_URL_FULL, filling,
                    SPAN_BYTES_LEN - sizeof(struct attribute_header) - room);
    cr_assert_eq(span->attributes_len, SPAN_BYTES_LEN - room);
    cr_assert_eq(span->dropped_attributes_count, 0);
    return span;
}

Test(span, an_attribute_that_just_fits_is_whole)
{
    struct span *span = span_with_room(sizeof(struct attribute_header) + 4);
    span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST", 4);
    assert_string_at(span, 1, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST");
    cr_assert_eq(span->attributes_len, SPAN_BYTES_LEN);
    cr_assert_eq(span->dropped_attributes_count, 0);
}

Test(span, attributes_that_do_not_fit_are_left_out_and_counted)
{
    struct span *span = span_with_room(sizeof(struct attribute_header) + 3);
    span_set_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD, "POST", 4);
    cr_assert_eq(span->dropped_attributes_count, 1);
    span_set_int(span, ATTRIBUTE_SERVER_PORT, 80);
    cr_assert_eq(span->dropped_attributes_count, 2);
    cr_assert_eq(attribute_count(span), 1);
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    cr_assert_eq(attribute_count(span), 2, "what is small enough still goes in");
    span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    cr_assert_eq(span->dropped_attributes_count, 3);
}

Test(span, a_long_string_is_cut_to_the_room_and_counted)
{
    char value[100];
    struct attribute_header header;
    const char *kept;
    memset(value, 'v', sizeof value);
    struct span *span = span_with_room(sizeof header + 40);
    span_set_string(span, ATTRIBUTE_USER_AGENT_ORIGINAL, value, sizeof value);
    cr_assert(attribute_at(span, 1, &header, &kept));
    cr_assert_eq(header.len, 40);
    cr_assert_arr_eq(kept, value, 40);
    cr_assert_eq(span->dropped_attributes_count, 1);
    cr_assert_eq(span->attributes_len, SPAN_BYTES_LEN);
}

Test(span, a_length_beyond_16_bits_does_not_wrap)
{
    static char value[0x10000 + 4];
    struct attribute_header header;
    const char *kept;
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_string(span, ATTRIBUTE_URL_FULL, value, sizeof value);
    cr_assert(attribute_at(span, 0, &header, &kept));
    cr_assert_eq(header.len, SPAN_BYTES_LEN - sizeof header);
    cr_assert_eq(span->dropped_attributes_count, 1);
}

Test(span, tracestate_and_attributes_share_the_room)
{
    struct span_context context = CONTEXT;
    char value[SPAN_BYTES_LEN];
    context.tracestate_len = TRACESTATE_LEN_MAX;
    memset(context.tracestate, 't', TRACESTATE_LEN_MAX);
    memset(value, 'v', sizeof value);
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_context(span, &context, NULL);
    span_set_string(span, ATTRIBUTE_URL_FULL, value, sizeof value);
    cr_assert_eq(span->tracestate_len + span->attributes_len, SPAN_BYTES_LEN);
    cr_assert_arr_eq(span->bytes, context.tracestate, TRACESTATE_LEN_MAX);
    cr_assert_eq(span->dropped_attributes_count, 1);
}

/* Whatever is set in whatever order, each attribute is either whole in the record or counted. */
Test(span, every_attribute_is_whole_or_counted)
{
    static const char value[400];
    srand(1);
    for (int round = 0; round < 2000; round++) {
        struct span_context context = CONTEXT;
        context.tracestate_len = (uint16_t)(rand() % (TRACESTATE_LEN_MAX + 1));
        struct span *span = span_start(SPAN_KIND_CLIENT, 0);
        span_set_context(span, &context, NULL);
        int cut_count = 0, set_count = 30;
        for (int i = 0; i < set_count; i++) {
            uint32_t before = span->attributes_len;
            size_t len = (size_t)rand() % sizeof value;
            if (len % 3 == 0)
                span_set_int(span, ATTRIBUTE_SERVER_PORT, i);
            else
                span_set_string(span, ATTRIBUTE_URL_FULL, value, len);
            size_t need = sizeof(struct attribute_header) + (len % 3 ? len : sizeof(int64_t));
            uint32_t grown = span->attributes_len - before;
            cut_count += grown > 0 && grown < need;
            cr_assert(grown <= need);
        }
        cr_assert_eq(attribute_count(span) - cut_count + span->dropped_attributes_count, set_count);
    }
}

Test(span, each_event_is_noted_once)
{
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_add_event(span, SPAN_EVENT_REQUEST_FIRST_BYTE, 30);
    span_add_event(span, SPAN_EVENT_CONNECT, 10);
    span_add_event(span, SPAN_EVENT_REQUEST_FIRST_BYTE, 99);
    cr_assert_eq(span->event_count, 2);
    cr_assert_eq(span->events[0].id, SPAN_EVENT_REQUEST_FIRST_BYTE);
    cr_assert_eq(span->events[0].monotonic_ns, 30, "the first time counts");
    cr_assert_eq(span->events[1].id, SPAN_EVENT_CONNECT);
    cr_assert_eq(span->events[1].monotonic_ns, 10);
    span_set_name(span, "GET", 3);
    for (unsigned id = 0; id < SPAN_EVENT_COUNT + 5; id++)
        span_add_event(span, id, id);
    cr_assert_eq(span->event_count, SPAN_EVENT_COUNT);
    cr_assert_arr_eq(span->name, "GET", 3, "nothing is written behind the events");
}

Test(span, an_error_outlasts_any_other_outcome)
{
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_status(span, SPAN_STATUS_OK);
    cr_assert_eq(span->status, SPAN_STATUS_OK);
    span_set_error(span, "ECONNRESET", "the peer closed the connection");
    cr_assert_eq(span->status, SPAN_STATUS_ERROR);
    span_set_status(span, SPAN_STATUS_OK);
    span_set_status(span, SPAN_STATUS_UNSET);
    cr_assert_eq(span->status, SPAN_STATUS_ERROR);
}

Test(span, the_first_error_counts)
{
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_error(span, "timeout", "no answer");
    span_set_error(span, "503", "Service Unavailable");
    cr_assert_eq(attribute_count(span), 1);
    assert_string_at(span, 0, ATTRIBUTE_ERROR_TYPE, "timeout");
    cr_assert_eq(span->message_len, strlen("no answer"));
    cr_assert_arr_eq(span->message, "no answer", strlen("no answer"));
}

Test(span, a_long_message_is_cut)
{
    static const char message[] = "a message that says at great length what everybody can see, "
                                  "and then goes on";
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_error(span, "other", message);
    cr_assert_eq(span->message_len, sizeof span->message);
    cr_assert_arr_eq(span->message, message, sizeof span->message);
    cr_assert_eq(span->tracestate_len, 0, "nothing is written behind the message");
}

Test(span, an_error_type_that_does_not_fit_is_counted_and_still_an_error)
{
    struct span *span = span_with_room(4);
    span_set_error(span, "timeout", "no answer");
    cr_assert_eq(span->status, SPAN_STATUS_ERROR);
    cr_assert_eq(span->dropped_attributes_count, 1);
}

Test(span, every_attribute_and_event_has_a_name_of_its_own)
{
    const struct span *span = NULL; /* only a custom event's name lies in the record */
    for (unsigned i = 0; i < ATTRIBUTE_COUNT; i++) {
        cr_assert_not_null(attribute_name(i));
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(attribute_name(i), attribute_name(j));
    }
    cr_assert_null(attribute_name(ATTRIBUTE_COUNT));
    cr_assert_leq(ATTRIBUTE_COUNT, UINT8_MAX, "a key is one byte in the record");
    for (unsigned i = 0; i < SPAN_EVENT_COUNT; i++)
        cr_assert_not_null(span_event_name(span, i));
    cr_assert_null(span_event_name(span, SPAN_EVENT_COUNT));
    cr_assert_str_eq(attribute_name(ATTRIBUTE_ERROR_TYPE), "error.type");
    cr_assert_str_eq(span_event_name(span, SPAN_EVENT_RESPONSE_FIRST_BYTE), "response.first_byte");
}

/* name=value;… of all attributes with a name of their own; an array's elements end in '|'. */
static const char *customs_text(const struct span *span)
{
    static char bytes[4096];
    struct text text = text_on(bytes, sizeof bytes);
    struct attribute_iterator iterator;
    struct attribute attribute;
    struct attribute_element element;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute)) {
        if (attribute.key != ATTRIBUTE_CUSTOM)
            continue;
        text_append(&text, attribute.name, attribute.name_len);
        text_append_char(&text, '=');
        if (attribute.type == ATTRIBUTE_STRING)
            text_append(&text, attribute.string, attribute.len);
        for (size_t at = 0; attribute.type == ATTRIBUTE_STRING_ARRAY && attribute_element_next(&attribute, &at, &element);) {
            text_append(&text, element.bytes, element.len);
            text_append_char(&text, '|');
        }
        text_append_char(&text, ';');
    }
    return text_terminate(&text);
}

Test(span, attributes_with_a_name_of_their_own)
{
    static const struct attribute_element elements[] = {{"a", 1}, {"", 0}, {"bc", 2}};
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_context(span, &CONTEXT, NULL);
    span_set_custom(span, "x", 1, "1", 1);
    span_set_string(span, ATTRIBUTE_URL_PATH, "/p", 2);
    span_set_custom(span, "y", 1, "", 0);
    span_set_custom_array(span, "z", 1, elements, ARRAY_LEN(elements));
    span_set_custom_array(span, "none", 4, elements, 0);
    span_set_custom(span, "x", 1, "2", 1);         /* the last one counts */
    span_set_custom(span, "url.path", 8, "q", 1);  /* it has a key */
    span_set_custom(span, "", 0, "q", 1);
    span_set_custom(span, "a b", 3, "q", 1);
    cr_assert_str_eq(customs_text(span), "y=;z=a||bc|;none=;x=2;");
    cr_assert_eq(span->dropped_attributes_count, 0);
    span_set_custom(NULL, "x", 1, "1", 1);
    span_set_custom_array(NULL, "x", 1, elements, 1);
}

Test(span, the_first_attribute_of_all_may_have_a_name_of_its_own)
{
    static const struct span_context without_state = {.trace_id = {1}, .span_id = {1}, .is_valid = true};
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_context(span, &without_state, NULL);
    span_set_custom(span, "x", 1, "1", 1);
    cr_assert_str_eq(customs_text(span), "x=1;");
}

Test(span, one_with_a_name_of_its_own_that_does_not_fit_is_dropped_and_counted)
{
    static const char large[SPAN_BYTES_LEN] = {0};
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    struct attribute_element element = {large, sizeof large};
    span_set_context(span, &CONTEXT, NULL);
    span_set_custom(span, "x", 1, large, sizeof large);
    span_set_custom_array(span, "x", 1, &element, 1);
    span_set_custom(span, large, 256, "", 0);
    cr_assert_eq(span->dropped_attributes_count, 3);
    span_set_custom(span, "x", 1, large, SPAN_BYTES_LEN - CONTEXT.tracestate_len - 6);
    cr_assert_eq(span->dropped_attributes_count, 3);
    span_set_custom(span, "y", 1, "", 0);
    cr_assert_eq(span->dropped_attributes_count, 4);
}

/* Whatever a record says of lengths: the page behind it cannot be read. */
Test(span, hostile_attributes_with_a_name_of_their_own)
{
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    span_set_context(span, &CONTEXT, NULL);
    for (unsigned seed = 0; seed < 200000; seed++) {
        char *end = span->bytes + sizeof span->bytes;
        struct attribute_header header = {.key = ATTRIBUTE_CUSTOM, .type = seed & 3, .len = (uint16_t)(seed >> 2 & 15)};
        uint32_t random = seed * 2654435761U;
        memcpy(end - 16, &header, sizeof header);
        end[-12] = (char)(seed >> 6);
        memcpy(end - 11, "n", 1);
        memcpy(end - 10, &random, sizeof random);
        memcpy(end - 6, &random, sizeof random);
        span->tracestate_len = TRACESTATE_LEN_MAX;
        memset(span->bytes + TRACESTATE_LEN_MAX, 0xff, 4);
        header = (struct attribute_header){.key = 0xff, .len = (uint16_t)(SPAN_BYTES_LEN - TRACESTATE_LEN_MAX - 4 - 16)};
        memcpy(span->bytes + TRACESTATE_LEN_MAX, &header, sizeof header);
        span->attributes_len = seed % 3 ? UINT32_MAX : SPAN_BYTES_LEN - TRACESTATE_LEN_MAX;
        cr_assert_leq(strlen(customs_text(span)), 64);
    }
}

static struct attribute attribute_named(const struct span *span, const char *name)
{
    struct attribute_iterator iterator;
    struct attribute attribute;
    attribute_begin(&iterator, span);
    while (attribute_next(&iterator, &attribute))
        if (attribute.key == ATTRIBUTE_CUSTOM && attribute.name_len == strlen(name) &&
            memcmp(attribute.name, name, attribute.name_len) == 0)
            return attribute;
    cr_assert(false, "no attribute %s", name);
    return attribute;
}

Test(span, custom_numbers_and_truths_come_back)
{
    struct span *span = span_start(SPAN_KIND_INTERNAL, 0);
    span_set_custom_int(span, "n", 1, -7);
    span_set_custom_bool(span, "yes", 3, true);
    span_set_custom_bool(span, "no", 2, false);
    cr_assert_eq(attribute_named(span, "n").type, ATTRIBUTE_INT);
    cr_assert_eq(attribute_named(span, "n").number, -7);
    cr_assert_eq(attribute_named(span, "yes").number, 1);
    cr_assert_eq(attribute_named(span, "no").type, ATTRIBUTE_BOOL);
    cr_assert_eq(attribute_named(span, "no").number, 0);
}

Test(span, a_long_name_is_whole)
{
    static const char name[] = "a name that is longer than what the record has room for";
    struct span *span = span_start(SPAN_KIND_INTERNAL, 0);
    span_set_long_name(span, name, strlen(name));
    cr_assert_eq(span_name(span).len, strlen(name));
    cr_assert_arr_eq(span_name(span).bytes, name, strlen(name));
    span = span_start(SPAN_KIND_INTERNAL, 0);
    span_set_long_name(span, "short", 5);
    cr_assert_eq(span_name(span).len, 5);
}

Test(span, custom_events_have_plain_names_of_their_own)
{
    struct span *span = span_start(SPAN_KIND_INTERNAL, 0);
    span_add_custom_event(span, "a \"b\\\n", 6, 5);
    span_add_custom_event(span, "again", 5, 6);
    cr_assert_eq(span->event_count, 2);
    cr_assert_str_eq(span_event_name(span, span->events[0].id), "a _b__");
    cr_assert_str_eq(span_event_name(span, span->events[1].id), "again");
    cr_assert_null(span_event_name(span, span->events[1].id + 1));
    cr_assert_null(span_event_name(span, UINT32_MAX));
}

Test(span, too_many_custom_events_are_counted)
{
    struct span *span = span_start(SPAN_KIND_INTERNAL, 0);
    for (int i = 0; i < SPAN_EVENT_COUNT + 2; i++)
        span_add_custom_event(span, "e", 1, 5);
    cr_assert_eq(span->event_count, SPAN_EVENT_COUNT);
    cr_assert_eq(span->dropped_attributes_count, 2);
}
