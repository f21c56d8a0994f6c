#include "shim/curl_transfer.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/text.h"
#include "shim/curl_span.h"
#include "trace/active.h"
#include "trace/callsite.h"
#include "wire/exchange.h"

#include <string.h>

/* The line of the application's list that has this name; curl takes "name:" and "name;". */
static const char *header_find(const struct curl_slist *list, const char *name)
{
    size_t len = strlen(name);
    for (; list; list = list->next)
        if (list->data && strncasecmp(list->data, name, len) == 0 &&
            (list->data[len] == ':' || list->data[len] == ';'))
            return list->data + len + 1;
    return NULL;
}

static void line_make(struct curl_slist *line, char *bytes, size_t capacity, const char *name,
                      const char *value, size_t len)
{
    struct text text = text_on(bytes, capacity);
    text_append_string(&text, name);
    text_append(&text, value, len);
    line->data = text_terminate(&text);
}

/* The application's list without its traceparent, which ours replaces; NULL if it is too long. */
static struct curl_slist *others_make(struct curl_handle *handle)
{
    struct curl_slist *first = NULL, **end = &first;
    size_t count = 0;
    for (struct curl_slist *line = handle->headers; line; line = line->next) {
        const struct curl_slist alone = {.data = line->data};
        if (header_find(&alone, "traceparent"))
            continue;
        if (count == CURL_LINES_MAX)
            return NULL;
        handle->others[count] = alone;
        *end = &handle->others[count++];
        end = &(*end)->next;
    }
    return first;
}

/* Our lines, then the application's list as it is. */
static struct curl_slist *lines_make(struct curl_handle *handle, const struct span_context *context)
{
    char value[TRACEPARENT_LEN];
    struct curl_slist *line = handle->lines;
    bool is_replaced = header_find(handle->headers, "traceparent") != NULL;
    traceparent_format(context, value);
    line_make(line, handle->traceparent, sizeof handle->traceparent, "traceparent: ", value,
              sizeof value);
    if (context->tracestate_len && !header_find(handle->headers, "tracestate")) {
        line->next = line + 1;
        line++;
        line_make(line, handle->tracestate, sizeof handle->tracestate, "tracestate: ",
                  context->tracestate, context->tracestate_len);
    }
    line->next = is_replaced ? others_make(handle) : handle->headers;
    return handle->lines;
}

static bool is_other_scheme(const struct curl_handle *handle)
{
    const char *colon = handle->url_len ? memmem(handle->url, handle->url_len, "://", 3) : NULL;
    return colon && strncasecmp(handle->url, "http", 4) != 0;
}

/* Does the application merely pass on what came in (as in curl -H "traceparent: $TRACEPARENT")? */
static bool is_passed_on(const struct curl_handle *handle, const char *value)
{
    struct parent parent;
    struct span_context outgoing;
    size_t count = 0;
    for (const struct curl_slist *line = handle->headers; line; line = line->next)
        count++;
    parent_choose(&parent, NULL);
    return parent.active && count <= CURL_LINES_MAX &&
           traceparent_parse(value, strlen(value), &outgoing) == 0 &&
           active_came_in_with(parent.active, &outgoing);
}

/* The application propagates by itself, or this is not HTTP: nothing to add. */
static bool is_left_alone(const struct curl_handle *handle)
{
    if (!handle || handle->is_connect_only || is_other_scheme(handle))
        return true;
    const char *value = header_find(handle->headers, "traceparent");
    return value && !is_passed_on(handle, value);
}

bool curl_transfer_begin(struct curl_handle *handle, const struct curl_library *real)
{
    struct parent parent;
    struct span_context context;
    if (!handle || handle->span || is_left_alone(handle))
        return false;
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    if (!span)
        return false;
    parent_choose(&parent, NULL);
    span_context_child(&context, parent.active ? &parent.active->context : NULL);
    span_set_context(span, &context, parent.active ? parent.active->context.span_id : NULL);
    parent_describe(span, parent.active, parent.links, parent.link_count);
    handle->active.source = ACTIVE_NONE;
    if (parent.active)
        active_copy(&handle->active, parent.active);
    callsite_record(span);
    curl_span_begin(span, handle);
    handle->span = span;
    handle->span_pid = process_pid();
    real->setopt(handle->easy.handle, CURLOPT_HTTPHEADER, lines_make(handle, &context));
    return true;
}

void curl_transfer_abandon(struct curl_handle *handle, const struct curl_library *real)
{
    span_abandon(handle->span);
    handle->span = NULL;
    real->setopt(handle->easy.handle, CURLOPT_HTTPHEADER, handle->headers);
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
    struct span *span = handle->span;
    if (!span)
        return;
    handle->span = NULL;
    real->setopt(handle->easy.handle, CURLOPT_HTTPHEADER, handle->headers);
    if (was_other_scheme(handle, real))
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
    span_set_error(span, ERROR_ABORTED, "the process exited before the end");
    span_end(span, clock_monotonic_ns());
}

void curl_transfer_exit_all(void)
{
    curl_handle_each(exit_visit, NULL);
}
