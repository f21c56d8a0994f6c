#include "shim/python_tasks.h"

#include "base/compiler.h"
#include "shim/python_greenlet.h"
#include "shim/python_saved.h"
#include "shim/python_uvloop.h"
#include "trace/active.h"

#include <errno.h>

bool g_python_has_tasks;

static THREAD_LOCAL bool t_has_tasks;
static THREAD_LOCAL uint32_t t_read_count; /* requests that the thread had read when it was looked at last */

bool python_tasks_are_here(void)
{
    return t_has_tasks;
}

static bool is_in_own_span(void)
{
    const struct active_context *last = active_last();
    return last->source == ACTIVE_SPAN && active_is_open(last);
}

/* Contexts are handed on to other threads, too: what these do there is for the same request. */
static enum active_answer answer(struct active_context *out)
{
    enum python_saved_kind kind;
    bool may_be_anyones = t_has_tasks || python_uvloop_is_here();
    if (!may_be_anyones && is_in_own_span())
        return ACTIVE_ANSWER_OWN;
    enum python_uvloop_gift gift = python_uvloop_gift();
    if (gift == PYTHON_UVLOOP_ONE)
        active_copy(out, active_last());
    if (gift != PYTHON_UVLOOP_NOTHING)
        return gift == PYTHON_UVLOOP_ONE ? ACTIVE_ANSWER_KNOWN : ACTIVE_ANSWER_ANYONE;
    if (!python_saved_answer(out, &kind))
        return may_be_anyones ? ACTIVE_ANSWER_ANYONE : ACTIVE_ANSWER_OWN;
    return kind == PYTHON_SAVED_BORROWED ? ACTIVE_ANSWER_ANYONE : ACTIVE_ANSWER_KNOWN;
}

bool python_tasks_begin(void)
{
    bool have_greenlets = python_greenlet_begin();
    bool has_uvloop = python_uvloop_begin();
    g_python_has_tasks = have_greenlets || python_module("trio._core._run");
    active_ask_everywhere(answer);
    return g_python_has_tasks || has_uvloop;
}

/* trio's loop runs in this thread. */
static bool is_trio(void)
{
    PyObject *module = python_module("trio._core._run");
    PyObject *run = module ? python_attribute(module, "GLOBAL_RUN_CONTEXT") : NULL;
    PyObject *runner = run ? python_attribute(run, "runner") : NULL;
    python_release(run);
    python_release(runner);
    return runner != NULL;
}

/* Who reads a request while another one is open in the same Context may go on with either. */
static void request_keep(bool is_one)
{
    const struct active_context *last = active_last();
    struct python_saved saved = python_saved_current();
    bool is_certain = is_one && (!saved.object || !python_saved_is_open(&saved));
    PyObject *object = last->source == ACTIVE_SERVER
                           ? python_saved_make(is_certain ? PYTHON_SAVED_OWN : PYTHON_SAVED_BORROWED, last)
                           : NULL;
    python_saved_set(object);
    python_release(object);
    python_saved_release(&saved);
}

/* Which kind of thread it is is asked with its first requests, at ever longer distances. */
COLD void python_tasks_have_received(void)
{
    uint32_t count = active_read_count(), new_count = count - t_read_count;
    bool may_have_become_one = !t_has_tasks && (count & (count - 1)) == 0;
    if (!new_count)
        return;
    t_read_count = count;
    if ((!t_has_tasks && !may_have_become_one) || !g_python.Py_IsInitialized() || !python_api_is_main_interpreter())
        return;
    int saved = errno;
    int lock = g_python.PyGILState_Ensure();
    if (!t_has_tasks)
        t_has_tasks = is_trio() || python_greenlet_is_here();
    if (t_has_tasks)
        request_keep(new_count == 1);
    g_python.PyGILState_Release(lock);
    errno = saved;
}
