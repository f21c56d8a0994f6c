#include "launcher/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* What a child does not inherit from us, although the command would have it without the prefix. */
struct command_legacy {
    struct itimerval timers[3]; /* ITIMER_REAL, _VIRTUAL, _PROF: kept by exec, not by fork */
    int parent_death_signal;
};

static int command_check(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

/* An empty element of PATH is the current directory. Returns 0 or a negative errno. */
static int command_join(const char *directory, size_t len, const char *name, char *path,
                        size_t size)
{
    int wanted = snprintf(path, size, "%.*s%s%s", (int)len, directory, len ? "/" : "", name);
    return wanted < 0 || (size_t)wanted >= size ? -ENAMETOOLONG : 0;
}

static int command_search(const char *name, const char *directories, char *path, size_t size)
{
    int result = -ENOENT;
    for (const char *at = directories, *end; at; at = *end ? end + 1 : NULL) {
        end = strchrnul(at, ':');
        int error = command_join(at, (size_t)(end - at), name, path, size);
        if (!error)
            error = command_check(path);
        if (!error)
            return 0;
        if (error == -EACCES)
            result = error; /* the one thing worth telling, if no other directory has it */
    }
    return result;
}

int command_find(const char *name, char *path, size_t size)
{
    if (!*name)
        return -ENOENT;
    if (strchr(name, '/')) {
        int error = command_join("", 0, name, path, size);
        return error ? error : command_check(path);
    }
    char standard[PATH_MAX];
    const char *directories = getenv("PATH");
    if (!directories)
        directories = confstr(_CS_PATH, standard, sizeof standard) ? standard : "/bin:/usr/bin";
    return command_search(name, directories, path, size);
}

static void legacy_take(struct command_legacy *legacy)
{
    static const struct itimerval off;
    *legacy = (struct command_legacy){.parent_death_signal = 0};
    for (unsigned which = 0; which < 3; which++)
        setitimer((__itimer_which_t)which, &off, &legacy->timers[which]);
    prctl(PR_GET_PDEATHSIG, &legacy->parent_death_signal);
}

static void legacy_hand_on(const struct command_legacy *legacy)
{
    for (unsigned which = 0; which < 3; which++)
        if (timerisset(&legacy->timers[which].it_value))
            setitimer((__itimer_which_t)which, &legacy->timers[which], NULL);
    if (legacy->parent_death_signal)
        prctl(PR_SET_PDEATHSIG, legacy->parent_death_signal);
}

static void command_execute_by_shell(const char *path, char **argv)
{
    size_t count = 0;
    while (argv[count])
        count++;
    char **shell_argv = calloc(count + 2, sizeof *shell_argv);
    if (!shell_argv)
        return;
    shell_argv[0] = "/bin/sh";
    shell_argv[1] = (char *)(uintptr_t)path; /* execve takes its strings without const */
    for (size_t i = 1; i < count; i++)
        shell_argv[i + 1] = argv[i];
    execve(shell_argv[0], shell_argv, environ);
}

int command_become(const char *path, char **argv)
{
    execve(path, argv, environ);
    if (errno == ENOEXEC)
        command_execute_by_shell(path, argv);
    return errno;
}

static void command_execute(const char *path, char **argv, int error_fd)
{
    int error = command_become(path, argv);
    ssize_t written = write(error_fd, &error, sizeof error);
    _exit(written < 0 ? 1 : 127);
}

int command_start(const char *path, char **argv, struct signal_relay *relay, int32_t *pid_word,
                  struct command *command)
{
    struct command_legacy legacy;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    legacy_take(&legacy);
    pid_t pid = fork();
    if (pid == 0) {
        if (pid_word)
            *pid_word = getpid();
        legacy_hand_on(&legacy);
        signal_relay_undo_in_child(relay);
        command_execute(path, argv, ends[1]);
    }
    int error = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (error) {
        close(ends[0]);
        return error;
    }
    relay->command_pid = pid;
    *command = (struct command){.pid = pid, .error_fd = ends[0]};
    return 0;
}

int command_exec_error(struct command *command)
{
    int error = 0;
    ssize_t len = TEMP_FAILURE_RETRY(read(command->error_fd, &error, sizeof error));
    close(command->error_fd);
    return len == (ssize_t)sizeof error ? error : 0;
}
