/* The shells that system(3) and popen(3) start. libc gives them the environment of the process: where that is one
 * thread's alone it is another one meanwhile, with the context of the request that the shell is started for; elsewhere the
 * shell is told by way of the ring (shim/shell_request.h). */
#include "base/process.h"
#include "base/raw.h"
#include "shim/exec.h"
#include "shim/exec_environment.h"
#include "shim/exec_target.h"
#include "shim/real.h"
#include "shim/shell_request.h"

#include <string.h>

extern char **environ;

/* False once there has been another thread, which could look at the environment. glibc 2.32; a weak name, since it
 * may be an older one. */
extern char __libc_single_threaded __attribute__((weak));

enum {
    SHELL_ROOM_LEN = 16384,
    SHELL_ENVIRONMENT_LEN_MAX = 65536, /* a longer one gets no context: nobody could try again without */
};

/* What the environment is while a shell is started. It lies in memory that stays: system(3) may be cancelled. */
struct shell_room {
    struct exec_environment stripped;
    _Alignas(char *) char with_context[SHELL_ROOM_LEN];
};
static struct shell_room *g_shell_room;

struct shell_environment {
    char **before; /* NULL: it was not changed */
    char **ours;
};

static bool is_short(char *const envp[])
{
    size_t len = 0;
    for (; *envp && len < SHELL_ENVIRONMENT_LEN_MAX; envp++)
        len += strlen(*envp) + 1 + sizeof *envp;
    return len < SHELL_ENVIRONMENT_LEN_MAX;
}

static bool is_left_by_shell(char *const envp[])
{
    char library[EXEC_PRELOAD_LEN_MAX];
    return shim_is_tracing() && exec_environment_library(envp, library) &&
           (g_raw_is_forbidden || !exec_library_is_there(library));
}

static const struct span_context *context_of_shell(char *const envp[])
{
    bool is_alone = &__libc_single_threaded && __libc_single_threaded;
    const struct span_context *context = is_alone ? exec_context(envp) : NULL;
    size_t len = context ? exec_environment_context_len(envp, context) : 0;
    return len && len <= SHELL_ROOM_LEN && is_short(envp) ? context : NULL;
}

static bool shell_room_ensure(void)
{
    if (!g_shell_room)
        g_shell_room = raw_map_anonymous(sizeof *g_shell_room);
    return g_shell_room != NULL;
}

/* libc gives the shell the process's own environment. Where it is to be another one, that is exchanged for as long as
 * the shell is started. */
static NOINLINE struct shell_environment environ_change(void)
{
    struct shell_environment change = {.before = NULL};
    char **rest = environ;
    process_note_spawn();
    if (!rest || (g_shell_room && rest == (char **)g_shell_room->with_context)) /* a handler has jumped out of system(3) */
        return change;
    bool is_left = is_left_by_shell(rest);
    const struct span_context *context = context_of_shell(rest);
    if ((!is_left && !context) || !shell_room_ensure())
        return change;
    if (is_left && exec_environment_strip(rest, &g_shell_room->stripped))
        rest = g_shell_room->stripped.entries;
    char **longer = context ? exec_environment_context(rest, context, g_shell_room->with_context, SHELL_ROOM_LEN) : NULL;
    if (longer)
        rest = longer;
    if (rest == environ)
        return change;
    change = (struct shell_environment){.before = environ, .ours = rest};
    environ = rest;
    return change;
}

static void environ_restore(const struct shell_environment *change)
{
    if (!change->before)
        return;
    if (environ == change->ours)
        environ = change->before;
    else
        g_shell_room = NULL; /* a handler has made one of its own of it: it stays as it is */
}

struct shell_start {
    struct shell_environment environment;
    struct shell_call call;
};

static void start_begin(struct shell_start *start, const char *command)
{
    start->call = (struct shell_call){NULL, 0};
    start->environment = environ_change();
    if (!start->environment.before && environ)
        shell_request_begin(&start->call, command, environ);
}

EXPORT int system(const char *command)
{
    struct shell_start start;
    start_begin(&start, command);
    int status = REAL(system)(command);
    shell_call_end(&start.call);
    environ_restore(&start.environment);
    return status;
}

/* The shell has the other end of the pipe. */
static void left_by_popen(const struct shell_call *call, FILE *stream)
{
    struct stat st;
    if (stream && call->place && raw_fstat(fileno(stream), &st) == 0)
        shell_call_leave(call, st.st_ino);
    else
        shell_call_end(call);
}

EXPORT FILE *popen(const char *command, const char *mode)
{
    struct shell_start start;
    start_begin(&start, command);
    FILE *stream = REAL(popen)(command, mode);
    left_by_popen(&start.call, stream);
    environ_restore(&start.environment);
    return stream;
}
