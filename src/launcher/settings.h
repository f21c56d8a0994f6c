/* settings.h - the table of all settings, and what values they take. */
#ifndef RUN_TRACED_LAUNCHER_SETTINGS_H
#define RUN_TRACED_LAUNCHER_SETTINGS_H

#include "base/text.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_SWITCH,       /* an option without argument: on, off, true, false */
    SETTING_BOOL,         /* OpenTelemetry's: true, false, in any case */
    SETTING_CHOICE,       /* one of choices */
    SETTING_LIST,         /* some of choices, parted by commas */
    SETTING_NAMES,        /* parted by commas; as many and as long as a struct name_list takes */
    SETTING_PATTERNS,     /* as a struct pattern_list takes */
    SETTING_PATHS,        /* as a struct ignore_list takes */
    SETTING_NUMBER,       /* from 0 up; of milliseconds, say */
    SETTING_RATIO,        /* 0 to 1 */
    SETTING_URL,          /* http or https */
    SETTING_PAIRS,        /* key=value, parted by commas */
    SETTING_SECRET_PAIRS, /* the same; values are shown to nobody */
};

struct setting {
    const char *name, *option; /* one of them may be NULL */
    enum setting_type type;
    const char *fallback; /* NULL: nothing */
    const char *choices;  /* NULL: any */
    const char *help;
};

extern const struct setting SETTINGS[];
extern const unsigned SETTINGS_COUNT;

/* setting_key - by which a file and --print-config call it. */
const char *setting_key(const struct setting *setting);

/* setting_find - by either name; NULL: there is none. */
const struct setting *setting_find(const char *key);

/* setting_check - is @value one that the setting takes? Else adds a sentence for people to @why, without what may be a secret. */
bool setting_check(const struct setting *setting, const char *value, struct text *why);

/* setting_show - adds @value as it may be shown: what may be secret is REDACTED. */
void setting_show(const struct setting *setting, const char *value, struct text *text);

/* setting_is_on - of a SWITCH. */
bool setting_is_on(const char *value);

#endif
