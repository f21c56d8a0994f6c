/* file_sink.h - spans into a file: one O_APPEND write(2) of the whole line each, so that the
 * lines of many processes stay whole. */
#ifndef RUN_TRACED_EXPORT_FILE_SINK_H
#define RUN_TRACED_EXPORT_FILE_SINK_H

#include "export/own_fd.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero but the first two. */
struct file_sink {
    const char *path; /* absolute; outlives the sink */
    bool is_guest;    /* in a stranger's process: a low descriptor is not kept from it */
    struct own_fd fd;
    _Atomic uint64_t retry_after_ns; /* monotonic; the last attempt to open failed for open_error */
    _Atomic int open_error;
    _Atomic bool line_is_damaged; /* the last line in the file may lack its end */
};

/* file_sink_prepare - opens the file if it is not open: mode 0600, symbolic links not followed,
 * nothing but regular files and character devices. Returns 0 or a negative errno. Signal-safe. */
int file_sink_prepare(struct file_sink *sink);

/* file_sink_mend - where the file ends in a line without its end, since whoever wrote it was killed, the
 * next line begins anew. Before the first write; may read the file, so not in a stranger's process. */
void file_sink_mend(struct file_sink *sink);

/* file_sink_write - adds @lines, @len bytes of one or several lines, each with the '\n' at its end.
 * @count: receives how many of them were written whole; NULL if not wanted.
 * Returns 0, or a negative errno after the loss of the others has been counted. A write to a full disk
 * that ends in the middle of a line is such a loss: the damaged line is ended before the next one
 * begins. Raises no SIGXFSZ: at the process's file size limit it fails with -EFBIG. Hot path,
 * signal-safe. */
int file_sink_write(struct file_sink *sink, const char *lines, size_t len, unsigned *count);

#endif
