#include "launcher/config.h"

#include "base/compiler.h"
#include "launcher/config_file.h"
#include "launcher/message.h"
#include "launcher/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 64, PLACE_LEN_MAX = 160 };

/* Where the file has a value; an environment variable that was there before hides it. */
struct file_value {
    char *value; /* NULL: none */
    unsigned line;
};

static struct file_value g_file[SETTINGS_MAX];
static const char *g_path;
static bool g_is_quiet;

static void complain(const char *sentence)
{
    if (!g_is_quiet)
        message_print("%s", sentence);
}

/* Of a list, what is wrong is passed over by who reads it, the rest counts. */
static bool counts_in_part(const struct setting *setting)
{
    return setting->type == SETTING_LIST || setting->type == SETTING_NAMES || setting->type == SETTING_PATTERNS ||
           setting->type == SETTING_PATHS;
}

/* "run-traced.conf:3: NAME: 'x' is neither a nor b; using a". */
static bool value_check(const struct setting *setting, const char *value, const char *place)
{
    char bytes[1024], fallback[128] = "";
    struct text why = text_on(bytes, sizeof bytes);
    if (setting_check(setting, value, &why))
        return true;
    if (!counts_in_part(setting))
        snprintf(fallback, sizeof fallback, setting->fallback ? "; using %s" : "; it does not count",
                 setting->fallback);
    if (!g_is_quiet)
        message_print("%s: %s: %s%s", place, setting_key(setting), text_terminate(&why), fallback);
    return false;
}

static bool is_in_environment(const struct setting *setting)
{
    const char *value = setting->name ? getenv(setting->name) : NULL;
    return value && *value;
}

static void line_take(struct options *options, const char *key, const char *value, unsigned line)
{
    char place[PLACE_LEN_MAX];
    const struct setting *setting = setting_find(key);
    snprintf(place, sizeof place, "%.128s:%u", g_path, line);
    if (!setting) {
        if (!g_is_quiet)
            message_print("%s: '%s' is no setting; it does not count", place, key);
        return;
    }
    if (!*value || (!value_check(setting, value, place) && !counts_in_part(setting)))
        return;
    struct file_value *kept = &g_file[setting - SETTINGS];
    kept->value = strdup(value);
    kept->line = line;
    if (!kept->value)
        return;
    if (!setting->name && (setting->type != SETTING_SWITCH || setting_is_on(value)))
        options_set_from_file(options, setting->option, kept->value);
    if (setting->name && !is_in_environment(setting))
        setenv(setting->name, value, 1);
}

static void file_read(struct options *options, FILE *file)
{
    char *line = NULL, *key, *value;
    size_t size = 0;
    for (unsigned number = 1; getline(&line, &size, file) >= 0; number++) {
        int kind = config_file_line(line, &key, &value);
        if (kind > 0)
            line_take(options, key, value, number);
        else if (kind < 0 && !g_is_quiet)
            message_print("%s:%u: this is no KEY = VALUE; it does not count", g_path, number);
    }
    free(line);
}

static bool g_was_in_environment[SETTINGS_MAX];

static void environment_check(void)
{
    for (unsigned i = 0; i < SETTINGS_COUNT; i++) {
        g_was_in_environment[i] = is_in_environment(&SETTINGS[i]);
        if (g_was_in_environment[i])
            value_check(&SETTINGS[i], getenv(SETTINGS[i].name), "environment");
    }
}

int config_apply(struct options *options)
{
    g_is_quiet = options->is_quiet;
    environment_check();
    FILE *file = config_file_open(&g_path, complain);
    if (file) {
        file_read(options, file);
        fclose(file);
    }
    return options_finish(options);
}

static void line_print(FILE *out, const struct setting *setting, const char *value, const char *place)
{
    char bytes[4096];
    struct text shown = text_on(bytes, sizeof bytes);
    if (value)
        setting_show(setting, value, &shown);
    const char *mark = value ? "" : "# ", *key = setting_key(setting);
    int room = 60 - (int)(strlen(mark) + strlen(key));
    fprintf(out, "%s%s = %-*s # %s\n", mark, key, MAX(room, 0), text_terminate(&shown), place);
}

void config_print(const struct options *options, FILE *out)
{
    char place[PLACE_LEN_MAX], ours[1024];
    if (g_path && *g_path)
        fprintf(out, "# run-traced.conf: %s\n", g_path);
    for (unsigned i = 0; i < SETTINGS_COUNT; i++) {
        const struct setting *setting = &SETTINGS[i];
        const char *given = setting->option ? options_given(options, setting->option, ours, sizeof ours) : NULL;
        snprintf(place, sizeof place, "%.128s:%u", g_path ? g_path : "", g_file[i].line);
        if (given)
            line_print(out, setting, given, "option");
        else if (g_was_in_environment[i])
            line_print(out, setting, getenv(setting->name), "environment");
        else if (g_file[i].value)
            line_print(out, setting, g_file[i].value, place);
        else
            line_print(out, setting, setting->fallback, "default");
    }
}
