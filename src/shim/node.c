#include "shim/node.h"

#include "base/process.h"
#include "base/raw.h"
#include "base/text.h"
#include "shim/module.h"
#include "shim/node_api.h"
#include "shim/real.h"
#include "trace/active.h"
#include "wire/table.h"

#include <limits.h>
#include <string.h>
#include <sys/auxv.h>

extern char **environ;

static const char OPTIONS[] = "NODE_OPTIONS=";
static const char REQUIRE[] = "--require ";
static const char SCRIPT_STEM[] = "run-traced-node";
static const char LIBRARY_STEM[] = "librun-traced";

/* ---- at the start of a process ---- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Node itself, by its name: what else embeds it (Electron, Bun, applications in one file) has options of its own. */
static bool is_node(void)
{
    char path[PATH_MAX];
    const struct link_map *program = _r_debug.r_map;
    if (!program || !program->l_ld ||
        (!module_exports(program, "napi_create_function") && !module_find_named(program, "libnode.so")))
        return false;
    long len = raw_readlink("/proc/self/exe", path, sizeof path - 1);
    path[MAX(len, 0)] = '\0';
    const char *slash = strrchr(path, '/');
    return slash && (strcmp(slash, "/node") == 0 || strcmp(slash, "/nodejs") == 0);
}

/* With these, Node would not start if it had to load the script, would never run it, or would leave something else out
 * since NODE_OPTIONS is there. */
static bool is_reserved(const char *option)
{
    static const char *const prefixes[] = {
        "--permission", "--experimental-permission", "--experimental-policy", "--policy", "--no-addons", "--env-file",
        "--run", "--build-s", "--snapshot-blob", "--experimental-config", "--experimental-default-config", NULL};
    for (const char *const *prefix = prefixes; *prefix; prefix++)
        if (begins_with(option, *prefix))
            return true;
    return false;
}

static bool has_reserved(char *const argv[], const char *options)
{
    for (char *const *argument = argv; argument && *argument; argument++)
        if (is_reserved(*argument))
            return true;
    for (const char *at = options ? strstr(options, "--") : NULL; at; at = strstr(at + 1, "--"))
        if (is_reserved(at))
            return true;
    return false;
}

/* Beside the library, and named as it is: run-traced-node.cjs, or with the hash that the launcher's copies have. */
static bool script_find(char *path, size_t size)
{
    const struct link_map *self = module_self();
    const char *library = self ? self->l_name : "";
    const char *slash = strrchr(library, '/');
    size_t stem_len = strlen(LIBRARY_STEM);
    if (library[0] != '/' || !begins_with(slash + 1, LIBRARY_STEM) || strpbrk(library, "\" \\"))
        return false;
    const char *rest = slash + 1 + stem_len;
    const char *suffix = strstr(rest, ".so");
    if (!suffix || suffix[3])
        return false;
    struct text text = text_on(path, size);
    text_append(&text, library, (size_t)(slash + 1 - library));
    text_append_string(&text, SCRIPT_STEM);
    text_append(&text, rest, (size_t)(suffix - rest));
    text_append_string(&text, ".cjs");
    text_append_char(&text, 0);
    if (text.overflowed)
        return false;
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd >= 0)
        raw_close(fd);
    return fd >= 0;
}

/* Node does not read NODE_OPTIONS then. */
static bool is_privileged(void)
{
    return getauxval(AT_SECURE) || getuid() != geteuid() || getgid() != getegid();
}

/* The environment with @script before what NODE_OPTIONS says, if it says anything, in memory of our own: the program may
 * change it as it likes. The order of the entries is kept. */
static void environ_extend(const char *script, char **at)
{
    size_t count = (size_t)(at - environ);
    while (environ[count])
        count++;
    const char *before = *at ? *at + strlen(OPTIONS) : NULL;
    size_t room_len = strlen(OPTIONS) + strlen(REQUIRE) + strlen(script) + (before ? strlen(before) : 0) + 2;
    char **entries = raw_map_anonymous((count + 2) * sizeof *entries + room_len);
    if (!entries)
        return;
    memcpy(entries, environ, count * sizeof *entries);
    struct text text = text_on((char *)(entries + count + 2), room_len);
    text_append_string(&text, OPTIONS);
    text_append_string(&text, REQUIRE);
    text_append_string(&text, script);
    if (before) {
        text_append_char(&text, ' ');
        text_append_string(&text, before);
    }
    text_append_char(&text, 0);
    entries[at - environ] = text.bytes;
    environ = entries;
}

static bool is_switched_off(void)
{
    const char *value = getenv("RUN_TRACED_NODE_BRIDGE");
    return value && (strcmp(value, "off") == 0 || strcmp(value, "0") == 0);
}

static NOINLINE void bridge_begin(char *const argv[])
{
    char script[PATH_MAX];
    char **at = environ;
    while (at && *at && !begins_with(*at, OPTIONS))
        at++;
    if (!at || is_switched_off() || is_privileged() || has_reserved(argv, *at) || (*at && strstr(*at, SCRIPT_STEM)) ||
        !script_find(script, sizeof script))
        return;
    environ_extend(script, at);
}

void node_begin(char *const argv[])
{
    if (UNLIKELY(is_node()))
        bridge_begin(argv);
}

/* ---- the native half ---- */

/* What the script and this library share, one for each of Node's threads: a context, in the script's words "store". The
 * script sets it just before it calls what sends or connects, and takes it away behind that; so whoever asks meanwhile is
 * answered without a call into JavaScript. */
struct cell {
    uint32_t len; /* with these four bytes; 0: none */
    unsigned char active[sizeof(struct active_context)]; /* packed: V8 keeps up to 64 bytes in its own heap, which is cheaper */
};

static struct node_api g_api;
static THREAD_LOCAL struct cell *t_cell;

static bool api_find(void)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define FUNCTION(name) {#name, offsetof(struct node_api, name)}
        FUNCTION(napi_create_function),     FUNCTION(napi_create_uint32),        FUNCTION(napi_set_named_property),
        FUNCTION(napi_get_cb_info),         FUNCTION(napi_get_value_int32),      FUNCTION(napi_get_typedarray_info),
        FUNCTION(napi_create_reference),    FUNCTION(napi_add_env_cleanup_hook),
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

static bool cell_answer(struct active_context *out)
{
    const struct cell *cell = t_cell;
    if (!cell || cell->len <= sizeof cell->len || cell->len > sizeof *cell)
        return false;
    memcpy(out, cell->active, cell->len - sizeof cell->len);
    out->source = ACTIVE_RUNTIME;
    return true;
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

/* save(fd): the context of the request that was read on @fd is in the cell. Returns its length, or 0. */
static napi_value save(napi_env env, napi_callback_info info)
{
    size_t argc = 1;
    napi_value argument, result = NULL;
    int32_t fd;
    struct cell *cell = t_cell;
    struct active_context active;
    size_t len = 0;
    if (!cell || g_api.napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != NAPI_OK ||
        g_api.napi_get_value_int32(env, argument, &fd) != NAPI_OK)
        return NULL;
    if (request_take(fd, &active)) {
        len = active_filled_len(&active);
        memcpy(cell->active, &active, len);
        len += sizeof cell->len;
    }
    cell->len = (uint32_t)len;
    g_api.napi_create_uint32(env, cell->len, &result);
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
    napi_value size, attach_function, save_function;
    if (g_api.napi_create_uint32(env, sizeof(struct cell), &size) == NAPI_OK &&
        g_api.napi_create_function(env, "attach", SIZE_MAX, attach, NULL, &attach_function) == NAPI_OK &&
        g_api.napi_create_function(env, "save", SIZE_MAX, save, NULL, &save_function) == NAPI_OK &&
        g_api.napi_set_named_property(env, exports, "size", size) == NAPI_OK &&
        g_api.napi_set_named_property(env, exports, "attach", attach_function) == NAPI_OK)
        g_api.napi_set_named_property(env, exports, "save", save_function);
    return exports;
}

void *node_entry(const void *handle)
{
    return handle && handle == module_self() && shim_is_tracing() && api_find() ? (void *)module_begin : NULL;
}
