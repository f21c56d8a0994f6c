#include "shim/python_context.h"

#include "base/compiler.h"
#include "shim/python_code.h"

#include <stdatomic.h>
#include <string.h>

/* In bytes. A thread's state is longer than that in all versions. */
enum { THREAD_STATE_LEN = 272, TYPE_NAME = 24, CONTEXT_TREE = 24, TREE_ROOT = 16 };
/* A node of the tree: which of 32 places there are, then key and value of each, or no key and a node; or 32 nodes. */
enum { SPARSE_PLACES = 24, SPARSE_PAIRS = 32, FULL_NODES = 16, PLACE_BITS = 5 };

static struct {
    const PyObject *variable;
    uint32_t hash;
    size_t offset; /* of the Context in a thread's state */
} g_found;
static _Atomic bool g_is_ready;

static bool is_of_type(const void *object, const char *name)
{
    return strcmp(python_pointer(python_pointer(object, PYTHON_OBJECT_TYPE), TYPE_NAME), name) == 0;
}

static uint32_t bits_at(const void *object, size_t offset)
{
    uint32_t bits;
    memcpy(&bits, (const char *)object + offset, sizeof bits);
    return bits;
}

/* In one of these, *@node is where to look on; NULL: there is nothing. */
static const PyObject *sparse_node_look(const void **node, unsigned place)
{
    uint32_t places = bits_at(*node, SPARSE_PLACES), bit = 1U << place;
    size_t pair = SPARSE_PAIRS + (size_t)__builtin_popcount(places & (bit - 1)) * 2 * sizeof(void *);
    const void *key = places & bit ? python_pointer(*node, pair) : g_found.variable;
    const PyObject *value = places & bit ? python_pointer(*node, pair + sizeof(void *)) : NULL;
    *node = key ? NULL : value;
    return key == g_found.variable ? value : NULL;
}

/* Variables whose hashes are all the same lie in nodes of a third kind: of those nothing is known. */
static const PyObject *tree_look(const void *node)
{
    const PyObject *value = NULL;
    for (unsigned shift = 0; node && shift < 32; shift += PLACE_BITS) {
        unsigned place = g_found.hash >> shift & ((1U << PLACE_BITS) - 1);
        if (is_of_type(node, "hamt_bitmap_node"))
            value = sparse_node_look(&node, place);
        else if (is_of_type(node, "hamt_array_node"))
            node = python_pointer(node, FULL_NODES + place * sizeof(void *));
        else
            node = NULL;
    }
    return value;
}

static const PyObject *thread_look(const void *thread)
{
    const void *context = python_pointer(thread, g_found.offset);
    const void *tree = context ? python_pointer(context, CONTEXT_TREE) : NULL;
    return tree && is_of_type(tree, "hamt") ? tree_look(python_pointer(tree, TREE_ROOT)) : NULL;
}

/* The only place of the state which has the Context that it has just entered. */
static bool offset_find(const void *thread, const PyObject *context)
{
    unsigned count = 0;
    for (size_t offset = 0; offset < THREAD_STATE_LEN; offset += sizeof(void *)) {
        if (python_pointer(thread, offset) != context)
            continue;
        g_found.offset = offset;
        count++;
    }
    return count == 1;
}

static bool try_out(PyObject *variable, const PyObject *context)
{
    const void *thread = g_python.PyGILState_GetThisThreadState();
    if (!thread || !offset_find(thread, context) || thread_look(thread))
        return false;
    PyObject *token = g_python.PyContextVar_Set(variable, variable);
    bool is_right = token && thread_look(thread) == variable;
    python_release(token);
    return is_right;
}

bool python_context_prepare(PyObject *variable)
{
    struct python_interpreter interpreter;
    if (!python_interpreter_find(&interpreter))
        return false; /* a version, or a build, whose objects are not known */
    uint64_t hash = (uint64_t)g_python.PyObject_Hash(variable);
    g_found.variable = variable;
    g_found.hash = (uint32_t)hash ^ (uint32_t)(hash >> 32);
    if (g_found.hash == UINT32_MAX)
        g_found.hash--;
    PyObject *context = g_python.PyContext_New();
    bool is_right = context && g_python.PyContext_Enter(context) == 0;
    if (is_right) {
        is_right = try_out(variable, context);
        g_python.PyContext_Exit(context);
    }
    g_python.PyErr_Clear();
    python_release(context);
    atomic_store_explicit(&g_is_ready, is_right, memory_order_release);
    return is_right;
}

const PyObject *python_context_value(void)
{
    if (!atomic_load_explicit(&g_is_ready, memory_order_acquire) || !g_python.Py_IsInitialized())
        return NULL;
    const void *thread = g_python.PyGILState_GetThisThreadState();
    return thread ? thread_look(thread) : NULL;
}
