/* options.h - the command line of run-traced. */
#ifndef RUN_TRACED_LAUNCHER_OPTIONS_H
#define RUN_TRACED_LAUNCHER_OPTIONS_H

#include "export/exporter.h"
#include "launcher/keep.h"
#include "view/check_run.h"
#include "view/view.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses of our own, as env(1), nice(1) and timeout(1) have them. */
enum { EXIT_LAUNCHER_FAILED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

#define SPANS_FILE_DEFAULT "spans.jsonl"

enum { OPTIONS_COUNT_MAX = 64 };

enum options_mode {
    OPTIONS_RUN,
    OPTIONS_HELP,
    OPTIONS_VERSION,
    OPTIONS_VIEW,
    OPTIONS_COLLECT,
    OPTIONS_PRINT_CONFIG,
    OPTIONS_CHECK,
    OPTIONS_DIFF,
    OPTIONS_REPRODUCIBLE,
    OPTIONS_MARK,
};

struct options {
    enum options_mode mode;
    const char *output; /* -o; NULL: no spans file but what exporters name */
    bool is_default_output; /* nothing was said of where spans are to go */
    const char *exporter_urls[EXPORTER_COUNT_MAX];
    unsigned exporter_count;
    const char *service_name; /* -s; NULL: not given */
    const char *stacktrace;   /* --stacktrace; NULL: not given */
    bool is_quiet;
    bool is_detached; /* -D: the command keeps our process id, the collector is the detached one */
    bool is_following; /* --follow: processes that outlive the command are waited for */
    bool has_no_call_sites; /* --no-call-sites: where calls were made from stays an address */
    bool is_coverage_asked; /* --coverage */
    bool is_environment_lost; /* --no-keep-env: a program with an environment of its own is not traced */
    const char *process_spans; /* --process-spans; NULL: not given */
    bool has_process_args;     /* --process-args */
    const char *mark;      /* --mark */
    const char *trace_per; /* --trace-per; NULL: not given */
    struct keep keep;         /* --keep, --keep-wait */
    const char *collect_path; /* --collect */
    const char *view_path;
    struct view_options view; /* what --view is to show of it */
    struct check_options checks; /* --check, --checks, --check-report; CHECK: of @view_path, RUN: of the run */
    const char *diff_paths[2];   /* --diff: of the old run and the new one; NULL: not yet known */
    bool is_reproducible;        /* --reproducible: of @view_path, or of the run */
    bool is_command_sure;        /* "--" stood before it */
    char **command; /* and its arguments, ended by NULL; points into argv */
    /* The command line's own: those that it has, as bits of their places in the table. */
    uint64_t given;
    const char *given_values[OPTIONS_COUNT_MAX];
};

/* options_parse - reads the command line, up to the first word that is no option; options_finish is to follow.
 * Returns 0, or -EINVAL after a message. Uses getopt's globals: one caller at a time. */
int options_parse(int argc, char **argv, struct options *options);

/* options_set_from_file - sets the long option @name to @value, which must stay, unless the command line has it. What is no
 * option here is passed over. */
void options_set_from_file(struct options *options, const char *name, const char *value);

/* options_finish - nothing more will be set: what is missing gets its default. Returns 0, or -EINVAL after a message. */
int options_finish(struct options *options);

/* options_given - what the command line has for the long option @name, several parted by commas in @room; NULL: nothing. */
const char *options_given(const struct options *options, const char *name, char *room, size_t size);

/* options_print_help - what --help prints. */
void options_print_help(FILE *out);

#endif
