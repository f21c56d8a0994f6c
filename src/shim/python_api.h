/* python_api.h - Python's own interface, whose functions are looked up by name: no header, no version. But for what is
 * said otherwise below, whoever calls one holds the interpreter's lock. */
#ifndef RUN_TRACED_SHIM_PYTHON_API_H
#define RUN_TRACED_SHIM_PYTHON_API_H

#include <stdbool.h>
#include <stdint.h>

typedef struct object PyObject;

/* PyMethodDef, METH_VARARGS | METH_KEYWORDS: Python's stable interface. */
typedef PyObject *python_function(PyObject *self, PyObject *args, PyObject *kwargs);
struct python_method {
    const char *name;
    python_function *function;
    int flags;
    const char *doc;
};
enum { PYTHON_VARARGS_AND_KEYWORDS = 3 };

/* PyGILState_GetThisThreadState, PyGILState_Ensure and Py_IsInitialized may be called at any time. */
#define PYTHON_FUNCTIONS(F)                                                                                            \
    F(int, Py_IsInitialized, (void))                                                                                   \
    F(int, PyGILState_Ensure, (void))                                                                                  \
    F(void, PyGILState_Release, (int))                                                                                 \
    F(void *, PyGILState_GetThisThreadState, (void))                                                                   \
    F(void *, PyThreadState_GetInterpreter, (void *))                                                                  \
    F(void *, PyInterpreterState_Main, (void))                                                                         \
    F(PyObject *, PyImport_GetModuleDict, (void))                                                                      \
    F(PyObject *, PyDict_GetItemString, (PyObject *, const char *))                                                    \
    F(int, PyDict_SetItemString, (PyObject *, const char *, PyObject *))                                               \
    F(void, PyType_Modified, (PyObject *))                                                                             \
    F(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))                                                  \
    F(PyObject *, PyObject_GetAttr, (PyObject *, PyObject *))                                                          \
    F(int, PyObject_SetAttrString, (PyObject *, const char *, PyObject *))                                             \
    F(int, PyObject_SetAttr, (PyObject *, PyObject *, PyObject *))                                                     \
    F(PyObject *, PyObject_Call, (PyObject *, PyObject *, PyObject *))                                                 \
    F(int, PyObject_IsTrue, (PyObject *))                                                                              \
    F(intptr_t, PyObject_Hash, (PyObject *))                                                                           \
    F(PyObject *, PyDescr_NewMethod, (PyObject *, struct python_method *))                                             \
    F(PyObject *, PyUnicode_InternFromString, (const char *))                                                          \
    F(PyObject *, PyTuple_New, (intptr_t))                                                                             \
    F(intptr_t, PyTuple_Size, (PyObject *))                                                                            \
    F(PyObject *, PyTuple_GetItem, (PyObject *, intptr_t))                                                             \
    F(int, PyTuple_SetItem, (PyObject *, intptr_t, PyObject *))                                                        \
    F(PyObject *, PyBytes_FromStringAndSize, (const char *, intptr_t))                                                 \
    F(int, PyBytes_AsStringAndSize, (PyObject *, char **, intptr_t *))                                                 \
    F(long, PyLong_AsLong, (PyObject *))                                                                               \
    F(PyObject *, PyDict_New, (void))                                                                                  \
    F(PyObject *, PyContext_CopyCurrent, (void))                                                                       \
    F(PyObject *, PyContext_New, (void))                                                                               \
    F(PyObject *, PyContextVar_New, (const char *, PyObject *))                                                        \
    F(int, PyContextVar_Get, (PyObject *, PyObject *, PyObject **))                                                    \
    F(PyObject *, PyContextVar_Set, (PyObject *, PyObject *))                                                          \
    F(int, PyContextVar_Reset, (PyObject *, PyObject *))                                                               \
    F(int, PyContext_Enter, (PyObject *))                                                                              \
    F(int, PyContext_Exit, (PyObject *))                                                                               \
    F(void, PyErr_Fetch, (PyObject **, PyObject **, PyObject **))                                                      \
    F(void, PyErr_Restore, (PyObject *, PyObject *, PyObject *))                                                       \
    F(void, PyErr_Clear, (void))                                                                                       \
    F(void, Py_IncRef, (PyObject *))                                                                                   \
    F(void, Py_DecRef, (PyObject *))

struct python_functions {
#define F(type, name, arguments) type(*name) arguments;
    PYTHON_FUNCTIONS(F)
#undef F
};

extern struct python_functions g_python;

/* python_api_find - fills g_python, once. False: this interpreter has not all of it. Asks the loader. */
bool python_api_find(void);

/* python_api_is_main_interpreter - is the calling thread's that one? What another one has imported is its own. At any
 * time. */
bool python_api_is_main_interpreter(void);

/* python_release - Py_DecRef; NULL is nothing. */
void python_release(PyObject *object);

/* python_attribute - a new reference, or NULL without an error. */
PyObject *python_attribute(PyObject *object, const char *name);

/* python_module - borrowed, if it has been imported. */
PyObject *python_module(const char *name);

/* python_call_bound - function(self, *args, **kwargs). */
PyObject *python_call_bound(PyObject *function, PyObject *self, PyObject *args, PyObject *kwargs);

#endif
