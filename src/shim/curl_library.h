/* curl_library.h - the libcurl that a caller was linked against. Two of them in one process happen
 * (OpenSSL's and GnuTLS's), and a handle of one must never reach the other. */
#ifndef RUN_TRACED_SHIM_CURL_LIBRARY_H
#define RUN_TRACED_SHIM_CURL_LIBRARY_H

#include "shim/real.h"

struct curl_library {
    __typeof__(&curl_easy_setopt) setopt;
    __typeof__(&curl_easy_perform) perform;
    __typeof__(&curl_easy_reset) reset;
    __typeof__(&curl_easy_duphandle) duphandle;
    __typeof__(&curl_easy_cleanup) cleanup;
    __typeof__(&curl_easy_getinfo) getinfo;
    __typeof__(&curl_easy_strerror) strerror;
};

/* curl_library_of - for the code at @caller (a return address). The first call from an object asks
 * the loader, and may take its lock; NULL if there is no libcurl at all. */
const struct curl_library *curl_library_of(const void *caller);

#endif
