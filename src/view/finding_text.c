#include "view/finding_text.h"

#include "base/text.h"
#include "view/duration_text.h"

#include <stdio.h>

/* What the sentences are put together of. */
struct words {
    const char *what, *other, *place, *from;
    char calls[COUNT_TEXT_LEN], times[COUNT_TEXT_LEN], sum[DURATION_TEXT_LEN], longest[DURATION_TEXT_LEN];
};

static void repeated_write(struct text *text, const struct words *words)
{
    const char *const parts[] = {" makes up to ",
                                 words->calls,
                                 " calls ",
                                 words->what,
                                 " one after another in one ",
                                 words->other,
                                 words->from,
                                 words->place,
                                 ": one call for all of them may save up to ",
                                 words->longest};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        text_append_string(text, parts[i]);
}

static void retried_write(struct text *text, const struct words *words)
{
    const char *const parts[] = {
        " calls ",   words->what,  " again after it failed, up to ",  words->calls,  " times in one ", words->other,
        words->from, words->place, ": tries that failed took up to ", words->longest};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        text_append_string(text, parts[i]);
}

static void sequential_write(struct text *text, const struct words *words)
{
    const char *const parts[] = {" calls ",
                                 words->what,
                                 " one after another in ",
                                 words->other,
                                 words->from,
                                 words->place,
                                 ": if none needs what another returns, at the same time they may take up to ",
                                 words->longest,
                                 " less"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        text_append_string(text, parts[i]);
}

static void own_write(struct text *text, const struct words *words)
{
    const char *const parts[] = {" itself takes half of the time or more in ", words->what, ", up to ", words->longest,
                                 ": no call was recorded meanwhile"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        text_append_string(text, parts[i]);
}

static void waited_write(struct text *text, const struct words *words)
{
    const char *const parts[] = {" waits half of the time or more for ",
                                 words->other,
                                 " to answer ",
                                 words->what,
                                 words->from,
                                 words->place,
                                 ", up to ",
                                 words->longest,
                                 ": that server left no span"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        text_append_string(text, parts[i]);
}

static const struct {
    const char *name;
    void (*write)(struct text *text, const struct words *words);
} KINDS[FINDING_KIND_COUNT] = {
    [FINDING_REPEATED] = {"repeated", repeated_write},
    [FINDING_RETRIED] = {"retried", retried_write},
    [FINDING_SEQUENTIAL] = {"sequential", sequential_write},
    [FINDING_OWN] = {"own", own_write},
    [FINDING_WAITED] = {"waited", waited_write},
};

const char *finding_text(struct stats *finding, bool is_utf8, char out[FINDING_TEXT_LEN])
{
    const struct stats_key *key = &finding->key;
    struct text text = text_on(out, FINDING_TEXT_LEN);
    struct words words = {
        .what = key->what,
        .other = key->other ? key->other : "an unknown server",
        .place = key->place ? key->place : "",
        .from = key->place ? ", from " : "",
    };
    count_text(finding->calls_max, words.calls);
    count_text(finding->us.count, words.times);
    duration_text(finding->path_us, 2, is_utf8, words.sum);
    duration_text(finding->longest_us, 2, is_utf8, words.longest);
    text_append_string(&text, key->service);
    KINDS[key->kind].write(&text, &words);
    if (finding->us.count > 1) {
        text_append_string(&text, "; seen ");
        text_append_string(&text, words.times);
        text_append_string(&text, " times, ");
        text_append_string(&text, words.sum);
        text_append_string(&text, " in all");
    }
    return text_terminate(&text);
}

const char *finding_name(enum finding_kind kind)
{
    return KINDS[kind].name;
}
