/* curl_multi.h - libcurl's multi handles. */
#ifndef RUN_TRACED_SHIM_CURL_MULTI_H
#define RUN_TRACED_SHIM_CURL_MULTI_H

#include "shim/curl_handle.h"

/* curl_multi_forget - @handle is about to be freed: what waits for the application of it goes as well. */
void curl_multi_forget(struct curl_handle *handle);

#endif
