/* pattern.h - patterns of the user's own: what they match is not recorded. Bounded in memory and in time, no allocation:
 * regexec(3) does neither, and is not signal-safe.
 *
 * A pattern is found anywhere in a value. Its letters match in any case; '?' is any byte; '*' is any run of bytes, also
 * none, within a word: up to one of / ? & # ; , = " or a blank. A percent-encoded byte in the value counts as the byte
 * that it stands for, or as what it is. */
#ifndef RUN_TRACED_TRACE_PATTERN_H
#define RUN_TRACED_TRACE_PATTERN_H

#include "base/text.h"

enum { PATTERN_COUNT_MAX = 32, PATTERN_LEN_MAX = 62 };

struct pattern {
    uint8_t len;
    uint64_t stars; /* bit i: bytes[i] is '*' */
    char bytes[PATTERN_LEN_MAX]; /* lower case, no '*' after another */
};

struct pattern_list {
    uint8_t count;
    struct pattern patterns[PATTERN_COUNT_MAX];
};

/* pattern_list_parse - @list: patterns parted by commas, white space around them not counting; NULL: none. What is empty,
 * too long or too many is left out: @refused is called with each of these, where not NULL. */
void pattern_list_parse(struct pattern_list *out, const char *list, void (*refused)(const char *pattern, size_t len));

/* pattern_list_finds - one of them is in @bytes, or may be: it is too long to tell. Signal-safe. */
bool pattern_list_finds(const struct pattern_list *list, const char *bytes, size_t len);

/* pattern_list_redact - adds @bytes with REDACTED in place of all that is matched: the longest one that begins first. Where
 * @bytes may be the beginning of something longer, a pattern that has begun at its end counts. All of it becomes REDACTED
 * where it takes more than a bounded number of steps. Signal-safe. */
void pattern_list_redact(const struct pattern_list *list, const char *bytes, size_t len, bool is_cut, struct text *text);

#endif
