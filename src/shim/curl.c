/* libcurl's easy interface: one CLIENT span a transfer. What its sockets do is libcurl's own business
 * meanwhile (DESIGN.md, rule 2.6), so https, HTTP/2, redirects and proxies look alike. */
#include "shim/callsite_record.h"
#include "base/compiler.h"
#include "shim/curl_multi.h"
#include "shim/curl_transfer.h"
#include "shim/real.h"

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
    {"curl_multi_add_handle", offsetof(struct curl_library, multi_add_handle)},
    {"curl_multi_remove_handle", offsetof(struct curl_library, multi_remove_handle)},
    {"curl_multi_perform", offsetof(struct curl_library, multi_perform)},
    {"curl_multi_socket", offsetof(struct curl_library, multi_socket)},
    {"curl_multi_socket_all", offsetof(struct curl_library, multi_socket_all)},
    {"curl_multi_socket_action", offsetof(struct curl_library, multi_socket_action)},
    {"curl_multi_info_read", offsetof(struct curl_library, multi_info_read)},
    {"curl_multi_cleanup", offsetof(struct curl_library, multi_cleanup)},
};

static BULKY struct curl_library g_copies[LIBRARY_COPIES_MAX];
static BULKY struct library_caller g_callers[LIBRARY_CALLERS_MAX];

struct library_family g_curl_family = {
    .prefix = "libcurl",
    .symbols = SYMBOLS,
    .symbol_count = ARRAY_LEN(SYMBOLS),
    .copies = (char *)g_copies,
    .calls_len = sizeof g_copies[0],
    .callers = g_callers,
};

static void setopt_note(CURL *easy, CURLoption option, void *value)
{
    struct curl_handle *handle = curl_handle_get(easy);
    if (handle && option == CURLOPT_URL)
        curl_handle_note_url(handle, value);
    else if (handle && option == CURLOPT_CONNECT_ONLY)
        handle->is_connect_only = (long)value != 0;
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
    if (code == CURLE_OK && shim_is_tracing() &&
        (option == CURLOPT_HTTPHEADER || option == CURLOPT_URL || option == CURLOPT_CONNECT_ONLY))
        setopt_note(easy, option, value);
    return code;
}

EXPORT void curl_easy_reset(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    struct curl_handle *handle = real ? curl_handle_find(easy) : NULL;
    if (handle) {
        curl_transfer_give_up(handle, real);
        curl_handle_clear(handle);
    }
    if (real)
        real->reset(easy);
}

EXPORT void curl_easy_cleanup(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    struct curl_handle *handle = real ? curl_handle_find(easy) : NULL;
    if (handle) {
        curl_transfer_give_up(handle, real);
        curl_multi_forget(handle);
        curl_handle_forget(easy);
    }
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
        to->is_connect_only = from->is_connect_only;
        to->url_len = from->url_len;
        memcpy(to->url, from->url, from->url_len);
    }
    if (from && from->is_begun) /* the copy has our lines, which are not its own */
        real->setopt(copy, CURLOPT_HTTPHEADER, from->headers);
    return copy;
}

EXPORT CURLcode curl_easy_perform(CURL *easy)
{
    const struct curl_library *real = curl_library_of(__builtin_return_address(0));
    if (!real)
        return CURLE_FAILED_INIT;
    struct curl_handle *handle = shim_is_tracing() ? curl_handle_get(easy) : NULL;
    CALLSITE_ENTER();
    if (!curl_transfer_begin(handle, real))
        return real->perform(easy);
    const char *outer = t_silence_frame;
    t_silence_frame = __builtin_frame_address(0);
    CURLcode code = real->perform(easy);
    t_silence_frame = outer;
    int saved = errno;
    curl_transfer_end(handle, real, code);
    errno = saved;
    return code;
}
