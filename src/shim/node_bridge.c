/* The native half of node_bridge.cjs. */
#include "shim/node.h"

#include "shim/module.h"
#include "shim/node_api.h"
#include "shim/node_test.h"
#include "shim/real.h"
#include "trace/active.h"
#include "wire/table.h"

#include <string.h>

/* What the script and this library share, one for each of Node's threads: a context, in the script's words "store". The
 * script sets it just before it calls what sends or connects, and takes it away behind that; so whoever asks meanwhile is
 * answered without a call into JavaScript. */
struct cell {
    uint32_t len; /* with these four bytes; 0: none */
    unsigned char active[sizeof(struct active_context)]; /* packed: V8 keeps up to 64 bytes in its own heap, which is cheaper */
};

enum { NAME_SIZE = 512 };

static struct node_api g_api;
static THREAD_LOCAL struct cell *t_cell;

static bool api_find(void)
{
    static const struct {
        char name[32];
        uint16_t offset;
    } functions[] = {
#define FUNCTION(name) {#name, offsetof(struct node_api, name)}
        FUNCTION(napi_create_function),     FUNCTION(napi_create_uint32),        FUNCTION(napi_set_named_property),
        FUNCTION(napi_get_cb_info),         FUNCTION(napi_get_value_int32),      FUNCTION(napi_get_typedarray_info),
        FUNCTION(napi_create_reference),    FUNCTION(napi_add_env_cleanup_hook), FUNCTION(napi_get_value_string_utf8),
        FUNCTION(napi_create_bigint_uint64), FUNCTION(napi_get_value_bigint_uint64),
#undef FUNCTION
    };
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        void *found = real_dlsym(RTLD_DEFAULT, functions[i].name);
        if (!found)
            return false;
        *(void **)((char *)&g_api + functions[i].offset) = found;
    }
    return true;
}

static enum active_answer cell_answer(struct active_context *out)
{
    const struct cell *cell = t_cell;
    if (!cell || cell->len <= sizeof cell->len || cell->len > sizeof *cell)
        return ACTIVE_ANSWER_NOBODY;
    memcpy(out, cell->active, cell->len - sizeof cell->len);
    out->source = ACTIVE_RUNTIME;
    return ACTIVE_ANSWER_KNOWN;
}

/* Requests are told to the script in the order in which they came in on their connection; so this is the first one that
 * was not told of yet. */
static bool request_take(int fd, struct active_context *out)
{
    struct connection *connection = table_find(fd);
    bool is_found = false;
    if (!connection || !lock_acquire(&connection->lock))
        return false;
    struct exchange *exchange = connection->is_opaque || connection->role != ROLE_SERVER ? NULL : connection->first;
    for (; exchange && !is_found; exchange = exchange->next) {
        struct active_request *request = &exchange->request;
        if (exchange->active.source == ACTIVE_NONE || atomic_exchange(&request->is_kept, true))
            continue;
        active_copy(out, &exchange->active);
        is_found = true;
    }
    lock_release(&connection->lock);
    return is_found;
}

static void cell_fill(struct cell *cell, const struct active_context *active)
{
    size_t len = active_filled_len(active);
    memcpy(cell->active, active, len);
    cell->len = (uint32_t)(len + sizeof cell->len);
}

/* save(fd): the context of the request that was read on @fd is in the cell. Returns its length, or 0. */
static napi_value save(napi_env env, napi_callback_info info)
{
    size_t argc = 1;
    napi_value argument, result = NULL;
    int32_t fd;
    struct cell *cell = t_cell;
    struct active_context active;
    if (!cell || g_api.napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != NAPI_OK ||
        g_api.napi_get_value_int32(env, argument, &fd) != NAPI_OK)
        return NULL;
    cell->len = 0;
    if (request_take(fd, &active))
        cell_fill(cell, &active);
    g_api.napi_create_uint32(env, cell->len, &result);
    return result;
}

static size_t string_get(napi_env env, napi_value value, char *bytes)
{
    size_t len;
    return g_api.napi_get_value_string_utf8(env, value, bytes, NAME_SIZE, &len) == NAPI_OK ? len : 0;
}

/* beginTest(name, suite): with the context of the test that it is part of in the cell, if there is one; its own is there
 * afterwards. Returns its id, or nothing. */
static napi_value begin_test(napi_env env, napi_callback_info info)
{
    size_t argc = 2;
    napi_value argv[2], result = NULL;
    char name[NAME_SIZE], suite[NAME_SIZE];
    struct active_context active;
    struct cell *cell = t_cell;
    if (!cell || g_api.napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != NAPI_OK)
        return NULL;
    bool is_within = cell_answer(&active);
    struct test_name test = {.name = name, .name_len = string_get(env, argv[0], name),
                             .suite = suite, .suite_len = string_get(env, argv[1], suite)};
    custom_span_id id = node_test_begin(&test, is_within, &active);
    cell->len = 0;
    if (!id)
        return NULL;
    cell_fill(cell, &active);
    g_api.napi_create_bigint_uint64(env, id, &result);
    return result;
}

/* endTest(id, result): an enum test_result. */
static napi_value end_test(napi_env env, napi_callback_info info)
{
    size_t argc = 2;
    napi_value argv[2];
    uint64_t id;
    int32_t result;
    bool is_lossless;
    if (g_api.napi_get_cb_info(env, info, &argc, argv, NULL, NULL) == NAPI_OK &&
        g_api.napi_get_value_bigint_uint64(env, argv[0], &id, &is_lossless) == NAPI_OK &&
        g_api.napi_get_value_int32(env, argv[1], &result) == NAPI_OK)
        node_test_end(id, (enum test_result)result);
    return NULL;
}

/* hasTests(): 1 if tests of this process are to be told of. */
static napi_value has_tests(napi_env env, napi_callback_info info)
{
    napi_value result = NULL;
    (void)info;
    g_api.napi_create_uint32(env, node_test_is_announced(), &result);
    return result;
}

/* Node takes this environment down: main's before exit, a worker's at its end; in its own thread. */
static void detach(void *unused)
{
    (void)unused;
    active_ask(NULL);
    t_cell = NULL;
}

/* attach(cell): from now on the script answers for this thread. Returns 1 if that is so. */
static napi_value attach(napi_env env, napi_callback_info info)
{
    size_t argc = 1, len;
    napi_value argument, result = NULL;
    napi_ref forever;
    int type;
    void *bytes;
    bool is_attached = !t_cell && g_api.napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) == NAPI_OK &&
                       g_api.napi_get_typedarray_info(env, argument, &type, &len, &bytes, NULL, NULL) == NAPI_OK &&
                       type == NAPI_UINT8_ARRAY && len == sizeof(struct cell) && (uintptr_t)bytes % _Alignof(struct cell) == 0 &&
                       g_api.napi_create_reference(env, argument, 1, &forever) == NAPI_OK &&
                       g_api.napi_add_env_cleanup_hook(env, detach, NULL) == NAPI_OK;
    if (is_attached) {
        t_cell = bytes;
        active_ask(cell_answer);
    }
    g_api.napi_create_uint32(env, is_attached, &result);
    return result;
}

/* Called by Node, in each of its threads that asks for it. */
static napi_value module_begin(napi_env env, napi_value exports)
{
    static const struct {
        const char *name;
        napi_callback callback;
    } functions[] = {
        {"attach", attach}, {"save", save}, {"hasTests", has_tests}, {"beginTest", begin_test}, {"endTest", end_test},
    };
    napi_value value;
    if (g_api.napi_create_uint32(env, sizeof(struct cell), &value) != NAPI_OK ||
        g_api.napi_set_named_property(env, exports, "size", value) != NAPI_OK)
        return exports;
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (g_api.napi_create_function(env, functions[i].name, SIZE_MAX, functions[i].callback, NULL, &value) == NAPI_OK)
            g_api.napi_set_named_property(env, exports, functions[i].name, value);
    return exports;
}

void *node_entry(const void *handle)
{
    return handle && handle == module_self() && shim_is_tracing() && api_find() ? (void *)module_begin : NULL;
}
