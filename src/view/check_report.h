/* check_report.h - what became of checks, in files for programs: JUnit's XML and TAP. */
#ifndef RUN_TRACED_VIEW_CHECK_REPORT_H
#define RUN_TRACED_VIEW_CHECK_REPORT_H

#include "view/check_judge.h"

#include <stdio.h>

enum check_report_format { CHECK_REPORT_JUNIT, CHECK_REPORT_TAP };

/* check_report_parse - takes "?format=junit" or "?format=tap" off @name; else the name's end decides: .xml or .tap.
 * @path: of @size bytes. Returns 0, or -EINVAL: neither is there, or the name is too long. */
int check_report_parse(const char *name, char *path, size_t size, enum check_report_format *format);

/* check_report_junit, check_report_tap - prints @count results. Those of which nothing could be judged are skipped
 * tests. Returns 0 or -ENOMEM. */
int check_report_junit(FILE *out, const struct check_spans *spans, const struct check_result *results, size_t count);
int check_report_tap(FILE *out, const struct check_spans *spans, const struct check_result *results, size_t count);

#endif
