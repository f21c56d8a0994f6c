/* libcurl's easy interface: one CLIENT span a transfer. What its sockets do is libcurl's own business
 * meanwhile (DESIGN.md, rule 2.6), so https, HTTP/2, redirects and proxies look alike. */
#include "base/text.h"
#include "shim/callsite_record.h"
#include "shim/curl_handle.h"
#include "shim/curl_library.h"
#include "shim/curl_span.h"
#include "shim/real.h"
#include "trace/active.h"
#include "trace/callsite.h"

#include <stdarg.h>
#include <string.h>

static const struct library_symbol SYMBOLS[] = {
    {"curl_easy_perform", offsetof(struct curl_library, perform)},
    {"curl_easy_setopt", offsetof(struct curl_library, setopt)},
    {"curl_easy_reset", offsetof(struct curl_library, reset)},
    {"curl_easy_duphandle", offsetof(struct curl_library, duphandle)},
    {"curl_easy_cleanup", offsetof(struct curl_library, cleanup)},
    {"curl_easy_getinfo", offsetof(struct curl_library, getinfo)},
    {"curl_easy_strerror", offsetof(struct curl_library, strerror)},
};

static struct curl_library g_copies[LIBRARY_COPIES_MAX];

struct library_family g_curl_family = {
    .prefix = "libcurl",
    .symbols = SYMBOLS,
    .symbol_count = ARRAY_LEN(SYMBOLS),
    .copies = (char *)g_copies,
    .calls_len = sizeof g_copies[0],
};

static void setopt_note(CURL *easy, CURLoption option, void *value)
{
    struct curl_handle *handle = curl_handle_get(easy);
    if (handle && option == CURLOPT_URL)
        curl_handle_note_url(handle, value);
    else if (handle)
        handle->headers = value;
}

/* Pointers, longs and curl_off_t all travel in one general register on the machines we build for. */
EXPORT CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    if (!real)
        return CURLE_FAILED_INIT;
    CURLcode code = real->setopt(easy, option, value);
    if (code == CURLE_OK && (option == CURLOPT_HTTPHEADER || option == CURLOPT_URL) &&
        shim_is_tracing())
        setopt_note(easy, option, value);
    return code;
}

EXPORT void curl_easy_reset(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    curl_handle_forget(easy);
    if (real)
        real->reset(easy);
}

EXPORT void curl_easy_cleanup(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    curl_handle_forget(easy);
    if (real)
        real->cleanup(easy);
}

EXPORT CURL *curl_easy_duphandle(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    CURL *copy = real ? real->duphandle(easy) : NULL;
    struct curl_handle *from = copy ? curl_handle_find(easy) : NULL;
    struct curl_handle *to = from ? curl_handle_get(copy) : NULL;
    if (to) {
        to->headers = from->headers;
        to->url_len = from->url_len;
        memcpy(to->url, from->url, from->url_len);
    }
    return copy;
}

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
    const struct active_context *active = active_current(NULL);
    struct span_context outgoing;
    size_t count = 0;
    for (const struct curl_slist *line = handle->headers; line; line = line->next)
        count++;
    return active && count <= CURL_LINES_MAX &&
           traceparent_parse(value, strlen(value), &outgoing) == 0 &&
           active_came_in_with(active, &outgoing);
}

/* The application propagates by itself, or this is not HTTP: nothing to add. */
static bool is_left_alone(const struct curl_handle *handle)
{
    if (!handle || is_other_scheme(handle))
        return true;
    const char *value = header_find(handle->headers, "traceparent");
    return value && !is_passed_on(handle, value);
}

static CURLcode perform_traced(const struct curl_library *real, struct curl_handle *handle)
{
    bool is_ambiguous;
    const struct active_context *parent = active_current(&is_ambiguous);
    struct span_context context;
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    if (!span)
        return real->perform(handle->easy);
    span_context_child(&context, parent ? &parent->context : NULL);
    span_set_context(span, &context, parent ? parent->context.span_id : NULL);
    if (parent)
        active_note_use();
    if (is_ambiguous)
        span_set_true(span, ATTRIBUTE_PARENT_AMBIGUOUS);
    callsite_record(span);
    curl_span_begin(span, handle);
    real->setopt(handle->easy, CURLOPT_HTTPHEADER, lines_make(handle, &context));
    const char *outer = t_silence_frame;
    t_silence_frame = __builtin_frame_address(0);
    CURLcode code = real->perform(handle->easy);
    t_silence_frame = outer;
    int saved = errno;
    real->setopt(handle->easy, CURLOPT_HTTPHEADER, handle->headers);
    curl_span_end(span, handle, real, code);
    errno = saved;
    return code;
}

EXPORT CURLcode curl_easy_perform(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    if (!real)
        return CURLE_FAILED_INIT;
    struct curl_handle *handle = shim_is_tracing() ? curl_handle_get(easy) : NULL;
    CALLSITE_ENTER();
    if (is_left_alone(handle))
        return real->perform(easy);
    return perform_traced(real, handle);
}
