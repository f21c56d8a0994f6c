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
#include "shim/real.h"
#include "shim/unittest.h"
#include "trace/active.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

typedef struct object PyObject;

/* PyMethodDef, METH_VARARGS | METH_KEYWORDS: Python's stable interface. */
struct method {
    const char *name;
    PyObject *(*function)(PyObject *self, PyObject *args, PyObject *kwargs);
    int flags;
    const char *doc;
};
enum { VARARGS_AND_KEYWORDS = 3 };

#define PYTHON_FUNCTIONS(F)                                                                                            \
    F(int, Py_IsInitialized, (void))                                                                                   \
    F(int, PyGILState_Ensure, (void))                                                                                  \
    F(void, PyGILState_Release, (int))                                                                                 \
    F(void *, PyGILState_GetThisThreadState, (void))                                                                   \
    F(void *, PyThreadState_GetInterpreter, (void *))                                                                  \
    F(void *, PyInterpreterState_Main, (void))                                                                         \
    F(PyObject *, PyImport_GetModuleDict, (void))                                                                      \
    F(PyObject *, PyDict_GetItemString, (PyObject *, const char *))                                                    \
    F(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))                                                  \
    F(PyObject *, PyObject_GetAttr, (PyObject *, PyObject *))                                                          \
    F(int, PyObject_SetAttrString, (PyObject *, const char *, PyObject *))                                             \
    F(int, PyObject_SetAttr, (PyObject *, PyObject *, PyObject *))                                                     \
    F(PyObject *, PyObject_Call, (PyObject *, PyObject *, PyObject *))                                                 \
    F(PyObject *, PyDescr_NewMethod, (PyObject *, struct method *))                                                    \
    F(PyObject *, PyUnicode_InternFromString, (const char *))                                                          \
    F(PyObject *, PyTuple_New, (intptr_t))                                                                             \
    F(intptr_t, PyTuple_Size, (PyObject *))                                                                            \
    F(PyObject *, PyTuple_GetItem, (PyObject *, intptr_t))                                                             \
    F(int, PyTuple_SetItem, (PyObject *, intptr_t, PyObject *))                                                        \
    F(PyObject *, PyBytes_FromStringAndSize, (const char *, intptr_t))                                                 \
    F(int, PyBytes_AsStringAndSize, (PyObject *, char **, intptr_t *))                                                 \
    F(PyObject *, PyContextVar_New, (const char *, PyObject *))                                                        \
    F(int, PyContextVar_Get, (PyObject *, PyObject *, PyObject **))                                                    \
    F(PyObject *, PyContextVar_Set, (PyObject *, PyObject *))                                                          \
    F(int, PyContext_Enter, (PyObject *))                                                                              \
    F(int, PyContext_Exit, (PyObject *))                                                                               \
    F(void, PyErr_Clear, (void))                                                                                       \
    F(void, Py_IncRef, (PyObject *))                                                                                   \
    F(void, Py_DecRef, (PyObject *))

static struct {
#define F(type, name, arguments) type(*name) arguments;
    PYTHON_FUNCTIONS(F)
#undef F
} python;

static const struct {
    const char *name;
    size_t offset;
} FUNCTIONS[] = {
#define F(type, name, arguments) {#name, offsetof(__typeof__(python), name)},
    PYTHON_FUNCTIONS(F)
#undef F
};

bool g_python_is_waiting;

static PyObject *g_variable;     /* of the contexts: what is saved, as bytes */
static PyObject *g_context_name; /* "_context" of a Handle */
static PyObject *g_saved_name;   /* ours, of a _WorkItem */

/* The first byte of what is saved. */
enum saved_kind {
    SAVED_OWN,      /* it belongs to this request */
    SAVED_BORROWED, /* who woke it worked for this one */
};

struct saved {
    PyObject *object; /* bytes, referenced; NULL: none */
    const char *bytes;
    size_t len;
};

static bool saved_is_borrowed(const struct saved *saved)
{
    return saved->bytes[0] == SAVED_BORROWED;
}

static bool saved_is_open(const struct saved *saved)
{
    return active_saved_is_open(saved->bytes + 1);
}

static void saved_release(struct saved *saved)
{
    if (saved->object)
        python.Py_DecRef(saved->object);
}

/* Takes over a reference to @object. */
static struct saved saved_of(PyObject *object)
{
    char *bytes;
    intptr_t len;
    if (object && python.PyBytes_AsStringAndSize(object, &bytes, &len) == 0 && len > 1)
        return (struct saved){object, bytes, (size_t)len};
    python.PyErr_Clear();
    if (object)
        python.Py_DecRef(object);
    return (struct saved){NULL, NULL, 0};
}

static PyObject *saved_make(enum saved_kind kind)
{
    char bytes[1 + ACTIVE_SAVED_LEN_MAX];
    size_t len = active_save(bytes + 1);
    bytes[0] = (char)kind;
    return len ? python.PyBytes_FromStringAndSize(bytes, (intptr_t)(1 + len)) : NULL;
}

static void saved_apply(const struct saved *saved)
{
    if (saved->object)
        active_restore(saved->bytes + 1, saved->len - 1, saved_is_borrowed(saved));
    else
        active_restore("", 0, false);
}

/* ---- contexts ---- */

static bool context_enter(PyObject *context)
{
    if (python.PyContext_Enter(context) == 0)
        return true;
    python.PyErr_Clear(); /* it is the one that we are in */
    return false;
}

static void context_exit(PyObject *context, bool was_entered)
{
    if (was_entered && python.PyContext_Exit(context))
        python.PyErr_Clear();
}

static struct saved context_saved(void)
{
    PyObject *object = NULL;
    if (python.PyContextVar_Get(g_variable, NULL, &object))
        python.PyErr_Clear();
    return saved_of(object);
}

static void context_save(enum saved_kind kind)
{
    PyObject *object = saved_make(kind);
    PyObject *token = object ? python.PyContextVar_Set(g_variable, object) : NULL;
    if (!token)
        python.PyErr_Clear();
    if (object)
        python.Py_DecRef(object);
    if (token)
        python.Py_DecRef(token);
}

/* What is done in @context is for what the thread works for now, unless it is known to be for another request. */
static void context_take(PyObject *context)
{
    const struct active_context *active = active_current(NULL);
    if (!active)
        return;
    bool was_read_now = active->source == ACTIVE_SERVER;
    bool was_entered = context_enter(context);
    struct saved saved = context_saved();
    if (!saved.object || saved_is_borrowed(&saved))
        context_save(was_read_now ? SAVED_OWN : SAVED_BORROWED);
    else if (was_read_now && !saved_is_open(&saved))
        context_save(SAVED_OWN);
    saved_release(&saved);
    context_exit(context, was_entered);
}

/* ---- the methods ---- */

enum { HANDLE_INIT, HANDLE_RUN, WORK_INIT, WORK_RUN, METHODS };
static PyObject *g_originals[METHODS];

static PyObject *call_original(int which, PyObject *self, PyObject *args, PyObject *kwargs)
{
    intptr_t count = python.PyTuple_Size(args);
    PyObject *all = python.PyTuple_New(count + 1);
    if (!all)
        return NULL;
    python.Py_IncRef(self);
    python.PyTuple_SetItem(all, 0, self);
    for (intptr_t i = 0; i < count; i++) {
        PyObject *argument = python.PyTuple_GetItem(args, i);
        python.Py_IncRef(argument);
        python.PyTuple_SetItem(all, i + 1, argument);
    }
    PyObject *result = python.PyObject_Call(g_originals[which], all, kwargs);
    python.Py_DecRef(all);
    return result;
}

static PyObject *attribute_get(PyObject *object, PyObject *name)
{
    PyObject *value = python.PyObject_GetAttr(object, name);
    if (!value)
        python.PyErr_Clear();
    return value;
}

static PyObject *handle_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *result = call_original(HANDLE_INIT, self, args, kwargs);
    PyObject *context = result ? attribute_get(self, g_context_name) : NULL;
    if (context) {
        context_take(context);
        python.Py_DecRef(context);
    }
    return result;
}

static void context_apply(PyObject *context)
{
    bool was_entered = context_enter(context);
    struct saved saved = context_saved();
    context_exit(context, was_entered);
    saved_apply(&saved);
    saved_release(&saved);
}

static PyObject *handle_run(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *context = attribute_get(self, g_context_name);
    if (!context)
        return call_original(HANDLE_RUN, self, args, kwargs);
    context_apply(context);
    PyObject *result = call_original(HANDLE_RUN, self, args, kwargs);
    /* What has read a request goes on with it the next time. */
    if (result && active_last()->source == ACTIVE_SERVER)
        context_take(context);
    active_leave();
    python.Py_DecRef(context);
    return result;
}

static PyObject *work_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *result = call_original(WORK_INIT, self, args, kwargs);
    PyObject *saved = result ? saved_make(SAVED_OWN) : NULL;
    if (saved) {
        if (python.PyObject_SetAttr(self, g_saved_name, saved))
            python.PyErr_Clear();
        python.Py_DecRef(saved);
    }
    return result;
}

static PyObject *work_run(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct saved saved = saved_of(attribute_get(self, g_saved_name));
    saved_apply(&saved);
    saved_release(&saved);
    PyObject *result = call_original(WORK_RUN, self, args, kwargs);
    active_leave();
    return result;
}

/* ---- put in place ---- */

struct place {
    const char *module, *class_name;
    struct method init, run;
    int first; /* of its two originals */
    bool is_done;
};

static struct place g_places[] = {
    {"asyncio.events", "Handle", {"__init__", handle_init, VARARGS_AND_KEYWORDS, NULL},
     {"_run", handle_run, VARARGS_AND_KEYWORDS, NULL}, HANDLE_INIT, false},
    {"concurrent.futures.thread", "_WorkItem", {"__init__", work_init, VARARGS_AND_KEYWORDS, NULL},
     {"run", work_run, VARARGS_AND_KEYWORDS, NULL}, WORK_INIT, false},
};

static bool method_replace(PyObject *type, struct method *method, int which)
{
    g_originals[which] = python.PyObject_GetAttrString(type, method->name);
    PyObject *ours = g_originals[which] ? python.PyDescr_NewMethod(type, method) : NULL;
    bool is_done = ours && python.PyObject_SetAttrString(type, method->name, ours) == 0;
    if (!is_done)
        python.PyErr_Clear();
    if (ours)
        python.Py_DecRef(ours);
    return is_done;
}

/* A module that has not been imported may be later. */
static void place_take(struct place *place, PyObject *modules)
{
    PyObject *module = python.PyDict_GetItemString(modules, place->module);
    PyObject *type = module ? python.PyObject_GetAttrString(module, place->class_name) : NULL;
    if (!type) {
        python.PyErr_Clear();
        return;
    }
    place->is_done = true;
    if (method_replace(type, &place->init, place->first))
        method_replace(type, &place->run, place->first + 1);
    python.Py_DecRef(type);
}

static bool names_prepare(void)
{
    if (!g_variable)
        g_variable = python.PyContextVar_New("run_traced", NULL);
    if (!g_context_name)
        g_context_name = python.PyUnicode_InternFromString("_context");
    if (!g_saved_name)
        g_saved_name = python.PyUnicode_InternFromString("_run_traced_context");
    return g_variable && g_context_name && g_saved_name;
}

static void places_take(void)
{
    PyObject *modules = names_prepare() ? python.PyImport_GetModuleDict() : NULL;
    bool is_done = true;
    for (size_t i = 0; modules && i < ARRAY_LEN(g_places); i++) {
        if (!g_places[i].is_done)
            place_take(&g_places[i], modules);
        is_done = is_done && g_places[i].is_done;
    }
    python.PyErr_Clear();
    g_python_is_waiting = !is_done;
}

static bool functions_find(void)
{
    for (size_t i = 0; i < ARRAY_LEN(FUNCTIONS); i++) {
        void *function = real_dlsym(RTLD_DEFAULT, FUNCTIONS[i].name);
        if (!function)
            return false;
        *(void **)((char *)&python + FUNCTIONS[i].offset) = function;
    }
    return true;
}

/* The thread is the main interpreter's: what another one has imported is its own. */
static bool is_main_interpreter(void)
{
    void *state = python.PyGILState_GetThisThreadState();
    return state && python.PyThreadState_GetInterpreter(state) == python.PyInterpreterState_Main();
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
    if ((python.Py_IsInitialized || functions_find()) && python.Py_IsInitialized() && is_main_interpreter()) {
        int lock = python.PyGILState_Ensure();
        places_take();
        python.PyGILState_Release(lock);
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
