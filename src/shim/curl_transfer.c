#include "shim/curl_transfer.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/process.h"
#include "base/text.h"
#include "shim/curl_span.h"
#include "trace/active.h"
#include "trace/baggage.h"
#include "trace/callsite.h"
#include "trace/ignore.h"
#include "trace/propagator.h"
#include "trace/sampler.h"
#include "trace/traceparent.h"
#include "wire/exchange.h"

#include <string.h>

/* A line of the application's list; curl takes "name:" and "name;". */
struct line_field {
    const char *name;
    size_t name_len;
    const char *value; /* without white space around it */
    size_t value_len;
};

static bool line_parse(const struct curl_slist *line, struct line_field *out)
{
    size_t name_len = line->data ? strcspn(line->data, ":;") : 0;
    if (!name_len || !line->data[name_len])
        return false;
    const char *value = line->data + name_len + 1;
    while (text_is_blank(*value))
        value++;
    size_t value_len = strlen(value);
    while (value_len && text_is_blank(value[value_len - 1]))
        value_len--;
    *out = (struct line_field){line->data, name_len, value, value_len};
    return true;
}

/* Does this line belong to the formats in @ids? */
static bool line_is_of(const struct line_field *field, uint32_t ids)
{
    int carried = carrier_field_find(field->name, field->name_len);
    if (text_is_name(field->name, field->name_len, "traceparent"))
        return ids >> PROPAGATOR_TRACECONTEXT & 1;
    for (unsigned i = 0; i < propagators_current()->count && carried >= 0; i++) {
        const struct propagator *propagator = propagators_current()->list[i];
        if (carried >= propagator->first_field && carried < propagator->first_field + propagator->field_count)
            return ids >> propagator->id & 1;
    }
    return false;
}

/* What the application sends by itself: bits as propagators_inject takes them. */
struct own_headers {
    uint32_t passed_on; /* formats in which it passes on what came in */
    uint32_t sent;      /* baggage, tracestate, and formats in which what it sends is worth nothing */
    uint8_t traceparent_count;
    bool is_foreign;     /* a context of another kind */
    const char *skipped; /* why no context of ours goes out; NULL: it does */
};

/* Does the application merely pass on what came in (as in curl -H "traceparent: $TRACEPARENT")? */
static bool is_passed_on(const struct span_context *outgoing)
{
    struct parent parent;
    parent_choose(&parent, NULL);
    if (parent.active && active_came_in_with(parent.active, outgoing))
        return true;
    if (parent.active)
        exchange_note_application(parent.active, outgoing);
    return false;
}

/* @result: what @outgoing was found to be. */
static void own_note(struct own_headers *own, enum propagator_id id, enum propagator_result result,
                     const struct span_context *outgoing)
{
    if (result == PROPAGATOR_CONTEXT && is_passed_on(outgoing)) {
        own->passed_on |= 1U << id;
    } else if (result == PROPAGATOR_CONTEXT) {
        own->is_foreign = true;
    } else {
        own->sent |= 1U << id;
        own->skipped = result == PROPAGATOR_NOTHING ? "malformed" : "no ids";
    }
}

/* Several are worth nothing, whatever they are. */
static void traceparent_note(struct own_headers *own, const struct line_field *field)
{
    struct span_context outgoing = {.is_valid = false};
    if (own->traceparent_count++) {
        own->passed_on &= ~(1U << PROPAGATOR_TRACECONTEXT);
        own->sent |= 1U << PROPAGATOR_TRACECONTEXT;
        own->is_foreign = false;
        own->skipped = "several";
        own->traceparent_count = 2;
    } else {
        bool is_valid = traceparent_parse(field->value, field->value_len, &outgoing) == 0;
        own_note(own, PROPAGATOR_TRACECONTEXT, is_valid ? PROPAGATOR_CONTEXT : PROPAGATOR_NOTHING, &outgoing);
    }
}

static void carrier_note(struct carrier *carrier, const struct line_field *field)
{
    int carried = carrier_field_find(field->name, field->name_len);
    if (carried < 0)
        return;
    struct carrier_value *value = &carrier->values[carried];
    value->count = (uint8_t)MIN(value->count + 1, 2);
    value->bytes = field->value;
    value->len = (uint16_t)MIN(field->value_len, (size_t)UINT16_MAX);
}

static struct own_headers own_headers_find(const struct curl_handle *handle)
{
    struct own_headers own = {0};
    struct carrier carrier = {0};
    struct carrier_place place;
    struct line_field field;
    size_t count = 0;
    for (const struct curl_slist *line = handle->headers; line; line = line->next, count++) {
        if (!line_parse(line, &field))
            continue;
        if (propagators_have(PROPAGATOR_TRACECONTEXT) && text_is_name(field.name, field.name_len, "traceparent"))
            traceparent_note(&own, &field);
        else if (text_is_name(field.name, field.name_len, "tracestate"))
            own.sent |= 1U << PROPAGATOR_TRACESTATE;
        else if (text_is_name(field.name, field.name_len, "baggage"))
            own.sent |= 1U << PROPAGATOR_BAGGAGE;
        else
            carrier_note(&carrier, &field);
    }
    for (unsigned i = 0; i < propagators_current()->count; i++) {
        const struct propagator *propagator = propagators_current()->list[i];
        struct span_context outgoing = {.is_valid = false};
        if (propagator->extract && carrier_has(&carrier, propagator))
            own_note(&own, (enum propagator_id)propagator->id, propagator->extract(&carrier, &outgoing, &place),
                     &outgoing);
    }
    if (own.passed_on && count > CURL_LINES_MAX)
        own.is_foreign = true; /* they cannot be replaced */
    return own;
}

/* The application's list without the lines that ours replace. */
static struct curl_slist *others_make(struct curl_handle *handle, uint32_t replaced)
{
    struct curl_slist *first = NULL, **end = &first;
    struct line_field field;
    size_t count = 0;
    for (struct curl_slist *line = handle->headers; line && count < CURL_LINES_MAX; line = line->next) {
        if (line_parse(line, &field) && line_is_of(&field, replaced))
            continue;
        handle->others[count] = (struct curl_slist){.data = line->data};
        *end = &handle->others[count++];
        end = &(*end)->next;
    }
    return first;
}

/* Our lines, then the application's list as it is, but for what ours replace. */
static struct curl_slist *lines_make(struct curl_handle *handle, const struct span_context *context,
                                     const struct own_headers *own)
{
    struct text text = text_on(handle->text, sizeof handle->text);
    struct curl_slist *others = own->passed_on ? others_make(handle, own->passed_on) : handle->headers;
    struct curl_slist *line = handle->lines;
    propagators_inject(context, own->sent, &text);
    for (char *at = text.bytes, *end = at + text.len; at < end && line < handle->lines + PROPAGATION_LINES_MAX;) {
        char *line_end = memchr(at, '\r', (size_t)(end - at));
        *line_end = '\0';
        *line = (struct curl_slist){.data = at, .next = line + 1};
        line++;
        at = line_end + 2;
    }
    if (line == handle->lines)
        return others;
    line[-1].next = others;
    return handle->lines;
}

/* Of the application's lines; what libcurl adds by itself is not known. */
static void headers_capture(struct span *span, const struct curl_handle *handle)
{
    struct http_extras *extras = NULL;
    struct line_field field;
    for (const struct curl_slist *line = handle->headers; line; line = line->next)
        if (line_parse(line, &field))
            http_extras_capture(&extras, &(struct http1_event){.type = HTTP1_HEADER,
                                                               .name = field.name,
                                                               .name_len = field.name_len,
                                                               .value = field.value,
                                                               .value_len = field.value_len});
    http_extras_describe(extras, span);
    http_extras_free(&extras);
}

static bool is_other_scheme(const struct curl_handle *handle)
{
    const char *colon = handle->url_len ? memmem(handle->url, handle->url_len, "://", 3) : NULL;
    return colon && strncasecmp(handle->url, "http", 4) != 0;
}

/* This is not HTTP: nothing to add. */
static bool is_left_alone(const struct curl_handle *handle)
{
    return !handle || handle->is_connect_only || is_other_scheme(handle);
}

static void context_make(const struct curl_handle *handle, const struct parent *parent, struct span_context *out)
{
    span_context_child(out, parent->active ? &parent->active->context : NULL);
    if (parent->link_count && !parent->may_be_sampled)
        sampler_follow(out, false);
    if (UNLIKELY(g_ignored.count != 0) && handle->url_len &&
        ignore_list_has(&g_ignored, "", 0, handle->url, handle->url_len))
        span_context_ignore(out);
}

static void span_describe(struct span *span, const struct curl_handle *handle, const struct parent *parent,
                          const struct span_context *context, const struct own_headers *own)
{
    span_set_context(span, context, parent->active ? parent->active->context.span_id : NULL);
    parent_describe(span, parent->active, parent->links, parent->link_count);
    if (own->skipped)
        span_set_string(span, ATTRIBUTE_PROPAGATION_SKIPPED, own->skipped, strlen(own->skipped));
    if (parent->active)
        exchange_note_child(parent->active);
    callsite_record(span);
    baggage_describe(span, context);
    if (g_http_extras_wanted.is_capturing)
        headers_capture(span, handle);
    curl_span_begin(span, handle);
}

bool curl_transfer_begin(struct curl_handle *handle, const struct curl_library *real)
{
    struct parent parent;
    struct span_context context;
    if (!handle || handle->is_begun || is_left_alone(handle))
        return false;
    const struct own_headers own = own_headers_find(handle);
    if (own.is_foreign) /* the application propagates by itself */
        return false;
    parent_choose(&parent, NULL);
    context_make(handle, &parent, &context);
    handle->span = span_context_is_sampled(&context) ? span_start(SPAN_KIND_CLIENT, 0) : NULL;
    if (handle->span)
        span_describe(handle->span, handle, &parent, &context, &own);
    else if (span_context_is_sampled(&context))
        return false; /* no room */
    handle->active.source = ACTIVE_NONE;
    if (parent.active)
        active_copy(&handle->active, parent.active);
    handle->is_begun = true;
    handle->span_pid = process_pid();
    real->setopt(handle->easy.handle, CURLOPT_HTTPHEADER, lines_make(handle, &context, &own));
    return true;
}

/* Takes the transfer's span, and gives the handle back what it had. */
static struct span *transfer_take(struct curl_handle *handle, const struct curl_library *real)
{
    struct span *span = handle->span;
    handle->span = NULL;
    handle->is_begun = false;
    real->setopt(handle->easy.handle, CURLOPT_HTTPHEADER, handle->headers);
    return span;
}

void curl_transfer_abandon(struct curl_handle *handle, const struct curl_library *real)
{
    span_abandon(transfer_take(handle, real));
}

/* Known in the end only: the method, and a URL that came by another option. Who was asked has been told that it is
 * sampled, and may ignore it by itself. */
static COLD bool is_ignored_after_all(const struct curl_handle *handle, const struct curl_library *real)
{
    char *method = NULL, *url = NULL;
    CURL *easy = handle->easy.handle;
    if (real->getinfo(easy, CURLINFO_EFFECTIVE_METHOD, &method) != CURLE_OK || !method)
        return false;
    if (handle->url_len)
        return ignore_list_has(&g_ignored, method, strlen(method), handle->url, handle->url_len);
    return real->getinfo(easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url &&
           ignore_list_has(&g_ignored, method, strlen(method), url, strlen(url));
}

/* The URL may have left it open, or come by another option. */
static bool was_other_scheme(const struct curl_handle *handle, const struct curl_library *real)
{
    char *scheme = NULL;
    return real->getinfo(handle->easy.handle, CURLINFO_SCHEME, &scheme) == CURLE_OK && scheme &&
           strncasecmp(scheme, "http", 4) != 0;
}

void curl_transfer_end(struct curl_handle *handle, const struct curl_library *real, CURLcode code)
{
    if (!handle->is_begun)
        return;
    struct span *span = transfer_take(handle, real);
    if (!span)
        return;
    if (was_other_scheme(handle, real) || (UNLIKELY(g_ignored.count != 0) && is_ignored_after_all(handle, real)))
        span_abandon(span);
    else
        curl_span_end(span, handle, real, code);
}

void curl_transfer_give_up(struct curl_handle *handle, const struct curl_library *real)
{
    curl_transfer_end(handle, real, CURLE_ABORTED_BY_CALLBACK);
}

static void exit_visit(struct curl_handle *handle, void *state)
{
    struct span *span = handle->span;
    (void)state;
    if (!span || handle->span_pid != process_pid())
        return;
    handle->span = NULL;
    handle->is_begun = false;
    span_set_error(span, ERROR_ABORTED, "the process exited before the end");
    span_end(span, clock_monotonic_ns());
}

void curl_transfer_exit_all(void)
{
    curl_handle_each(exit_visit, NULL);
}
