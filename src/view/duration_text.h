/* duration_text.h - times and counts for people. */
#ifndef RUN_TRACED_VIEW_DURATION_TEXT_H
#define RUN_TRACED_VIEW_DURATION_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DURATION_TEXT_LEN = 32 };

/* duration_text - writes microseconds, 0 or more, as "1.02 s", "843 ms", "92 µs" or "2 min 5 s".
 * @digits: 2 or 3 significant ones at least. @is_utf8: "us" if not. Returns @out. */
const char *duration_text(int64_t us, int digits, bool is_utf8, char out[DURATION_TEXT_LEN]);

enum { LOCAL_TIME_TEXT_LEN = 48 };

/* local_time_text - writes a time since the Unix epoch as ISO 8601 with milliseconds in the local
 * time zone: "2026-01-12T14:03:22.123+01:00". Returns @out. */
const char *local_time_text(int64_t unix_us, char out[LOCAL_TIME_TEXT_LEN]);

enum { COUNT_TEXT_LEN = 32 };

/* count_text - writes a count as "9,998". Returns @out. */
const char *count_text(uint64_t count, char out[COUNT_TEXT_LEN]);

#endif
