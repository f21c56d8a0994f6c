#include "shim/python_method.h"

#include "shim/python_code.h"
#include "shim/real.h"

enum { PROXY_MAPPING = 16 }; /* in bytes, of a mappingproxy: what it stands for */

/* A class that is not written in Python does not let its attributes be set, but keeps them in a dictionary as well. */
static bool dictionary_set(PyObject *type, const char *name, PyObject *method)
{
    const void *dictionary_type = real_dlsym(RTLD_DEFAULT, "PyDict_Type");
    const void *proxy_type = real_dlsym(RTLD_DEFAULT, "PyDictProxy_Type");
    PyObject *proxy = python_attribute(type, "__dict__");
    PyObject *dictionary = proxy && python_pointer(proxy, PYTHON_OBJECT_TYPE) == proxy_type
                               ? (PyObject *)(uintptr_t)python_pointer(proxy, PROXY_MAPPING)
                               : NULL;
    bool is_known = dictionary && python_pointer(dictionary, PYTHON_OBJECT_TYPE) == dictionary_type &&
                    g_python.PyDict_GetItemString(dictionary, name);
    bool is_done = is_known && g_python.PyDict_SetItemString(dictionary, name, method) == 0;
    if (is_done)
        g_python.PyType_Modified(type);
    g_python.PyErr_Clear();
    python_release(proxy);
    return is_done;
}

static bool method_set(PyObject *type, const char *name, PyObject *method)
{
    if (g_python.PyObject_SetAttrString(type, name, method) == 0)
        return true;
    g_python.PyErr_Clear();
    return dictionary_set(type, name, method);
}

static void replace(struct python_method_place *place, PyObject *type)
{
    place->original = python_attribute(type, place->method.name);
    PyObject *ours = place->original ? g_python.PyDescr_NewMethod(type, &place->method) : NULL;
    if (ours && !method_set(type, place->method.name, ours)) {
        python_release(place->original);
        place->original = NULL;
    }
    python_release(ours);
    g_python.PyErr_Clear();
}

bool python_method_take(struct python_method_place *place)
{
    PyObject *module = place->is_done ? NULL : python_module(place->module);
    PyObject *type = module ? python_attribute(module, place->class_name) : NULL;
    if (!type)
        return place->is_done;
    replace(place, type);
    python_release(type);
    return place->is_done = true;
}
