/* curl_handle.h - what we remember of an application's easy handle. */
#ifndef RUN_TRACED_SHIM_CURL_HANDLE_H
#define RUN_TRACED_SHIM_CURL_HANDLE_H

#include "shim/handle_map.h"
#include "trace/active.h"
#include "trace/propagator.h"
#include "trace/span.h"

#include <curl/curl.h>
#include <stdatomic.h>

enum { CURL_URL_LEN_MAX = 1024, CURL_LINES_MAX = 64 };

/* Our header lines before the application's list, which stays as it is: libcurl's struct curl_slist
 * is public. A handle is used by one thread at a time (libcurl's rule), so this needs no lock. */
struct curl_handle {
    struct handle_object easy;
    struct curl_slist *headers; /* the application's CURLOPT_HTTPHEADER */
    CURLM *multi;               /* that it has been added to; NULL: none */
    bool is_begun;              /* a transfer of which we know is under way */
    struct span *span;          /* of that; NULL: it is not recorded */
    int span_pid;               /* of the process that began it */
    struct active_context active; /* what that is made for */
    bool is_connect_only;       /* CURLOPT_CONNECT_ONLY: it makes no request */
    uint16_t url_len;           /* of CURLOPT_URL; 0: not known */
    char url[CURL_URL_LEN_MAX];
    struct curl_slist lines[PROPAGATION_LINES_MAX];
    struct curl_slist others[CURL_LINES_MAX]; /* the application's lines but those of a context passed on */
    char text[PROPAGATION_LEN_MAX]; /* of our lines */
};

/* curl_handle_find - NULL if we know nothing of @easy. */
struct curl_handle *curl_handle_find(CURL *easy);

/* curl_handle_get - the same, but makes one; NULL if there are too many. */
struct curl_handle *curl_handle_get(CURL *easy);

/* curl_handle_clear - it is as new, but for the multi handle that it may be in. */
void curl_handle_clear(struct curl_handle *handle);

/* curl_handle_forget - @easy is no more. */
void curl_handle_forget(CURL *easy);

/* curl_handle_each - calls @visit for every handle that is known. */
void curl_handle_each(void (*visit)(struct curl_handle *handle, void *state), void *state);

/* curl_handle_note_url - @url: NUL-terminated, or NULL. */
void curl_handle_note_url(struct curl_handle *handle, const char *url);

#endif
