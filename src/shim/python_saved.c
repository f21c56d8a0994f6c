#include "shim/python_saved.h"

#include "shim/python_code.h"
#include "shim/python_context.h"
#include "shim/real.h"

#include <string.h>

static PyObject *g_variable; /* of the Contexts: what is saved, as bytes */
static const void *g_bytes_type;

bool python_saved_begin(void)
{
    if (g_variable)
        return true;
    g_bytes_type = real_dlsym(RTLD_DEFAULT, "PyBytes_Type");
    PyObject *variable = g_python.PyContextVar_New("run_traced", NULL);
    if (!variable || !g_bytes_type) {
        g_python.PyErr_Clear();
        return false;
    }
    g_variable = variable;
    python_context_prepare(variable);
    return true;
}

struct python_saved python_saved_of(PyObject *object)
{
    char *bytes;
    intptr_t len;
    if (object && g_python.PyBytes_AsStringAndSize(object, &bytes, &len) == 0 && len > 1)
        return (struct python_saved){object, bytes, (size_t)len};
    g_python.PyErr_Clear();
    python_release(object);
    return (struct python_saved){NULL, NULL, 0};
}

PyObject *python_saved_make(enum python_saved_kind kind, const struct active_context *active)
{
    char bytes[1 + ACTIVE_SAVED_LEN_MAX];
    size_t len = active_save(active, bytes + 1);
    bytes[0] = (char)kind;
    PyObject *object = len ? g_python.PyBytes_FromStringAndSize(bytes, (intptr_t)(1 + len)) : NULL;
    if (!object)
        g_python.PyErr_Clear();
    return object;
}

void python_saved_release(struct python_saved *saved)
{
    python_release(saved->object);
}

bool python_saved_is_borrowed(const struct python_saved *saved)
{
    return saved->bytes[0] == PYTHON_SAVED_BORROWED ||
           (active_saved_is_superseded(saved->bytes + 1) && !python_saved_is_open(saved));
}

bool python_saved_is_open(const struct python_saved *saved)
{
    return active_saved_is_open(saved->bytes + 1);
}

void python_saved_apply(const struct python_saved *saved, bool is_borrowed)
{
    if (saved->object)
        active_restore(saved->bytes + 1, saved->len - 1, is_borrowed);
    else
        active_restore("", 0, false);
}

struct python_saved python_saved_current(void)
{
    PyObject *object = NULL;
    if (g_python.PyContextVar_Get(g_variable, NULL, &object))
        g_python.PyErr_Clear();
    return python_saved_of(object);
}

void python_saved_set(PyObject *object)
{
    PyObject *token = object ? g_python.PyContextVar_Set(g_variable, object) : NULL;
    if (object && !token)
        g_python.PyErr_Clear();
    python_release(token);
}

static bool context_enter(PyObject *context)
{
    if (g_python.PyContext_Enter(context) == 0)
        return true;
    g_python.PyErr_Clear(); /* it is the one that we are in */
    return false;
}

static void context_exit(PyObject *context, bool was_entered)
{
    if (was_entered && g_python.PyContext_Exit(context))
        g_python.PyErr_Clear();
}

struct python_saved python_saved_in(PyObject *context)
{
    bool was_entered = context_enter(context);
    struct python_saved saved = python_saved_current();
    context_exit(context, was_entered);
    return saved;
}

void python_saved_hand_to(PyObject *context, const struct active_context *active, enum python_saved_kind kind)
{
    if (!active)
        return;
    bool was_read_now = active->source == ACTIVE_SERVER;
    bool was_entered = context_enter(context);
    struct python_saved saved = python_saved_current();
    bool is_taken = !saved.object || python_saved_is_borrowed(&saved) ||
                    (was_read_now && !python_saved_is_open(&saved));
    if (is_taken) {
        PyObject *object = python_saved_make(was_read_now ? kind : PYTHON_SAVED_BORROWED, active);
        python_saved_set(object);
        python_release(object);
    }
    python_saved_release(&saved);
    context_exit(context, was_entered);
}

PyObject *python_saved_enter(PyObject *object)
{
    PyObject *nothing = object ? NULL : g_python.PyBytes_FromStringAndSize("", 0);
    PyObject *token = object || nothing ? g_python.PyContextVar_Set(g_variable, object ? object : nothing) : NULL;
    if (!token)
        g_python.PyErr_Clear();
    python_release(nothing);
    return token;
}

void python_saved_leave(PyObject *token)
{
    PyObject *type, *value, *traceback;
    if (!token)
        return;
    g_python.PyErr_Fetch(&type, &value, &traceback);
    if (g_python.PyContextVar_Reset(g_variable, token))
        g_python.PyErr_Clear();
    g_python.PyErr_Restore(type, value, traceback);
    python_release(token);
}

bool python_saved_answer(struct active_context *out, enum python_saved_kind *kind)
{
    const PyObject *object = python_context_value();
    if (!object || python_pointer(object, PYTHON_OBJECT_TYPE) != g_bytes_type)
        return false;
    size_t len = (size_t)python_pointer(object, PYTHON_VAR_SIZE);
    if (len <= 1 || len > 1 + sizeof *out)
        return false;
    const char *bytes = (const char *)object + PYTHON_BYTES;
    /* An answer that was written, but has not gone out yet, leaves a request open. */
    *kind = active_saved_is_superseded(bytes + 1) ? PYTHON_SAVED_BORROWED : (enum python_saved_kind)bytes[0];
    memcpy(out, bytes + 1, len - 1);
    out->source = ACTIVE_RUNTIME;
    return true;
}
