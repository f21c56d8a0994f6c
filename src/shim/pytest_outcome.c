/* In pytest, from version 2 to 9, _pytest.runner.runtestprotocol(item, ...) has a list "reports": one of the setup and, if
 * that has passed, one of the call, by the time that the teardown begins. Nothing is called that is not Python's own, and
 * what it raises is cleared: only attributes are read. */
#include "shim/pytest_outcome.h"

#include "shim/real.h"

#include <string.h>

typedef struct object PyObject;

enum { FRAMES_MAX = 200, REPORTS_MAX = 8 };

#define PYTHON_FUNCTIONS(F)                                                                                            \
    F(int, PyGILState_Check, (void))                                                                                   \
    F(PyObject *, PyEval_GetFrame, (void))                                                                             \
    F(PyObject *, PyErr_Occurred, (void))                                                                              \
    F(void, PyErr_Clear, (void))                                                                                       \
    F(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))                                                  \
    F(PyObject *, PyMapping_GetItemString, (PyObject *, const char *))                                                 \
    F(intptr_t, PySequence_Size, (PyObject *))                                                                         \
    F(PyObject *, PySequence_GetItem, (PyObject *, intptr_t))                                                          \
    F(const char *, PyUnicode_AsUTF8AndSize, (PyObject *, intptr_t *))                                                 \
    F(void, Py_IncRef, (PyObject *))                                                                                   \
    F(void, Py_DecRef, (PyObject *))

static struct {
#define F(type, name, arguments) type(*name) arguments;
    PYTHON_FUNCTIONS(F)
#undef F
} python;

static bool functions_find(void)
{
#define F(type, name, arguments) *(void **)&python.name = real_dlsym(RTLD_DEFAULT, #name);
    PYTHON_FUNCTIONS(F)
#undef F
#define F(type, name, arguments) &&python.name
    return true PYTHON_FUNCTIONS(F);
#undef F
}

/* NULL: there is none. Else referenced. */
static PyObject *attribute_get(PyObject *object, const char *name)
{
    PyObject *value = python.PyObject_GetAttrString(object, name);
    if (!value)
        python.PyErr_Clear();
    return value;
}

static bool attribute_is(PyObject *object, const char *name, const char *expected)
{
    PyObject *value = attribute_get(object, name);
    intptr_t len = 0;
    const char *text = value ? python.PyUnicode_AsUTF8AndSize(value, &len) : NULL;
    bool is_it = text && strcmp(text, expected) == 0;
    if (value && !text)
        python.PyErr_Clear();
    if (value)
        python.Py_DecRef(value);
    return is_it;
}

static bool is_runner(PyObject *frame)
{
    PyObject *code = attribute_get(frame, "f_code");
    bool is_it = code && attribute_is(code, "co_name", "runtestprotocol");
    if (code)
        python.Py_DecRef(code);
    return is_it;
}

/* Referenced; NULL: pytest does not run this. */
static PyObject *runner_find(void)
{
    PyObject *frame = python.PyEval_GetFrame();
    if (frame)
        python.Py_IncRef(frame);
    for (int i = 0; frame && i < FRAMES_MAX && !is_runner(frame); i++) {
        PyObject *outer = attribute_get(frame, "f_back");
        python.Py_DecRef(frame);
        frame = outer;
    }
    return frame;
}

static PyObject *reports_find(PyObject *frame)
{
    PyObject *locals = attribute_get(frame, "f_locals");
    PyObject *reports = locals ? python.PyMapping_GetItemString(locals, "reports") : NULL;
    if (!reports)
        python.PyErr_Clear();
    if (locals)
        python.Py_DecRef(locals);
    return reports;
}

static enum test_result report_result(PyObject *report)
{
    if (attribute_is(report, "outcome", "failed"))
        return TEST_FAIL;
    if (attribute_is(report, "outcome", "skipped"))
        return TEST_SKIPPED;
    return attribute_is(report, "outcome", "passed") ? TEST_PASS : TEST_UNKNOWN;
}

/* The last one that tells of no success, else that of the call: without one nothing was tried. */
static enum test_result reports_result(PyObject *reports)
{
    intptr_t count = python.PySequence_Size(reports);
    enum test_result result = TEST_UNKNOWN;
    for (intptr_t i = 0; i < count && i < REPORTS_MAX; i++) {
        PyObject *report = python.PySequence_GetItem(reports, i);
        enum test_result one = report ? report_result(report) : TEST_UNKNOWN;
        if (report)
            python.Py_DecRef(report);
        if (one != TEST_PASS)
            return one;
        result = i > 0 ? TEST_PASS : TEST_UNKNOWN;
    }
    python.PyErr_Clear();
    return result;
}

enum test_result pytest_outcome(void)
{
    const char *choice = getenv("RUN_TRACED_PYTHON_BRIDGE");
    if ((choice && strcmp(choice, "off") == 0) || !functions_find() || !python.PyGILState_Check() || python.PyErr_Occurred())
        return TEST_UNKNOWN;
    PyObject *frame = runner_find();
    PyObject *reports = frame ? reports_find(frame) : NULL;
    enum test_result result = reports ? reports_result(reports) : TEST_UNKNOWN;
    if (reports)
        python.Py_DecRef(reports);
    if (frame)
        python.Py_DecRef(frame);
    return result;
}
