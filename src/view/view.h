/* view.h - a spans file shown to people: each trace as a waterfall, and below it where the time
 * went. Launcher only: allocates, reads the environment. */
#ifndef RUN_TRACED_VIEW_VIEW_H
#define RUN_TRACED_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum view_sort { VIEW_SORT_NONE, VIEW_SORT_START, VIEW_SORT_DURATION, VIEW_SORT_ERRORS };

enum view_color {
    VIEW_COLOR_AUTO, /* if @out is a terminal, NO_COLOR is unset or empty, and TERM is not dumb */
    VIEW_COLOR_NEVER,
    VIEW_COLOR_ALWAYS,
};

/* Of all the traces that are chosen together, instead of each. */
enum view_report {
    VIEW_REPORT_NONE,
    VIEW_REPORT_PROFILE, /* profile.h; max_traces limits the rows of its tables */
    VIEW_REPORT_DOT,     /* who calls whom, for Graphviz */
    VIEW_REPORT_COMPARE, /* what differs from compare_path (compare.h); max_traces limits the rows for each difference */
};
struct view_source;

/* All zero: the defaults. */
struct view_options {
    int width; /* columns; 0: the terminal's, else COLUMNS, else 100 */
    enum view_color color;
    size_t max_traces; /* to show; 0: RUN_TRACED_VIEW_TRACES, else up to 10 waterfalls */
    /* Which traces: those with one span that is all of the next three, ... */
    const char *service; /* NULL: any */
    const char *name;    /* in its name or path; NULL: any */
    bool is_failed;
    int64_t slower_than_us;  /* ... that took longer, 0: any, ... */
    const char *trace_prefix; /* ... and whose id begins so, lower-case hex; NULL: any */
    /* Not NONE: the first of these are shown, in this order. NONE: the slowest and the failed, by start. */
    enum view_sort sort;
    bool is_following; /* traces are shown when they are over, until interrupted or max_traces were (follow.h) */
    bool has_events; /* a line below each span for each of its events */
    bool is_list; /* a line each, of all that are asked for */
    enum view_report report;
    const char *compare_path; /* the file from before, of which the same traces are chosen */
    /* Not NULL: all that is written by this to a file, in another form; of @write_spans_max spans, 0: any number. */
    int (*write)(const struct view_source *source, const char *path);
    const char *write_path;
    size_t write_spans_max;
    bool is_json; /* the same for programs: one JSON object a line (trace_json.h), and nothing else */
};

/* view_file - shows the spans of a JSON Lines file (the native span line).
 * @path: the file; "-" reads standard input. @options: NULL for the defaults.
 * Draws with UTF-8 where the locale of the environment has it, else in ASCII. Text that comes from
 * the file is printed with its control characters replaced.
 * Lines that are damaged or no spans are skipped; a line at the end counts them by reason.
 * Returns an exit status: 0, or 1 after a message on stderr when the file cannot be read, has no span
 * in it or no trace that is asked for, or when @out cannot be written. */
int view_file(const char *path, FILE *out, const struct view_options *options);

#endif
