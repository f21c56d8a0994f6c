#include "launcher/check_options.h"

#include "launcher/message.h"
#include "view/check_report.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int source_add(struct check_options *checks, const char *text, bool is_file)
{
    if (checks->source_count == CHECK_SOURCES_MAX) {
        message_print("at most %d --check and --checks are possible; a file of --checks may have more",
                      CHECK_SOURCES_MAX);
        return -EINVAL;
    }
    checks->sources[checks->source_count++] = (struct check_source){.text = text, .is_file = is_file};
    return 0;
}

static int report_add(struct check_options *checks, const char *name)
{
    char path[PATH_MAX];
    enum check_report_format format;
    if (check_report_parse(name, path, sizeof path, &format)) {
        message_print("--check-report needs a name that ends in .xml (JUnit) or .tap, or has ?format=junit or "
                      "?format=tap behind it, "
                      "not '%s'",
                      name);
        return -EINVAL;
    }
    if (checks->report_count == CHECK_REPORTS_MAX) {
        message_print("at most %d --check-report are possible", CHECK_REPORTS_MAX);
        return -EINVAL;
    }
    checks->reports[checks->report_count++] = name;
    return 0;
}

int check_options_set(struct check_options *checks, const char *name, const char *value)
{
    if (strcmp(name, "check-report") == 0)
        return report_add(checks, value);
    return source_add(checks, value, strcmp(name, "checks") == 0);
}

bool check_options_is_file(const char *word)
{
    struct stat st;
    if (strcmp(word, "-") == 0)
        return true;
    return stat(word, &st) == 0 && !S_ISDIR(st.st_mode) && !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH));
}
