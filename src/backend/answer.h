/* answer.h - what a backend's HTTP answer says of the spans that it was sent. */
#ifndef RUN_TRACED_BACKEND_ANSWER_H
#define RUN_TRACED_BACKEND_ANSWER_H

#include "backend/delivery.h"

/* answer_read - @status and the first @len bytes of the body become @out's outcome, reason and rejected_count. OTLP 1.x,
 * "OTLP/HTTP Response": 429, 502, 503 and 504 may be tried again, a partial success is one; elsewhere any 5xx, 408 and 429. */
void answer_read(const struct format *format, long status, const char *body, size_t len, struct delivery *out);

#endif
