/* Another program comes. It gets the environment that it was to have, unless its loader could not load this
 * library: then without our name, since ld.so would complain on the program's stderr, or not start it. What is
 * started for a request gets that one's context as well. */
#include "base/memory.h"
#include "base/other_libc.h"
#include "base/process.h"
#include "base/raw.h"
#include "base/text.h"
#include "export/ring_sink.h"
#include "shim/exec.h"
#include "shim/exec_environment.h"
#include "shim/exec_target.h"
#include "shim/kept_environment.h"
#include "shim/mark.h"
#include "shim/program.h"
#include "shim/real.h"
#include "trace/propagator.h"
#include "wire/parent.h"
#include "wire/table.h"

#include <alloca.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>

extern char **environ;

/* What is to be executed, by whichever call. */
struct call {
    int fd; /* directory, or the program itself */
    const char *file;
    char *const *argv;
    int flags;
    bool is_spawn;
    pid_t *pid; /* may be NULL */
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
};

/* A loader that is started itself, with a program's name. */
static bool is_other_loader(const char *file)
{
    enum { NAME_LEN_MAX = 128 };
    return memory_is_readable(file, NAME_LEN_MAX) && memchr(file, '\0', NAME_LEN_MAX) && other_libc_is_loaded_by(file);
}

enum { PATH_KEPT_LEN = 256 };

/* What becomes of the library in a program that is to be started. */
struct plan {
    bool is_stripped;    /* our name is left out of its environment */
    bool is_completed;   /* its environment gets what it lacks */
    enum exec_fate fate; /* what the program does goes unseen, unless it takes the library */
    char path[PATH_KEPT_LEN]; /* of one that goes unseen; its name alone if that is too long */
};

static void path_keep(struct plan *plan, int fd)
{
    char link[32], path[PATH_KEPT_LEN];
    struct text text = text_on(link, sizeof link);
    text_append_string(&text, "/proc/self/fd/");
    text_append_decimal(&text, fd);
    ssize_t len = raw_readlink(text_terminate(&text), path, sizeof path - 1);
    memcpy(plan->path, path, len > 0 ? (size_t)len : 0);
    plan->path[MAX(len, 0)] = '\0';
}

static enum exec_fate fate_find(int (*open_program)(const struct call *), const struct call *call, bool has_library,
                                struct plan *plan)
{
    int fd = open_program(call);
    if (fd < 0)
        return EXEC_TAKES_LIBRARY; /* or there is no such program */
    enum exec_fate fate = exec_target_fate(fd);
    if (fate == EXEC_TAKES_LIBRARY && !has_library)
        fate = EXEC_WITHOUT_LIBRARY;
    if (fate != EXEC_TAKES_LIBRARY)
        path_keep(plan, fd);
    raw_close(fd);
    return fate;
}

/* What this needs of the stack is free again before the program is started: some handlers start one on a small stack. */
static NOINLINE void plan_make(int (*open_program)(const struct call *), const struct call *call, char *const envp[],
                               struct plan *plan)
{
    char library[EXEC_PRELOAD_LEN_MAX];
    *plan = (struct plan){.fate = EXEC_TAKES_LIBRARY};
    process_note_spawn();
    if (!shim_is_tracing() || !call->file)
        return;
    bool has_library = exec_environment_library(envp, library);
    const char *kept = has_library ? NULL : kept_environment_library(envp);
    if (!has_library && !kept && !ring_sink_has_programs())
        return;
    /* A library's start makes system calls that a sandbox may not know. */
    plan->is_stripped = has_library;
    if (g_raw_is_forbidden || exec_environment_only_lists(envp) || is_other_loader(call->file))
        return;
    plan->fate = fate_find(open_program, call, has_library || kept, plan);
    bool is_there = exec_library_is_there(kept ? kept : library);
    plan->is_stripped = has_library && (exec_fate_is_harmful(plan->fate) || !is_there);
    plan->is_completed = kept && plan->fate == EXEC_TAKES_LIBRARY && is_there;
}

/* In a fork child, the thread is the one that forked. */
NOINLINE const struct span_context *exec_context(char *const envp[])
{
    char library[EXEC_PRELOAD_LEN_MAX];
    struct parent parent;
    if (!shim_is_tracing() || !propagators_current()->count || !exec_environment_library(envp, library))
        return NULL;
    parent_choose(&parent, NULL);
    return parent.active && !active_is_of_process(parent.active) ? &parent.active->context : NULL;
}

typedef int executor(const struct call *call, char *const envp[]);

static bool is_too_long(int result)
{
    return result == E2BIG || (result == -1 && errno == E2BIG);
}

/* Where the longer environment is too much for the kernel, it is to be as it was. */
static NOINLINE int with_context(executor *execute, const struct call *call, char *const envp[],
                                 const struct span_context *context)
{
    size_t len = exec_environment_context_len(envp, context);
    char **longer = len ? exec_environment_context(envp, context, alloca(len), len) : NULL;
    if (!longer)
        return execute(call, envp);
    int result = execute(call, longer);
    return is_too_long(result) ? execute(call, envp) : result;
}

static NOINLINE int stripped(executor *execute, const struct call *call, char *const envp[],
                             const struct span_context *context)
{
    struct exec_environment room;
    char *const *rest = exec_environment_strip(envp, &room) ? room.entries : envp;
    return context ? with_context(execute, call, rest, context) : execute(call, rest);
}

/* An environment without the library gets it back, unless it becomes too long by that. */
static NOINLINE int completed(executor *execute, const struct call *call, char *const envp[])
{
    size_t len = kept_environment_len(envp);
    char **longer = len ? kept_environment_make(envp, alloca(len), len) : NULL;
    if (!longer)
        return execute(call, envp);
    const struct span_context *context = exec_context(longer);
    int result = context ? with_context(execute, call, longer, context) : execute(call, longer);
    return is_too_long(result) ? execute(call, envp) : result;
}

static int execute_planned(const struct plan *plan, executor *execute, const struct call *call, char *const envp[])
{
    if (UNLIKELY(plan->is_completed))
        return completed(execute, call, envp);
    const struct span_context *context = exec_context(envp);
    if (UNLIKELY(plan->is_stripped))
        return stripped(execute, call, envp, context);
    return context ? with_context(execute, call, envp, context) : execute(call, envp);
}

/* Without us there may be room for its arguments: better untraced than not at all. */
static COLD int execute_alone(executor *execute, const struct call *call, char *const envp[])
{
    struct exec_environment room;
    bool is_shorter = shim_is_tracing() && exec_environment_strip_all(envp, &room);
    return is_shorter ? execute(call, room.entries) : call->is_spawn ? E2BIG : -1;
}

static int execute_by(const struct plan *plan, executor *execute, const struct call *call, char *const envp[])
{
    int result = execute_planned(plan, execute, call, envp);
    return UNLIKELY(is_too_long(result)) ? execute_alone(execute, call, envp) : result;
}

/* A program that goes unseen has a span all the same: here, since it makes none. */
static NOINLINE int start_unseen(const struct plan *plan, executor *execute, struct call *call, char *const envp[])
{
    pid_t spawned;
    if (call->is_spawn && !call->pid)
        call->pid = &spawned;
    const char *why = exec_fate_name(plan->fate);
    struct span *span = call->is_spawn ? NULL : program_begin_unseen(raw_getpid(), plan->path, call->argv, why);
    int result = execute_by(plan, execute, call, envp);
    int saved = errno;
    if (call->is_spawn && result == 0)
        program_begin_unseen(*call->pid, plan->path, call->argv, why);
    else
        program_abandon_unseen(span); /* it was not executed: we are still here */
    errno = saved;
    return result;
}

/* Executes by @execute, with the library or without it. */
static int start(int (*open_program)(const struct call *), executor *execute, struct call *call, char *const envp[])
{
    struct plan plan;
    mark_notice();
    plan_make(open_program, call, envp, &plan);
    if (UNLIKELY(plan.fate != EXEC_TAKES_LIBRARY))
        return start_unseen(&plan, execute, call, envp);
    return execute_by(&plan, execute, call, envp);
}

static int open_at(const struct call *call)
{
    return exec_target_open(call->fd, call->file);
}

static int open_searched(const struct call *call)
{
    return exec_target_search(call->file);
}

static int open_itself(const struct call *call)
{
    return raw_fcntl(call->fd, F_DUPFD_CLOEXEC, 0);
}

static int execute_path(const struct call *call, char *const envp[])
{
    return REAL(execve)(call->file, call->argv, envp);
}

/* The same for those that take the environment from the process. */
static int execute_path_here(const struct call *call, char *const envp[])
{
    return envp == environ ? REAL(execv)(call->file, call->argv) : execute_path(call, envp);
}

static int execute_searched(const struct call *call, char *const envp[])
{
    return REAL(execvpe)(call->file, call->argv, envp);
}

static int execute_searched_here(const struct call *call, char *const envp[])
{
    return envp == environ ? REAL(execvp)(call->file, call->argv) : execute_searched(call, envp);
}

static int execute_fd(const struct call *call, char *const envp[])
{
    return REAL(fexecve)(call->fd, call->argv, envp);
}

static int execute_at(const struct call *call, char *const envp[])
{
    return REAL(execveat)(call->fd, call->file, call->argv, envp, call->flags);
}

static int spawn_path(const struct call *call, char *const envp[])
{
    return REAL(posix_spawn)(call->pid, call->file, call->actions, call->attributes, call->argv,
                             envp);
}

static int spawn_searched(const struct call *call, char *const envp[])
{
    return REAL(posix_spawnp)(call->pid, call->file, call->actions, call->attributes, call->argv,
                              envp);
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    struct call call = {.fd = AT_FDCWD, .file = path, .argv = argv};
    return start(open_at, execute_path, &call, envp);
}

EXPORT int execv(const char *path, char *const argv[])
{
    struct call call = {.fd = AT_FDCWD, .file = path, .argv = argv};
    return start(open_at, execute_path_here, &call, environ);
}

EXPORT int execvp(const char *file, char *const argv[])
{
    struct call call = {.file = file, .argv = argv};
    return start(open_searched, execute_searched_here, &call, environ);
}

EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    struct call call = {.file = file, .argv = argv};
    return start(open_searched, execute_searched, &call, envp);
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    struct call call = {.fd = fd, .file = "", .argv = argv};
    return start(open_itself, execute_fd, &call, envp);
}

EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct call call = {.fd = fd, .file = path, .argv = argv, .flags = flags};
    bool is_fd_itself = (flags & AT_EMPTY_PATH) && memory_is_readable(path, 1) && !*path;
    return start(is_fd_itself ? open_itself : open_at, execute_at, &call, envp);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
    struct call call = {AT_FDCWD, path, argv, 0, true, pid, actions, attributes};
    return start(open_at, spawn_path, &call, envp);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[],
                        char *const envp[])
{
    struct call call = {AT_FDCWD, file, argv, 0, true, pid, actions, attributes};
    return start(open_searched, spawn_searched, &call, envp);
}

/* A connection that a program is going to have is not this process's alone. */
EXPORT int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int to)
{
    struct connection *connection = table_find(fd);
    if (connection)
        connection->is_shared = true;
    return REAL(posix_spawn_file_actions_adddup2)(actions, fd, to);
}

/* ---- arguments one by one ---- */

/* How many there are up to the NULL, @first included. */
static size_t arguments_count(const char *first, va_list arguments)
{
    size_t count = 0;
    for (const char *argument = first; argument; argument = va_arg(arguments, const char *))
        count++;
    return count;
}

/* The same into @argv; takes the NULL as well. */
static void arguments_take(char **argv, const char *first, va_list *arguments)
{
    for (*argv = (char *)first; *argv; *++argv = va_arg(*arguments, char *))
        ;
}

/* Declares argv, on the stack, with the arguments from @first on; leaves @list behind the NULL. */
#define ARGUMENTS_TAKE(argv, list, first)                                                          \
    va_list list;                                                                                  \
    va_start(list, first);                                                                         \
    char **argv = alloca((arguments_count(first, list) + 1) * sizeof *argv);                       \
    va_end(list);                                                                                  \
    va_start(list, first);                                                                         \
    arguments_take(argv, first, &list)

EXPORT int execl(const char *path, const char *first, ...)
{
    ARGUMENTS_TAKE(argv, list, first);
    va_end(list);
    return execv(path, argv);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
    ARGUMENTS_TAKE(argv, list, first);
    va_end(list);
    return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    ARGUMENTS_TAKE(argv, list, first);
    char *const *envp = va_arg(list, char *const *);
    va_end(list);
    return execve(path, argv, envp);
}
