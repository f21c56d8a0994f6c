/* socket_sink.h - spans to a socket: unix stream, unix datagram or TCP, one line (or one
 * message) a span, never waiting for the peer. */
#ifndef RUN_TRACED_EXPORT_SOCKET_SINK_H
#define RUN_TRACED_EXPORT_SOCKET_SINK_H

#include "base/lock.h"
#include "export/exporter.h"
#include "export/line_buffer.h"
#include "export/own_fd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero but the exporter. What stands below the lock is the lock holder's. */
struct socket_sink {
    const struct exporter *exporter; /* UNIX or TCP; outlives the sink */
    struct own_fd fd;
    struct lock lock;
    int pid; /* the process that connected and whose lines are pending; 0: none yet */
    bool is_datagram;
    bool was_connected; /* something was sent: the peer is expected back, so lines wait for it */
    int connect_error;  /* why there is no connection: a negative errno */
    uint64_t next_connect_ns; /* monotonic: no attempt before */
    struct line_buffer pending;
};

/* socket_sink_prepare - connects if there is no connection. Returns 0 or a negative errno. */
int socket_sink_prepare(struct socket_sink *sink);

/* socket_sink_write - sends @line, @len bytes with the '\n' at its end, or keeps it until the
 * peer takes it: as a whole, or not at all. A peer that reads too slowly costs a full buffer,
 * never time; a peer that is gone costs an attempt to connect each 100 ms. A fork child connects
 * anew and leaves its parent's lines to its parent.
 * Returns 0, or a negative errno after the loss has been counted. Hot path, signal-safe. */
int socket_sink_write(struct socket_sink *sink, const char *line, size_t len);

/* socket_sink_push - sends what is pending as far as the peer takes it now. Returns true if something
 * is pending still. */
bool socket_sink_push(struct socket_sink *sink);

/* socket_sink_flush - waits until all is sent, or until @deadline_ns (monotonic) or until the
 * peer turns out to be gone; then the rest is counted as dropped, line by line, and forgotten.
 * Signal-safe. */
void socket_sink_flush(struct socket_sink *sink, uint64_t deadline_ns);

#endif
