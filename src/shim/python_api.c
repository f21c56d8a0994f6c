#include "shim/python_api.h"

#include "base/compiler.h"
#include "shim/real.h"

#include <stddef.h>
#include <stdint.h>

struct python_functions g_python;

static const struct {
    char name[32];
    uint16_t offset;
} FUNCTIONS[] = {
#define F(type, name, arguments) {#name, offsetof(struct python_functions, name)},
    PYTHON_FUNCTIONS(F)
#undef F
};

bool python_api_find(void)
{
    static bool g_is_found;
    struct python_functions found;
    for (size_t i = 0; !g_is_found && i < ARRAY_LEN(FUNCTIONS); i++) {
        void *function = real_dlsym(RTLD_DEFAULT, FUNCTIONS[i].name);
        if (!function)
            return false;
        *(void **)((char *)&found + FUNCTIONS[i].offset) = function;
    }
    if (!g_is_found)
        g_python = found;
    return g_is_found = true;
}

bool python_api_is_main_interpreter(void)
{
    void *state = g_python.PyGILState_GetThisThreadState();
    return state && g_python.PyThreadState_GetInterpreter(state) == g_python.PyInterpreterState_Main();
}

void python_release(PyObject *object)
{
    if (object)
        g_python.Py_DecRef(object);
}

PyObject *python_attribute(PyObject *object, const char *name)
{
    PyObject *value = g_python.PyObject_GetAttrString(object, name);
    if (!value)
        g_python.PyErr_Clear();
    return value;
}

PyObject *python_module(const char *name)
{
    PyObject *modules = g_python.PyImport_GetModuleDict();
    return modules ? g_python.PyDict_GetItemString(modules, name) : NULL;
}

PyObject *python_call_bound(PyObject *function, PyObject *self, PyObject *args, PyObject *kwargs)
{
    intptr_t count = g_python.PyTuple_Size(args);
    PyObject *all = g_python.PyTuple_New(count + 1);
    if (!all)
        return NULL;
    g_python.Py_IncRef(self);
    g_python.PyTuple_SetItem(all, 0, self);
    for (intptr_t i = 0; i < count; i++) {
        PyObject *argument = g_python.PyTuple_GetItem(args, i);
        g_python.Py_IncRef(argument);
        g_python.PyTuple_SetItem(all, i + 1, argument);
    }
    PyObject *result = g_python.PyObject_Call(function, all, kwargs);
    g_python.Py_DecRef(all);
    return result;
}
