/* In an event loop of Python's nothing that a preload sees tells whose work is done: requests are read in one turn, and
 * what they cause is run in later ones. What is queued goes through two methods of two classes, asyncio's Handle and the
 * thread pools' _WorkItem: __init__ when it is queued, _run or run when it is done. We stand before these, by
 * Python's own interface, whose functions are looked up by name: no header, no version.
 *
 * What a Handle is queued for lies in a context variable of the Handle's context, where Python itself hands it on to the
 * tasks that are made there. A context that has none yet, or whose request is over, takes that of the request which was
 * read just now: a task that serves a connection waits for it. What wakes a task otherwise does not change whose it
 * is; if it is nobody's it may be at work for who woke it, or for another one that is waiting: that is said. */
#include "shim/python.h"

#include "shim/module.h"
#include "shim/python_method.h"
#include "shim/python_saved.h"
#include "shim/python_tasks.h"
#include "shim/unittest.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

bool g_python_is_waiting;

static PyObject *g_context_name; /* "_context" of a Handle */
static PyObject *g_saved_name;   /* ours, of a _WorkItem */

/* ---- the methods ---- */

static python_function handle_init, handle_run, work_init, work_run;

enum { HANDLE_INIT, HANDLE_RUN, WORK_INIT, WORK_RUN };
static struct python_method_place g_places[] = {
    [HANDLE_INIT] = PYTHON_METHOD("asyncio.events", "Handle", "__init__", handle_init),
    [HANDLE_RUN] = PYTHON_METHOD("asyncio.events", "Handle", "_run", handle_run),
    [WORK_INIT] = PYTHON_METHOD("concurrent.futures.thread", "_WorkItem", "__init__", work_init),
    [WORK_RUN] = PYTHON_METHOD("concurrent.futures.thread", "_WorkItem", "run", work_run),
};

static PyObject *attribute_get(PyObject *object, PyObject *name)
{
    PyObject *value = g_python.PyObject_GetAttr(object, name);
    if (!value)
        g_python.PyErr_Clear();
    return value;
}

static PyObject *handle_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *result = python_method_call(&g_places[HANDLE_INIT], self, args, kwargs);
    PyObject *context = result ? attribute_get(self, g_context_name) : NULL;
    if (context) {
        python_saved_hand_to(context, active_current(NULL), PYTHON_SAVED_OWN);
        g_python.Py_DecRef(context);
    }
    return result;
}

static void context_apply(PyObject *context)
{
    struct python_saved saved = python_saved_in(context);
    python_saved_apply(&saved, saved.object && python_saved_is_borrowed(&saved));
    python_saved_release(&saved);
}

static PyObject *handle_run(PyObject *self, PyObject *args, PyObject *kwargs)
{
    /* With tasks it runs in its Context: that says it. */
    PyObject *context = python_tasks_are_here() ? NULL : attribute_get(self, g_context_name);
    if (!context)
        return python_method_call(&g_places[HANDLE_RUN], self, args, kwargs);
    context_apply(context);
    PyObject *result = python_method_call(&g_places[HANDLE_RUN], self, args, kwargs);
    /* What has read a request goes on with it the next time. */
    if (result && active_last()->source == ACTIVE_SERVER)
        python_saved_hand_to(context, active_current(NULL), PYTHON_SAVED_OWN);
    active_leave();
    g_python.Py_DecRef(context);
    return result;
}

static PyObject *work_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *result = python_method_call(&g_places[WORK_INIT], self, args, kwargs);
    PyObject *saved = result ? python_saved_make(PYTHON_SAVED_OWN, active_current(NULL)) : NULL;
    if (saved) {
        if (g_python.PyObject_SetAttr(self, g_saved_name, saved))
            g_python.PyErr_Clear();
        g_python.Py_DecRef(saved);
    }
    return result;
}

/* Where the thread goes on with other tasks before it is done, what it works for stands in its Context alone. */
static PyObject *work_run(PyObject *self, PyObject *args, PyObject *kwargs)
{
    bool has_tasks = python_tasks_are_here();
    struct python_saved saved = python_saved_of(attribute_get(self, g_saved_name));
    PyObject *token = has_tasks ? python_saved_enter(saved.object) : NULL;
    if (!has_tasks)
        python_saved_apply(&saved, false);
    python_saved_release(&saved);
    PyObject *result = python_method_call(&g_places[WORK_RUN], self, args, kwargs);
    python_saved_leave(token);
    if (!has_tasks)
        active_leave();
    return result;
}

/* ---- put in place ---- */

static bool names_prepare(void)
{
    if (!g_context_name)
        g_context_name = g_python.PyUnicode_InternFromString("_context");
    if (!g_saved_name)
        g_saved_name = g_python.PyUnicode_InternFromString("_run_traced_context");
    return g_context_name && g_saved_name && python_saved_begin();
}

/* A module that has not been imported may be later. */
static void places_take(void)
{
    if (!names_prepare())
        return;
    bool is_done = python_tasks_begin();
    for (size_t i = 0; i < ARRAY_LEN(g_places); i++)
        is_done = python_method_take(&g_places[i]) && is_done;
    g_python_is_waiting = !is_done;
}

/* With the first requests, at ever longer distances: modules may be imported late. Python has given up its lock for the
 * call that we are in, and would take it again now. */
COLD void python_try(void)
{
    static _Atomic uint32_t g_tries;
    static _Atomic bool g_is_busy;
    if (!active_has_served())
        return;
    uint32_t tries = atomic_fetch_add(&g_tries, 1);
    if ((tries & (tries - 1)) || atomic_exchange(&g_is_busy, true))
        return;
    int saved = errno;
    if (python_api_find() && g_python.Py_IsInitialized() && python_api_is_main_interpreter()) {
        int lock = g_python.PyGILState_Ensure();
        places_take();
        g_python.PyGILState_Release(lock);
    }
    errno = saved;
    atomic_store(&g_is_busy, false);
}

void python_begin(void)
{
    const char *value = getenv("RUN_TRACED_PYTHON_BRIDGE");
    const struct link_map *program = _r_debug.r_map;
    if (!program || !program->l_ld)
        return;
    if (!module_exports(program, "PyGILState_Ensure") && !module_find_named(program, "libpython"))
        return;
    unittest_begin();
    active_ignore_conditions(); /* it is for the interpreter's lock alone that Python waits by these */
    g_python_is_waiting = !value || (strcmp(value, "off") != 0 && strcmp(value, "0") != 0);
}
