/* curl_transfer.h - one transfer of libcurl's, by whichever interface: its span and its header lines. */
#ifndef RUN_TRACED_SHIM_CURL_TRANSFER_H
#define RUN_TRACED_SHIM_CURL_TRANSFER_H

#include "shim/curl_handle.h"
#include "shim/curl_library.h"

/* curl_transfer_begin - a transfer of @handle is about to begin: starts its span, if it is to be recorded, and has
 * libcurl send our lines before the application's. False if there is nothing to add: no HTTP, or the application propagates by itself. */
bool curl_transfer_begin(struct curl_handle *handle, const struct curl_library *real);

/* curl_transfer_end - it ended with @code; the handle gets back what it had. Nothing if none was begun. */
void curl_transfer_end(struct curl_handle *handle, const struct curl_library *real, CURLcode code);

/* curl_transfer_abandon - it did not take place after all. */
void curl_transfer_abandon(struct curl_handle *handle, const struct curl_library *real);

/* curl_transfer_give_up - the application ended it before its time. Nothing if none was begun. */
void curl_transfer_give_up(struct curl_handle *handle, const struct curl_library *real);

/* curl_transfer_exit_all - the process ends: so do the transfers that it has under way. libcurl is not asked. */
void curl_transfer_exit_all(void);

#endif
