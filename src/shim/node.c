#include "shim/node.h"

#include "base/raw.h"
#include "base/text.h"
#include "shim/module.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static const char OPTIONS[] = "NODE_OPTIONS=";
static const char REQUIRE[] = "--require ";
static const char SCRIPT_STEM[] = "run-traced-node";
static const char LIBRARY_STEM[] = "librun-traced";

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
