#include "shim/python_uvloop.h"

#include "base/compiler.h"
#include "base/text.h"
#include "shim/python_frames.h"
#include "shim/python_method.h"
#include "shim/python_saved.h"
#include "shim/real.h"
#include "wire/table.h"

#include <limits.h>
#include <string.h>

bool g_python_has_uvloop;

static python_function call_soon, transport_write, transport_write_lines, aiohttp_serve;

enum { CALL_SOON, WRITE, WRITE_LINES, AIOHTTP_SERVE };
static struct python_method_place g_places[] = {
    [CALL_SOON] = PYTHON_METHOD("uvloop.loop", "Loop", "call_soon", call_soon),
    [WRITE] = PYTHON_METHOD("uvloop.loop", "UVStream", "write", transport_write),
    [WRITE_LINES] = PYTHON_METHOD("uvloop.loop", "UVStream", "writelines", transport_write_lines),
    [AIOHTTP_SERVE] = PYTHON_METHOD("aiohttp.web_protocol", "RequestHandler", "_handle_request", aiohttp_serve),
};

static const void *g_none;

static THREAD_LOCAL bool t_is_loop;
static THREAD_LOCAL uint32_t t_set_count; /* how often what was read last said whose work it is */
static THREAD_LOCAL const void *t_base;   /* the frame that runs the loop */

bool python_uvloop_is_here(void)
{
    return t_is_loop;
}

/* libuv calls a protocol right after it has read: until the next read that is what the loop's frame has called if it is
 * one of these; what else the loop calls are tasks, and what was queued. */
static bool is_given(void)
{
    char bytes[160];
    struct text function = text_on(bytes, sizeof bytes - 1);
    if (!t_is_loop || !t_set_count || !python_frames_above(t_base, &function) || function.overflowed)
        return false;
    bytes[function.len] = '\0';
    const char *dot = strrchr(bytes, '.');
    const char *name = dot ? dot + 1 : bytes;
    return strcmp(name, "data_received") == 0 || strcmp(name, "buffer_updated") == 0;
}

enum python_uvloop_gift python_uvloop_gift(void)
{
    if (!is_given())
        return PYTHON_UVLOOP_NOTHING;
    return t_set_count == 1 ? PYTHON_UVLOOP_ONE : PYTHON_UVLOOP_SEVERAL;
}

void python_uvloop_have_read(void)
{
    t_set_count = 0;
}

void python_uvloop_have_received(uint32_t set_count)
{
    t_base = python_frames_here();
    t_set_count = active_set_count() - set_count;
}

void python_uvloop_have_decrypted(uint32_t set_count)
{
    t_set_count += active_set_count() - set_count;
}

static void hand_to(PyObject *context)
{
    if (python_uvloop_gift() == PYTHON_UVLOOP_SEVERAL)
        python_saved_hand_to(context, active_last(), PYTHON_SAVED_BORROWED);
    else
        python_saved_hand_to(context, active_current(NULL), PYTHON_SAVED_OWN);
}

/* Without a Context given, the loop copies the one that it is in: what is to be known of the copy is put there. */
static PyObject *call_soon_in_copy(PyObject *self, PyObject *args)
{
    PyObject *context = g_python.PyContext_CopyCurrent();
    PyObject *kwargs = context ? g_python.PyDict_New() : NULL;
    PyObject *result = NULL;
    if (kwargs && g_python.PyDict_SetItemString(kwargs, "context", context) == 0) {
        hand_to(context);
        result = python_method_call(&g_places[CALL_SOON], self, args, kwargs);
    }
    python_release(context);
    python_release(kwargs);
    return result;
}

/* call_soon(callback, *args, context=None) */
static PyObject *call_soon(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *context = kwargs ? g_python.PyDict_GetItemString(kwargs, "context") : NULL;
    t_is_loop = true;
    if (context && context != g_none)
        hand_to(context);
    else if (!kwargs && python_uvloop_gift() != PYTHON_UVLOOP_NOTHING)
        return call_soon_in_copy(self, args);
    return python_method_call(&g_places[CALL_SOON], self, args, kwargs);
}

static int transport_fd(PyObject *transport)
{
    PyObject *get = python_attribute(transport, "get_extra_info");
    PyObject *name = g_python.PyUnicode_InternFromString("socket");
    PyObject *args = get && name ? g_python.PyTuple_New(1) : NULL;
    PyObject *socket = NULL, *fileno = NULL, *nothing = NULL, *number = NULL;
    if (args) {
        g_python.Py_IncRef(name);
        g_python.PyTuple_SetItem(args, 0, name);
        socket = g_python.PyObject_Call(get, args, NULL);
        fileno = socket ? python_attribute(socket, "fileno") : NULL;
        nothing = fileno ? g_python.PyTuple_New(0) : NULL;
        number = nothing ? g_python.PyObject_Call(fileno, nothing, NULL) : NULL;
    }
    long fd = number ? g_python.PyLong_AsLong(number) : -1;
    g_python.PyErr_Clear();
    PyObject *all[] = {get, name, args, socket, fileno, nothing, number};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        python_release(all[i]);
    return fd >= 0 && fd <= INT_MAX ? (int)fd : -1;
}

/* What is written goes out at the end of the turn. */
static void note_writer(PyObject *transport)
{
    struct connection *connection = table_find(transport_fd(transport));
    if (connection)
        connection_note_writer(connection, active_current(NULL));
}

static PyObject *transport_write(PyObject *self, PyObject *args, PyObject *kwargs)
{
    note_writer(self);
    return python_method_call(&g_places[WRITE], self, args, kwargs);
}

static PyObject *transport_write_lines(PyObject *self, PyObject *args, PyObject *kwargs)
{
    note_writer(self);
    return python_method_call(&g_places[WRITE_LINES], self, args, kwargs);
}

/* The task that serves a connection may not be waiting for the request when that comes: nobody is woken then. It has
 * taken it now. */
static PyObject *aiohttp_serve(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *transport = t_is_loop ? python_attribute(self, "transport") : NULL;
    struct connection *connection = transport ? table_find(transport_fd(transport)) : NULL;
    struct active_context *active = active_room();
    if (connection && connection_only_request(connection, active)) {
        PyObject *object = python_saved_make(PYTHON_SAVED_OWN, active);
        python_saved_set(object);
        python_release(object);
    }
    python_release(transport);
    return python_method_call(&g_places[AIOHTTP_SERVE], self, args, kwargs);
}

bool python_uvloop_begin(void)
{
    bool is_any = false;
    g_none = real_dlsym(RTLD_DEFAULT, "_Py_NoneStruct");
    for (size_t i = 0; g_none && i < AIOHTTP_SERVE; i++)
        is_any = python_method_take(&g_places[i]) || is_any;
    if (is_any)
        python_method_take(&g_places[AIOHTTP_SERVE]);
    g_python_has_uvloop = is_any;
    return is_any;
}
