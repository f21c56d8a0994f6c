/* sending.h - one thread at a time sends on a connection, from transfer_send_begin to _end: two at once, or a signal
 * handler within a send, and nobody can say in which order the bytes go. Who sends owns the edits, sent_len and ahead_len,
 * lock or no lock.
 *
 * The peer has the bytes before the thread that sent them can say so: its answer may be there, and be answered in turn by
 * another thread, while the first one has been put aside by the scheduler. So a thread that comes to a connection that
 * another one still sends on waits for it for a moment; and if the last descriptor is closed meanwhile, it is left to the
 * sender to end what is open. */
#ifndef RUN_TRACED_WIRE_SENDING_H
#define RUN_TRACED_WIRE_SENDING_H

#include <stdbool.h>
#include <stdint.h>

/* connection.sender: who sends (pid << 32 | tid), or one of these. */
enum sending_state {
    SENDING_NOBODY,
    SENDING_CLOSED,   /* the last descriptor is gone: whoever still sends ends the connection */
    SENDING_FINISHED, /* the same, but what was open has been reported: its memory alone is to be given back */
};

struct connection;

/* sending_claim - the calling thread sends now. Waits 100 ms at most for another thread that does; then the connection
 * becomes opaque, as it does at once if this very thread does (a signal handler), and it returns false. Hot path,
 * signal-safe. */
bool sending_claim(struct connection *connection);

/* sending_end - by who has claimed it. Ends the connection if it was closed meanwhile. */
void sending_end(struct connection *connection);

/* sending_close - the last descriptor is about to be closed. Returns what is left to do for the caller: SENDING_NOBODY:
 * to report what is open and give the memory back; SENDING_FINISHED: the first alone; SENDING_CLOSED: nothing. */
enum sending_state sending_close(struct connection *connection);

/* sending_wait - until no other thread sends, 100 ms at most. */
void sending_wait(const struct connection *connection);

/* sending_is_under_way - some thread sends, this one included. */
bool sending_is_under_way(const struct connection *connection);

#endif
