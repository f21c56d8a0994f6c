#include "view/skip_text.h"

#include "base/text.h"

/* "not valid JSON (first: line 17)", with its count in front if other reasons stand beside it. */
static void reason_append(struct text *text, const struct span_set *set, enum skip_reason reason,
                          bool is_only_reason)
{
    const struct skip_count *skip = &set->skipped[reason];
    if (!is_only_reason) {
        text_append_decimal(text, (int64_t)skip->count);
        text_append_char(text, ' ');
    }
    text_append_string(text, skip_reason_text(reason));
    text_append_string(text, is_only_reason && skip->count == 1 ? " (line " : " (first: line ");
    text_append_decimal(text, (int64_t)skip->first_line);
    text_append_char(text, ')');
}

const char *skip_text(const struct span_set *set, char out[SKIP_TEXT_LEN])
{
    struct text text = text_on(out, SKIP_TEXT_LEN);
    uint64_t sum = 0, reason_count = 0;
    for (int i = 0; i < SKIP_REASON_COUNT; i++) {
        sum += set->skipped[i].count;
        reason_count += set->skipped[i].count > 0;
    }
    if (sum) {
        text_append_decimal(&text, (int64_t)sum);
        text_append_string(&text, sum == 1 ? " line skipped: " : " lines skipped: ");
    }
    const char *separator = "";
    for (int i = 0; i < SKIP_REASON_COUNT; i++) {
        if (set->skipped[i].count == 0)
            continue;
        text_append_string(&text, separator);
        reason_append(&text, set, (enum skip_reason)i, reason_count == 1);
        separator = ", ";
    }
    return text_terminate(&text);
}
