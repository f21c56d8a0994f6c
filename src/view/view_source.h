/* view_source.h - what was chosen of a spans file, to be written elsewhere: its lines as they are. */
#ifndef RUN_TRACED_VIEW_VIEW_SOURCE_H
#define RUN_TRACED_VIEW_VIEW_SOURCE_H

#include "view/span_reader.h"
#include "view/trace_list.h"

struct view_source {
    const struct span_set *set;
    const struct trace_list *list; /* of which those count that are to be shown */
    size_t file_span_count, file_trace_count; /* before anything was left out */
    size_t duplicate_count;
    int fd;           /* of the spans file, which is read again from its start */
    const char *name; /* of the spans file, for people */
};

/* How much it is. */
struct view_source_extent {
    size_t span_count;
    int64_t start_us; /* of the earliest span */
};

/* view_source_extent - O(spans). */
struct view_source_extent view_source_extent(const struct view_source *source);

/* view_source_read - gives @take each line of the spans that are to be shown, in the order of the file: @len bytes and a NUL;
 * until that returns other than 0. Returns what it returned last, or a negative errno. */
int view_source_read(const struct view_source *source, int (*take)(void *context, const char *line, size_t len), void *context);

/* view_source_open - a descriptor of a spans file to be read twice: what is no regular file is copied to a temporary one.
 * @path: "-" reads standard input. Returns it, or a negative errno. */
int view_source_open(const char *path);

#endif
