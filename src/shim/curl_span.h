/* curl_span.h - the attributes of a libcurl transfer's span. */
#ifndef RUN_TRACED_SHIM_CURL_SPAN_H
#define RUN_TRACED_SHIM_CURL_SPAN_H

#include "shim/curl_handle.h"
#include "shim/curl_library.h"
#include "trace/span.h"

/* curl_span_begin - what is known before the transfer: the URL. */
void curl_span_begin(struct span *span, const struct curl_handle *handle);

/* curl_span_end - what curl_easy_getinfo tells after it; ends the span. */
void curl_span_end(struct span *span, const struct curl_handle *handle,
                   const struct curl_library *real, CURLcode code);

#endif
