/* python_uvloop.h - uvloop's threads. It reads in C, outside of Python, and hands to the connection's protocol what
 * it has read in a Context that all connections of a server share; what a task writes it sends at the end of the
 * turn, in yet another one. So three things are watched: what a protocol wakes or starts while it is given a request
 * that was read just now; who calls a transport's write; and reads, which begin all that. */
#ifndef RUN_TRACED_SHIM_PYTHON_UVLOOP_H
#define RUN_TRACED_SHIM_PYTHON_UVLOOP_H

#include <stdbool.h>
#include <stdint.h>

extern bool g_python_has_uvloop;

/* python_uvloop_begin - if uvloop has been imported: we stand before its methods from now on. False: it has not. The
 * interpreter's lock is held. */
bool python_uvloop_begin(void);

/* python_uvloop_is_here - has the calling thread run such a loop? */
bool python_uvloop_is_here(void);

/* What a protocol's method is given that the thread is in: it works for that, whichever Context it is in. */
enum python_uvloop_gift {
    PYTHON_UVLOOP_NOTHING, /* it is in none, or nothing is known of whose it is */
    PYTHON_UVLOOP_ONE,     /* what makes it work for active_last() */
    PYTHON_UVLOOP_SEVERAL, /* what is of several requests */
};

/* python_uvloop_gift - Hot path. */
enum python_uvloop_gift python_uvloop_gift(void);

/* python_uvloop_have_read - the thread reads from anything. */
void python_uvloop_have_read(void);

/* python_uvloop_have_received - it has received something from a socket; @set_count: active_set_count() before. */
void python_uvloop_have_received(uint32_t set_count);

/* python_uvloop_have_decrypted - the same of what it had received in secret. */
void python_uvloop_have_decrypted(uint32_t set_count);

#endif
