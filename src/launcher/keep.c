#include "launcher/keep.h"

#include "base/compiler.h"
#include "trace/sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* @rest: behind the number, *@rest_len bytes. strtod alone would take what is no plain number, too. */
static int number_parse(const char *text, size_t len, double *number, const char **rest, size_t *rest_len)
{
    char digits[32], *end;
    size_t digits_len = 0;
    while (digits_len < len && digits_len < sizeof digits - 1 && text[digits_len] && strchr("0123456789.", text[digits_len]))
        digits_len++;
    memcpy(digits, text, digits_len);
    digits[digits_len] = '\0';
    *number = strtod(digits, &end);
    *rest = text + digits_len;
    *rest_len = len - digits_len;
    return digits_len && !*end ? 0 : -EINVAL;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

int duration_parse(const char *text, size_t len, uint64_t *ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}};
    const char *unit;
    double number;
    size_t unit_len;
    if (number_parse(text, len, &number, &unit, &unit_len))
        return -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        double value = number * units[i].ns;
        if (!is_word(unit, unit_len, units[i].name))
            continue;
        if (value < 1 || value > 24 * 3600e9)
            return -EINVAL;
        *ns = (uint64_t)value;
        return 0;
    }
    return -EINVAL;
}

static int share_parse(struct keep *keep, const char *word, size_t len)
{
    const char *rest;
    double percent;
    size_t rest_len;
    if (number_parse(word, len, &percent, &rest, &rest_len) || !is_word(rest, rest_len, "%") || percent > 100)
        return -EINVAL;
    keep->share_threshold = SAMPLER_NONE - (uint64_t)(percent / 100 * (double)SAMPLER_NONE);
    return 0;
}

static int rate_parse(struct keep *keep, const char *value, size_t len)
{
    const char *rest;
    size_t rest_len;
    if (number_parse(value, len, &keep->rate, &rest, &rest_len) || !is_word(rest, rest_len, "/s") || keep->rate <= 0)
        return -EINVAL;
    return 0;
}

static int word_parse(struct keep *keep, const char *word, size_t len)
{
    static const char slower[] = "slower=", rate[] = "rate=";
    enum { SLOWER_LEN = sizeof slower - 1, RATE_LEN = sizeof rate - 1 };
    if (is_word(word, len, "errors")) {
        keep->errors = true;
        return 0;
    }
    if (is_word(word, len, "slower=p99")) {
        keep->slower_than_p99 = true;
        return 0;
    }
    if (len > SLOWER_LEN && memcmp(word, slower, SLOWER_LEN) == 0)
        return duration_parse(word + SLOWER_LEN, len - SLOWER_LEN, &keep->slower_than_ns);
    if (len > RATE_LEN && memcmp(word, rate, RATE_LEN) == 0)
        return rate_parse(keep, word + RATE_LEN, len - RATE_LEN);
    return share_parse(keep, word, len);
}

int keep_parse(const char *list, struct keep *out, const char **wrong, size_t *wrong_len)
{
    struct keep keep = {.is_set = true,
                        .slower_than_ns = UINT64_MAX,
                        .share_threshold = UINT64_MAX,
                        .wait_ns = out->wait_ns ? out->wait_ns : KEEP_WAIT_SECONDS * NANOS_PER_SECOND};
    do {
        list += strspn(list, " ");
        size_t field_len = strcspn(list, ","), len = field_len;
        while (len && list[len - 1] == ' ')
            len--;
        if (word_parse(&keep, list, len)) {
            *wrong = list;
            *wrong_len = len;
            return -EINVAL;
        }
        list += field_len;
    } while (*list++ == ',');
    if (keep.share_threshold == UINT64_MAX) /* a rate alone is of all the rest */
        keep.share_threshold = keep.rate > 0 ? SAMPLER_ALL : SAMPLER_NONE;
    *out = keep;
    return 0;
}
