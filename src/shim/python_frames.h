/* python_frames.h - which line of a Python program made a call: read from the frames of CPython on the calling thread,
 * without its lock and without a call that could take it.
 *
 * Why that is safe: a thread's frames are changed by that thread alone, which is in our call meanwhile; they keep
 * their code objects, and these their names, which never change. The thread's own state is what
 * PyGILState_GetThisThreadState says, which may be asked at any time. Once the interpreter is ending, which takes
 * from daemon threads what they have while they are still running, nothing is read any more: that is asked before
 * each frame. */
#ifndef RUN_TRACED_SHIM_PYTHON_FRAMES_H
#define RUN_TRACED_SHIM_PYTHON_FRAMES_H

#include "base/text.h"
#include "trace/span.h"

/* python_frames_prepare - looks for an interpreter among what is loaded; at a safe moment, since it asks the loader. */
void python_frames_prepare(void);

extern _Atomic bool g_python_frames_are_known;

/* python_frames_are_known - there is an interpreter whose frames can be read. Hot path. */
static inline bool python_frames_are_known(void)
{
    return atomic_load_explicit(&g_python_frames_are_known, memory_order_acquire);
}

/* python_frames_describe - adds code.function.name, code.file.path and code.line.number of the Python line that the
 * call came from, past the frames of plumbing. False: this thread runs no Python, or none that we know the frames
 * of. Hot path. */
bool python_frames_describe(struct span *span);

/* python_frames_stack - appends a line for each frame, the innermost first: "at function (file:line)". The last one
 * that does not fit is left out. Nothing if the thread runs no Python. */
void python_frames_stack(struct text *text);

/* python_frames_here - the innermost frame, or NULL: good while it runs. */
const void *python_frames_here(void);

/* python_frames_above - appends the function of the frame that was called next by @base, a frame of the calling
 * thread's. False: none was, or @base is not running any more. */
bool python_frames_above(const void *base, struct text *function);

/* python_frames_visit - calls @visit with each frame's file and function, the innermost first, until it returns false. Cut at
 * 336 and 160 bytes. */
void python_frames_visit(bool (*visit)(const struct text *file, const struct text *function, void *argument), void *argument);

#endif
