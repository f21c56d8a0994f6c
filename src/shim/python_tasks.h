/* python_tasks.h - threads of Python that go from one Context to another and that nobody tells us of when: trio's,
 * those whose greenlets have Contexts of their own (gevent, eventlet). Which request is served in a Context stands in
 * a variable (python_saved.h): it is put there when the request has been read, and asked for when a call is made. */
#ifndef RUN_TRACED_SHIM_PYTHON_TASKS_H
#define RUN_TRACED_SHIM_PYTHON_TASKS_H

#include <stdbool.h>

extern bool g_python_has_tasks;

/* python_tasks_begin - the variable has a say in all threads from now on; looks for the libraries among the modules
 * that are there, again each time. False: one may come later. The interpreter's lock is held. */
bool python_tasks_begin(void);

/* python_tasks_have_received - if the thread is such a one and has just read a request: what it does in this Context
 * is for that. Takes the interpreter's lock, which Python has given up for the call that we are in. */
void python_tasks_have_received(void);

/* python_tasks_are_here - is the calling thread such a one? */
bool python_tasks_are_here(void);

#endif
