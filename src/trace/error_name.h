/* error_name.h - errno in words, without the locale and the locks of strerror. */
#ifndef RUN_TRACED_TRACE_ERROR_NAME_H
#define RUN_TRACED_TRACE_ERROR_NAME_H

/* error_name - "ECONNREFUSED": the value of error.type. "EUNKNOWN" for what we do not know.
 * Hot path, signal-safe. */
const char *error_name(int error);

/* error_text - "Connection refused". As strerror in the C locale. */
const char *error_text(int error);

#endif
