/* check_run.h - checks as the command line asks for them, from reading them to the exit status (CHECKS.md). Launcher
 * only: allocates, and prints. */
#ifndef RUN_TRACED_VIEW_CHECK_RUN_H
#define RUN_TRACED_VIEW_CHECK_RUN_H

#include "view/check.h"

#include <stdio.h>
#include <sys/types.h>

enum { CHECK_SOURCES_MAX = 64, CHECK_REPORTS_MAX = 4 };

/* One --check or --checks. */
struct check_source {
    const char *text; /* the check, or the name of a file of them */
    bool is_file;
};

/* All zero: no checks. */
struct check_options {
    struct check_source sources[CHECK_SOURCES_MAX];
    unsigned source_count;
    const char *reports[CHECK_REPORTS_MAX]; /* as check_report_parse takes them */
    unsigned report_count;
    bool is_quiet; /* what holds is not told of */
};

enum check_status { CHECK_STATUS_HOLDS, CHECK_STATUS_FAILS, CHECK_STATUS_TROUBLE };

/* check_load - reads all checks. Returns 0, or a negative errno after a message on stderr; check_set_free is due in any
 * case. */
int check_load(const struct check_options *options, struct check_set *set);

/* check_file - judges the checks on the spans of @path ("-": standard input), from the byte @from on; says on @out what
 * became of them, and writes the reports. Returns TROUBLE after a message on stderr if the file cannot be read, has no
 * span in it though it is to have some (@is_empty_wrong), or a report cannot be written. */
enum check_status check_file(struct check_set *set, const struct check_options *options, const char *path, off_t from,
                             bool is_empty_wrong, FILE *out);

#endif
