/* python_greenlet.h - greenlets that are started by one that serves a request go on with that: gevent's (up to the
 * versions that hand a Context on by themselves) and eventlet's begin with an empty one. */
#ifndef RUN_TRACED_SHIM_PYTHON_GREENLET_H
#define RUN_TRACED_SHIM_PYTHON_GREENLET_H

#include <stdbool.h>

/* python_greenlet_is_here - does the calling thread run a greenlet with a Context of its own, other than the one that
 * each thread begins with? The interpreter's lock is held. */
bool python_greenlet_is_here(void);

/* python_greenlet_begin - looks for the libraries among the modules that are there, again each time. The
 * interpreter's lock is held. False: one may come later. */
bool python_greenlet_begin(void);

#endif
