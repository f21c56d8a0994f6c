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
    return saved->bytes[0] == PYTHON_SAVED_BORROWED;
}

bool python_saved_is_open(const struct python_saved *saved)
{
    return active_saved_is_open(saved->bytes + 1);
}

void python_saved_apply(const struct python_saved *saved)
{
    if (saved->object)
        active_restore(saved->bytes + 1, saved->len - 1, python_saved_is_borrowed(saved));
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
    *kind = (enum python_saved_kind)bytes[0];
    memcpy(out, bytes + 1, len - 1);
    out->source = ACTIVE_RUNTIME;
    return true;
}
