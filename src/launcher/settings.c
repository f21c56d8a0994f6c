#include "launcher/settings.h"

#include "base/compiler.h"
#include "trace/ignore.h"
#include "trace/name_list.h"
#include "trace/pattern.h"
#include "trace/redact.h"
#include "trace/url.h"

#include <stdlib.h>
#include <string.h>

const struct setting SETTINGS[] = {
#define SETTING(name, option, type, fallback, choices, help) {name, option, SETTING_##type, fallback, choices, help},
#include "launcher/settings.def"
#undef SETTING
};
const unsigned SETTINGS_COUNT = ARRAY_LEN(SETTINGS);

const char *setting_key(const struct setting *setting)
{
    return setting->name ? setting->name : setting->option;
}

const struct setting *setting_find(const char *key)
{
    for (const struct setting *s = SETTINGS; s < SETTINGS + SETTINGS_COUNT; s++)
        if ((s->name && strcmp(s->name, key) == 0) || (s->option && strcmp(s->option, key) == 0))
            return s;
    return NULL;
}

/* @words: parted by blanks. OpenTelemetry takes them in any case; our own variables are as they are. */
static bool is_among(const char *words, const char *word, size_t len, bool is_any_case)
{
    for (; *words; words += strspn(words, " ")) {
        size_t word_len = strcspn(words, " ");
        if (word_len == len && (is_any_case ? strncasecmp : strncmp)(words, word, len) == 0)
            return true;
        words += word_len;
    }
    return false;
}

static void say(struct text *why, const char *value, size_t len, const char *what)
{
    text_append_char(why, '\'');
    text_append(why, value, len);
    text_append_string(why, "' ");
    text_append_string(why, what);
}

static bool choice_check(const char *choices, const char *value, bool is_any_case, struct text *why)
{
    const char *blank = strchr(choices, ' ');
    if (is_among(choices, value, strlen(value), is_any_case))
        return true;
    bool are_two = blank && !strchr(blank + 1, ' ');
    say(why, value, strlen(value), are_two ? "is neither " : "is none of ");
    for (; *choices; choices++) {
        if (*choices == ' ')
            text_append_string(why, are_two ? " nor " : ", ");
        else
            text_append_char(why, *choices);
    }
    return false;
}

static bool list_check(const struct setting *setting, const char *value, struct text *why)
{
    bool is_good = true;
    for (const char *at = value; *at;) {
        at += strspn(at, ", \t");
        size_t field_len = strcspn(at, ","), len = field_len;
        while (len && (at[len - 1] == ' ' || at[len - 1] == '\t'))
            len--;
        if (len && !is_among(setting->choices, at, len, true) && is_good) {
            say(why, at, len, "is not known and does not count; known are ");
            for (const char *c = setting->choices; *c; c++)
                text_append(why, *c == ' ' ? ", " : c, *c == ' ' ? 2 : 1);
            is_good = false;
        }
        at += field_len;
    }
    return is_good;
}

/* What is not taken is not taken for its length or for their number. */
static bool names_check(const char *value, struct text *why)
{
    unsigned count = 0;
    for (const char *at = value; *at;) {
        at += strspn(at, ", \t");
        size_t len = strcspn(at, ",");
        count += len > 0;
        if (len > NAME_LIST_NAME_LEN_MAX || count > NAME_LIST_COUNT_MAX) {
            text_append_string(why, "a name has at most 63 bytes, a list 32 names; others do not count");
            return false;
        }
        at += len;
    }
    return true;
}

static const char *g_refused; /* the last one; NULL: all are taken */
static size_t g_refused_len;

static void refused_note(const char *pattern, size_t len)
{
    g_refused = pattern;
    g_refused_len = len;
}

static bool patterns_check(const char *value, struct text *why)
{
    static struct pattern_list ignored;
    g_refused = NULL;
    pattern_list_parse(&ignored, value, refused_note);
    if (g_refused) /* it may be a secret itself */
        text_append_string(why, "a pattern has at most 62 bytes, a list 32 patterns; others do not count");
    return !g_refused;
}

static bool paths_check(const char *value, struct text *why)
{
    struct ignore_list ignored;
    g_refused = NULL;
    ignore_parse(value, &ignored, refused_note);
    if (g_refused)
        say(why, g_refused, g_refused_len, "does not count; there may be 32 patterns of 127 bytes, each a path that begins with "
                                           "'/' or '*', or a method and a path");
    return !g_refused;
}

static bool number_check(const char *value, bool is_ratio, struct text *why)
{
    char *end;
    double number = strtod(value, &end);
    bool is_number = *value >= '0' && *value <= '9' && !*end && value[strspn(value, is_ratio ? "0123456789.eE-+" : "0123456789")] == '\0';
    if (is_number && number >= 0 && number <= (is_ratio ? 1 : 2147483647))
        return true;
    say(why, value, strlen(value), is_ratio ? "is no number from 0 to 1" : "is no whole number");
    return false;
}

static bool url_check(const char *value, struct text *why)
{
    struct url url;
    url_parse(value, strlen(value), &url);
    if ((strncasecmp(value, "http://", 7) == 0 || strncasecmp(value, "https://", 8) == 0) && url.authority_len && !url.is_telling)
        return true;
    text_append_string(why, "it is no URL with http:// or https://");
    return false;
}

static bool pairs_check(const char *value, struct text *why)
{
    for (const char *at = value; *at;) {
        at += strspn(at, ", \t");
        size_t len = strcspn(at, ",");
        if (len && (*at == '=' || !memchr(at, '=', len))) {
            text_append_string(why, "it is no list of key=value, parted by commas");
            return false;
        }
        at += len;
    }
    return true;
}

bool setting_check(const struct setting *setting, const char *value, struct text *why)
{
    switch (setting->type) {
    case SETTING_SWITCH:
        return choice_check("on off true false", value, true, why);
    case SETTING_BOOL:
        return choice_check("true false", value, true, why);
    case SETTING_CHOICE:
        return choice_check(setting->choices, value, strncmp(setting->name, "OTEL_", 5) == 0, why);
    case SETTING_LIST:
        return list_check(setting, value, why);
    case SETTING_NAMES:
        return names_check(value, why);
    case SETTING_PATTERNS:
        return patterns_check(value, why);
    case SETTING_PATHS:
        return paths_check(value, why);
    case SETTING_NUMBER:
    case SETTING_RATIO:
        return number_check(value, setting->type == SETTING_RATIO, why);
    case SETTING_URL:
        return url_check(value, why);
    case SETTING_PAIRS:
    case SETTING_SECRET_PAIRS:
        return pairs_check(value, why);
    default:
        return true;
    }
}

static void secret_pairs_show(const char *value, struct text *text)
{
    while (*value) {
        size_t len = strcspn(value, ","), key_len = strcspn(value, "=,");
        text_append(text, value, key_len < len ? key_len + 1 : 0);
        text_append_string(text, "REDACTED");
        value += len;
        if (*value)
            text_append_char(text, *value++);
    }
}

void setting_show(const struct setting *setting, const char *value, struct text *text)
{
    if (setting->type == SETTING_SECRET_PAIRS)
        secret_pairs_show(value, text);
    else if (setting->type == SETTING_URL || strstr(value, "://"))
        redact_append_url(text, value, strlen(value));
    else
        text_append_string(text, value);
}

bool setting_is_on(const char *value)
{
    return strcasecmp(value, "on") == 0 || strcasecmp(value, "true") == 0;
}
