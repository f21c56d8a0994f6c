/* curl_library.h - libcurl's functions. Two libcurls in one process happen (OpenSSL's and GnuTLS's), and a handle
 * of one must never reach the other. */
#ifndef RUN_TRACED_SHIM_CURL_LIBRARY_H
#define RUN_TRACED_SHIM_CURL_LIBRARY_H

#include "shim/library.h"
#include "shim/real.h"

struct curl_library {
    __typeof__(&curl_easy_setopt) setopt;
    __typeof__(&curl_easy_perform) perform;
    __typeof__(&curl_easy_reset) reset;
    __typeof__(&curl_easy_duphandle) duphandle;
    __typeof__(&curl_easy_cleanup) cleanup;
    __typeof__(&curl_easy_getinfo) getinfo;
    __typeof__(&curl_easy_strerror) strerror;
    __typeof__(&curl_multi_add_handle) multi_add_handle;
    __typeof__(&curl_multi_remove_handle) multi_remove_handle;
    __typeof__(&curl_multi_perform) multi_perform;
    CURLMcode (*multi_socket)(CURLM *, curl_socket_t, int *);
    CURLMcode (*multi_socket_all)(CURLM *, int *);
    __typeof__(&curl_multi_socket_action) multi_socket_action;
    __typeof__(&curl_multi_info_read) multi_info_read;
    __typeof__(&curl_multi_cleanup) multi_cleanup;
};

extern struct library_family g_curl_family;

/* curl_library_of - as library_of. */
static inline const struct curl_library *curl_library_of(const void *caller)
{
    return library_of(&g_curl_family, caller);
}

#endif
