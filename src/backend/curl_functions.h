/* curl_functions.h - libcurl, loaded when the first backend needs it: with its own libraries it takes some 10 ms to load,
 * which a prefix in front of a short command that writes a file should not cost. */
#ifndef RUN_TRACED_BACKEND_CURL_FUNCTIONS_H
#define RUN_TRACED_BACKEND_CURL_FUNCTIONS_H

#include <curl/curl.h>

struct curl_functions {
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&curl_easy_setopt) easy_setopt;
    __typeof__(&curl_easy_perform) easy_perform;
    __typeof__(&curl_easy_getinfo) easy_getinfo;
    __typeof__(&curl_easy_strerror) easy_strerror;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_slist_append) slist_append;
    __typeof__(&curl_slist_free_all) slist_free_all;
};

/* curl_functions_load - NULL if there is no libcurl; before other threads run. */
const struct curl_functions *curl_functions_load(void);

#endif
