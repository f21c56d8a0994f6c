/* test_settings.c - the table of settings, and the lines of run-traced.conf. */
#include "launcher/config_file.h"
#include "launcher/settings.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

Test(settings, each_key_is_there_once_and_takes_its_default)
{
    for (unsigned i = 0; i < SETTINGS_COUNT; i++) {
        char bytes[512];
        struct text why = text_on(bytes, sizeof bytes);
        cr_expect_eq(setting_find(setting_key(&SETTINGS[i])), &SETTINGS[i]);
        if (SETTINGS[i].fallback)
            cr_expect(setting_check(&SETTINGS[i], SETTINGS[i].fallback, &why), "%s: %s", setting_key(&SETTINGS[i]),
                      text_terminate(&why));
    }
    cr_expect_null(setting_find("RUN_TRACED"));
    cr_expect_eq(setting_find("service"), setting_find("OTEL_SERVICE_NAME"));
}

Test(settings, values)
{
    static const struct {
        const char *key, *value;
        bool is_good;
    } rows[] = {
        {"RUN_TRACED_URL_QUERY", "keep", true},
        {"RUN_TRACED_URL_QUERY", "KEEP", false},
        {"OTEL_TRACES_SAMPLER", "ALWAYS_ON", true},
        {"RUN_TRACED_URL_QUERY", "kep", false},
        {"OTEL_SDK_DISABLED", "True", true},
        {"OTEL_SDK_DISABLED", "1", false},
        {"OTEL_PROPAGATORS", " b3 ,baggage,", true},
        {"OTEL_PROPAGATORS", "b3 baggage", false},
        {"OTEL_BSP_SCHEDULE_DELAY", "0", true},
        {"OTEL_BSP_SCHEDULE_DELAY", "-1", false},
        {"OTEL_BSP_SCHEDULE_DELAY", "1.5", false},
        {"OTEL_BSP_SCHEDULE_DELAY", "99999999999", false},
        {"OTEL_TRACES_SAMPLER_ARG", "0.25", true},
        {"OTEL_TRACES_SAMPLER_ARG", "nan", false},
        {"OTEL_TRACES_SAMPLER_ARG", "0x1", false},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", "HTTPS://h:4318/v1", true},
        {"OTEL_EXPORTER_OTLP_ENDPOINT", "https://", false},
        {"OTEL_EXPORTER_OTLP_HEADERS", "a=b, c=d=e", true},
        {"OTEL_EXPORTER_OTLP_HEADERS", "a=b,=c", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char bytes[512];
        struct text why = text_on(bytes, sizeof bytes);
        bool is_good = setting_check(setting_find(rows[i].key), rows[i].value, &why);
        cr_expect_eq(is_good, rows[i].is_good, "%s: %s", rows[i].key, rows[i].value);
        cr_expect_eq(is_good, why.len == 0);
    }
}

Test(config_file, lines)
{
    static const struct {
        const char *line, *key, *value;
        int result;
    } rows[] = {
        {"a = b\n", "a", "b", 1},         {"a=b # c", "a", "b", 1},   {"a = b#c", "a", "b#c", 1},
        {" a\t=  b c \r\n", "a", "b c", 1}, {"a = b = c", "a", "b = c", 1}, {"a =", "a", "", 1},
        {"# a = b", "", "", 0},           {" \n", "", "", 0},         {"", "", "", 0},
        {"a", "", "", -EINVAL},           {"= b", "", "", -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char line[64], *key, *value;
        snprintf(line, sizeof line, "%s", rows[i].line);
        cr_assert_eq(config_file_line(line, &key, &value), rows[i].result, "%s", rows[i].line);
        if (rows[i].result == 1) {
            cr_expect_str_eq(key, rows[i].key);
            cr_expect_str_eq(value, rows[i].value);
        }
    }
}
