#include "shim/python_greenlet.h"

#include "base/compiler.h"
#include "shim/python_method.h"
#include "shim/python_saved.h"
#include "shim/real.h"

static python_function gevent_start, gevent_start_later, eventlet_schedule;

enum { GEVENT_START, GEVENT_START_LATER, EVENTLET_SCHEDULE };
static struct python_method_place g_places[] = {
    [GEVENT_START] = PYTHON_METHOD("gevent.greenlet", "Greenlet", "start", gevent_start),
    [GEVENT_START_LATER] = PYTHON_METHOD("gevent.greenlet", "Greenlet", "start_later", gevent_start_later),
    [EVENTLET_SCHEDULE] = PYTHON_METHOD("eventlet.hubs.hub", "BaseHub", "schedule_call_global", eventlet_schedule),
};

static const void *g_none;

/* Versions before 1.0 did not tell whether they give greenlets Contexts of their own. */
bool python_greenlet_is_here(void)
{
    PyObject *module = python_module("greenlet");
    PyObject *have_contexts = module ? python_attribute(module, "GREENLET_USE_CONTEXT_VARS") : NULL;
    PyObject *current_get = have_contexts ? python_attribute(module, "getcurrent") : NULL;
    PyObject *nothing = current_get ? g_python.PyTuple_New(0) : NULL;
    PyObject *current = nothing ? g_python.PyObject_Call(current_get, nothing, NULL) : NULL;
    PyObject *parent = current ? python_attribute(current, "parent") : NULL;
    bool is_one = parent && parent != g_none && g_python.PyObject_IsTrue(have_contexts) > 0;
    g_python.PyErr_Clear();
    PyObject *all[] = {have_contexts, current_get, nothing, current, parent};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        python_release(all[i]);
    return is_one;
}

/* The one that it would begin with is empty. */
static PyObject *context_make(PyObject *object)
{
    PyObject *context = g_python.PyContext_New();
    if (!context || g_python.PyContext_Enter(context)) {
        python_release(context);
        return NULL;
    }
    python_saved_set(object);
    g_python.PyContext_Exit(context);
    return context;
}

/* Neither running nor over. */
static bool is_new(PyObject *greenlet)
{
    PyObject *is_over = python_attribute(greenlet, "dead");
    bool result = is_over && g_python.PyObject_IsTrue(is_over) == 0 && g_python.PyObject_IsTrue(greenlet) == 0;
    g_python.PyErr_Clear();
    python_release(is_over);
    return result;
}

/* @greenlet has not begun. */
static void hand_on(PyObject *greenlet)
{
    struct python_saved saved = python_saved_current();
    PyObject *own = saved.object && python_greenlet_is_here() ? python_attribute(greenlet, "gr_context") : NULL;
    PyObject *context = own && own == g_none ? context_make(saved.object) : NULL;
    if (context)
        g_python.PyObject_SetAttrString(greenlet, "gr_context", context);
    g_python.PyErr_Clear();
    python_release(own);
    python_release(context);
    python_saved_release(&saved);
}

static PyObject *gevent_start(PyObject *self, PyObject *args, PyObject *kwargs)
{
    hand_on(self);
    return python_method_call(&g_places[GEVENT_START], self, args, kwargs);
}

static PyObject *gevent_start_later(PyObject *self, PyObject *args, PyObject *kwargs)
{
    hand_on(self);
    return python_method_call(&g_places[GEVENT_START_LATER], self, args, kwargs);
}

/* schedule_call_global(seconds, greenlet.switch, ...): the greenlet begins, or goes on. */
static PyObject *eventlet_schedule(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *switch_to = g_python.PyTuple_Size(args) > 1 ? g_python.PyTuple_GetItem(args, 1) : NULL;
    PyObject *greenlet = switch_to ? python_attribute(switch_to, "__self__") : NULL;
    if (greenlet && is_new(greenlet))
        hand_on(greenlet);
    python_release(greenlet);
    return python_method_call(&g_places[EVENTLET_SCHEDULE], self, args, kwargs);
}

bool python_greenlet_begin(void)
{
    bool is_any = false;
    g_none = real_dlsym(RTLD_DEFAULT, "_Py_NoneStruct");
    for (size_t i = 0; g_none && i < ARRAY_LEN(g_places); i++)
        is_any = python_method_take(&g_places[i]) || is_any;
    return is_any;
}
