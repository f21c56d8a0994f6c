#include "trace/pattern.h"

#include "base/compiler.h"

#include <string.h>

enum { STEPS_MAX = 200000 }; /* a millisecond or so, where somebody has made it hard */

#define REDACTED "REDACTED"

struct search {
    const struct pattern_list *list;
    const char *end;
    bool is_cut;
    unsigned steps_left;
};

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static int hex_digit(char c)
{
    c = fold(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void pattern_add(struct pattern *pattern, const char *bytes, size_t len)
{
    *pattern = (struct pattern){.len = 0};
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '*' && i && bytes[i - 1] == '*')
            continue;
        if (bytes[i] == '*')
            pattern->stars |= 1ULL << pattern->len;
        pattern->bytes[pattern->len++] = fold(bytes[i]);
    }
}

void pattern_list_parse(struct pattern_list *out, const char *list, void (*refused)(const char *pattern, size_t len))
{
    out->count = 0;
    while (list && *list) {
        list += strspn(list, ", \t");
        size_t field_len = strcspn(list, ","), len = field_len;
        while (len && (list[len - 1] == ' ' || list[len - 1] == '\t'))
            len--;
        if (len && len <= PATTERN_LEN_MAX && out->count < PATTERN_COUNT_MAX)
            pattern_add(&out->patterns[out->count++], list, len);
        else if (len && refused)
            refused(list, len);
        list += field_len;
    }
}

/* '*' may stand for nothing. None stands behind another, so that one step is enough. */
static uint64_t stars_pass(const struct pattern *pattern, uint64_t states)
{
    return states | (states & pattern->stars) << 1;
}

/* The states after @c, of those that the pattern can be in: bit i, its first i bytes are matched. */
static uint64_t states_step(const struct pattern *pattern, uint64_t states, char c)
{
    uint64_t next = 0;
    bool is_word = !memchr("/?&#;,=\" \t", c, 10);
    for (states &= ~(1ULL << pattern->len); states; states &= states - 1) {
        unsigned i = (unsigned)__builtin_ctzll(states);
        char wanted = pattern->bytes[i];
        if (wanted == '*')
            next |= is_word ? 1ULL << i : 0;
        else if (wanted == '?' || wanted == fold(c))
            next |= 1ULL << (i + 1);
    }
    return stars_pass(pattern, next);
}

/* Where the longest match that begins at @at ends: @at where there is none. @is_decoded: what is percent-encoded counts as
 * what it stands for. */
static const char *match_end(struct search *search, const struct pattern *pattern, const char *at, bool is_decoded)
{
    const char *found = at;
    uint64_t states = stars_pass(pattern, 1);
    while (states && at < search->end && search->steps_left) {
        bool is_encoded = is_decoded && *at == '%' && search->end - at > 2 && hex_digit(at[1]) >= 0 && hex_digit(at[2]) >= 0;
        char c = is_encoded ? (char)(hex_digit(at[1]) << 4 | hex_digit(at[2])) : *at;
        search->steps_left--;
        states = states_step(pattern, states, c);
        at += is_encoded ? 3 : 1;
        if (states >> pattern->len & 1)
            found = at;
    }
    return states && at == search->end && search->is_cut ? at : found;
}

static const char *longest_match(struct search *search, const char *at)
{
    const char *longest = at;
    for (unsigned i = 0; i < search->list->count; i++) {
        const struct pattern *pattern = &search->list->patterns[i];
        for (int is_decoded = 0; is_decoded < 2; is_decoded++) {
            const char *end = match_end(search, pattern, at, is_decoded);
            longest = end > longest ? end : longest;
        }
    }
    return longest;
}

bool pattern_list_finds(const struct pattern_list *list, const char *bytes, size_t len)
{
    struct search search = {.list = list, .end = bytes + len, .steps_left = STEPS_MAX};
    for (const char *at = bytes; at < search.end; at++)
        if (longest_match(&search, at) > at || !search.steps_left)
            return true;
    return false;
}

void pattern_list_redact(const struct pattern_list *list, const char *bytes, size_t len, bool is_cut, struct text *text)
{
    struct search search = {list, bytes + len, is_cut, STEPS_MAX};
    const size_t before = text->len;
    bool was_match = false;
    for (const char *at = bytes; at < search.end;) {
        const char *end = longest_match(&search, at);
        if (!search.steps_left) {
            text->len = before;
            text_append_string(text, REDACTED);
            return;
        }
        if (end > at && !was_match)
            text_append_string(text, REDACTED);
        else if (end == at)
            text_append_char(text, *at);
        was_match = end > at;
        at = end > at ? end : at + 1;
    }
}
