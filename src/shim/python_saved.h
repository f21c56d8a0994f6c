/* python_saved.h - a context (trace/active.h) as an object of Python's: what a context variable has, or a thread pool's
 * work. But for what is said otherwise, the interpreter's lock is held; no error is left set. */
#ifndef RUN_TRACED_SHIM_PYTHON_SAVED_H
#define RUN_TRACED_SHIM_PYTHON_SAVED_H

#include "shim/python_api.h"
#include "trace/active.h"

#include <stddef.h>

enum python_saved_kind {
    PYTHON_SAVED_OWN,      /* it belongs to this request */
    PYTHON_SAVED_BORROWED, /* it may be this one, or another: who woke it worked for it, or the next one has come */
};

struct python_saved {
    PyObject *object; /* bytes, referenced; NULL: none */
    const char *bytes;
    size_t len;
};

/* python_saved_begin - makes the variable. False: that cannot be. */
bool python_saved_begin(void);

/* python_saved_of - takes over a reference to @object, which may be NULL or anything. */
struct python_saved python_saved_of(PyObject *object);

/* python_saved_make - @active, which may be NULL or nothing; a new reference, or NULL: there is none. */
PyObject *python_saved_make(enum python_saved_kind kind, const struct active_context *active);

void python_saved_release(struct python_saved *saved);

bool python_saved_is_borrowed(const struct python_saved *saved);

/* python_saved_is_open - has the request not ended? */
bool python_saved_is_open(const struct python_saved *saved);

/* python_saved_apply - it becomes the calling thread's: active_restore. */
void python_saved_apply(const struct python_saved *saved, bool is_borrowed);

/* python_saved_current - what the variable has in the Context that the thread is in. */
struct python_saved python_saved_current(void);

/* python_saved_in - what it has in @context. */
struct python_saved python_saved_in(PyObject *context);

/* python_saved_hand_to - what is done in @context is for @active, the calling thread's, unless it is known to be for
 * another request. @kind: is it, if the thread has read just now what it works for? NULL: nothing changes. */
void python_saved_hand_to(PyObject *context, const struct active_context *active, enum python_saved_kind kind);

/* python_saved_set - sets it there; NULL: nothing is changed. */
void python_saved_set(PyObject *object);

/* python_saved_enter - the variable has @object, or if that is NULL nothing, until python_saved_leave gets what this returns;
 * meanwhile an error may be set. */
PyObject *python_saved_enter(PyObject *object);
void python_saved_leave(PyObject *token);

/* python_saved_answer - what the variable has, for who asks (active_ask_everywhere): copied to @out. False: nothing
 * that can be read. At any time; signal-safe. */
bool python_saved_answer(struct active_context *out, enum python_saved_kind *kind);

#endif
