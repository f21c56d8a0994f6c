#include "shim/shell_request.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/raw.h"
#include "shim/exec.h"
#include "shim/exec_environment.h"
#include "trace/active.h"
#include "trace/traceparent.h"

#include <stdlib.h>
#include <string.h>

extern char **environ;

enum { COMMAND_READ_MAX = 4096 }; /* bytes, of its beginning */

static bool command_set(struct shell_command *out, const char *command, const struct span_context *environment)
{
    ssize_t len = memory_string_len(command, COMMAND_READ_MAX);
    if (len < 0)
        return false;
    out->hash = hash_bytes(command, (size_t)len, (uint64_t)len);
    memset(out->environment_span_id, 0, SPAN_ID_LEN);
    if (environment)
        memcpy(out->environment_span_id, environment->span_id, SPAN_ID_LEN);
    return true;
}

void shell_request_begin(struct shell_call *call, const char *command, char *const envp[])
{
    struct shell_command described;
    const struct active_context *environment = active_environment();
    const struct span_context *context = exec_context(envp);
    *call = (struct shell_call){NULL, 0};
    if (context && command_set(&described, command, environment ? &environment->context : NULL))
        shell_call_begin(call, &described, context);
}

/* sh -c COMMAND; since glibc 2.38 sh -c -- COMMAND. NULL: it was started otherwise. */
static const char *command_of(char *const argv[])
{
    if (!argv || !argv[0] || !argv[1] || strcmp(argv[1], "-c") != 0)
        return NULL;
    return argv[2] && strcmp(argv[2], "--") == 0 ? argv[3] : argv[2];
}

static bool request_find(const char *command, struct span_context *out)
{
    struct shell_command described;
    struct span_context environment;
    const char *traceparent = getenv("TRACEPARENT");
    bool has_context = traceparent && traceparent_parse(traceparent, strlen(traceparent), &environment) == 0;
    return command_set(&described, command, has_context ? &environment : NULL) && shell_call_take(&described, out);
}

static COLD void adopt(const char *command)
{
    struct span_context context;
    if (!request_find(command, &context))
        return;
    size_t len = exec_environment_context_len(environ, &context);
    void *room = len ? raw_map_anonymous(len) : NULL;
    char **entries = room ? exec_environment_context(environ, &context, room, len) : NULL;
    if (entries)
        environ = entries;
}

void shell_request_adopt(char *const argv[])
{
    if (LIKELY(!shell_call_is_any()))
        return;
    const char *command = command_of(argv);
    if (command)
        adopt(command);
}
