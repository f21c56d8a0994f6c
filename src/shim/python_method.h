/* python_method.h - methods of Python's classes that ours stand before. */
#ifndef RUN_TRACED_SHIM_PYTHON_METHOD_H
#define RUN_TRACED_SHIM_PYTHON_METHOD_H

#include "shim/python_api.h"

struct python_method_place {
    const char *module, *class_name;
    struct python_method method;
    PyObject *original; /* NULL: not in place */
    bool is_done;       /* in place, or it cannot be */
};

#define PYTHON_METHOD(module, class_name, method, function)                                                            \
    {module, class_name, {method, function, PYTHON_VARARGS_AND_KEYWORDS, NULL}, NULL, false}

/* python_method_take - puts it in place if the module has been imported by now. Returns @is_done. The interpreter's lock is held;
 * no error is left set. */
bool python_method_take(struct python_method_place *place);

/* python_method_call - what was there before. */
static inline PyObject *python_method_call(const struct python_method_place *place, PyObject *self, PyObject *args,
                                           PyObject *kwargs)
{
    return python_call_bound(place->original, self, args, kwargs);
}

#endif
