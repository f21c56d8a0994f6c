/* Another program comes. It gets the environment that it was to have, unless its loader could not load this
 * library: then without our name, since ld.so would complain on the program's stderr, or not start it. */
#include "base/memory.h"
#include "base/other_libc.h"
#include "base/process.h"
#include "base/raw.h"
#include "shim/exec_environment.h"
#include "shim/exec_target.h"
#include "shim/real.h"
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
    pid_t *pid;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
};

/* A loader that is started itself, with a program's name. */
static bool is_other_loader(const char *file)
{
    enum { NAME_LEN_MAX = 128 };
    return memory_is_readable(file, NAME_LEN_MAX) && memchr(file, '\0', NAME_LEN_MAX) && other_libc_is_loaded_by(file);
}

/* Does the library stay behind? @open: a descriptor of the program, or a negative errno. What this needs
 * of the stack is free again before the program is started: some handlers start one on a small stack. */
static NOINLINE bool stays_behind(int (*open_program)(const struct call *), const struct call *call,
                                  char *const envp[])
{
    char library[EXEC_PRELOAD_LEN_MAX];
    process_note_spawn();
    if (!shim_is_tracing() || !call->file || !exec_environment_library(envp, library))
        return false;
    if (UNLIKELY(g_raw_is_forbidden)) /* its start makes system calls that the sandbox may not know */
        return true;
    if (exec_environment_only_lists(envp) || is_other_loader(call->file))
        return true;
    int fd = open_program(call);
    bool is_welcome = fd < 0 || exec_target_takes_library(fd);
    if (fd >= 0)
        raw_close(fd);
    return !is_welcome || !exec_library_is_there(library);
}

static NOINLINE int stripped(int (*execute)(const struct call *, char *const envp[]),
                             const struct call *call, char *const envp[])
{
    struct exec_environment room;
    return execute(call, exec_environment_strip(envp, &room) ? room.entries : envp);
}

/* Executes by @execute, with the library or without it. */
static int start(int (*open_program)(const struct call *),
                 int (*execute)(const struct call *, char *const envp[]), const struct call *call,
                 char *const envp[])
{
    if (UNLIKELY(stays_behind(open_program, call, envp)))
        return stripped(execute, call, envp);
    return execute(call, envp);
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

static int execute_searched(const struct call *call, char *const envp[])
{
    return REAL(execvpe)(call->file, call->argv, envp);
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
    if (UNLIKELY(stays_behind(open_at, &call, environ)))
        return stripped(execute_path, &call, environ);
    return REAL(execv)(path, argv);
}

EXPORT int execvp(const char *file, char *const argv[])
{
    struct call call = {.file = file, .argv = argv};
    if (UNLIKELY(stays_behind(open_searched, &call, environ)))
        return stripped(execute_searched, &call, environ);
    return REAL(execvp)(file, argv);
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
    struct call call = {AT_FDCWD, path, argv, 0, pid, actions, attributes};
    return start(open_at, spawn_path, &call, envp);
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const argv[],
                        char *const envp[])
{
    struct call call = {AT_FDCWD, file, argv, 0, pid, actions, attributes};
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

/* ---- the shell, which libc starts by itself ---- */

/* Where the shell could not load the library, the environment is another one as long as it is started. It
 * lies in memory that stays: system(3) may be cancelled. Returns what is to be put back, or NULL. */
static NOINLINE char **environ_change(void)
{
    static struct exec_environment *room;
    char library[EXEC_PRELOAD_LEN_MAX];
    char **before = environ;
    process_note_spawn();
    if (!shim_is_tracing() || !exec_environment_library(before, library) ||
        (!g_raw_is_forbidden && exec_library_is_there(library)))
        return NULL;
    if (!room)
        room = raw_map_anonymous(sizeof *room);
    if (!room || !exec_environment_strip(before, room))
        return NULL;
    environ = room->entries;
    return before;
}

static void environ_restore(char **before)
{
    if (before)
        environ = before;
}

EXPORT int system(const char *command)
{
    char **before = environ_change();
    int status = REAL(system)(command);
    environ_restore(before);
    return status;
}

EXPORT FILE *popen(const char *command, const char *mode)
{
    char **before = environ_change();
    FILE *stream = REAL(popen)(command, mode);
    environ_restore(before);
    return stream;
}
