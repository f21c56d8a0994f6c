#include "launcher/run.h"

#include "launcher/command.h"
#include "launcher/diagnosis.h"
#include "launcher/environment.h"
#include "launcher/library.h"
#include "launcher/message.h"
#include "launcher/outputs.h"
#include "launcher/run_directory.h"
#include "launcher/signal_relay.h"
#include "launcher/summary.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    const struct options *options;
    char path[PATH_MAX]; /* of the command's file */
    struct outputs outputs;
    struct diagnosis diagnosis;
    struct run_directory directory;
    struct signal_relay relay;
    struct command command;
};

static int run_refuse(const struct run *run, int error)
{
    const char *name = run->options->command[0];
    if (error == ENOENT && run->path[0]) {
        message_print("cannot run '%s': the interpreter or loader it names does not exist", name);
        return EXIT_NOT_FOUND;
    }
    if (error == ENOENT && !strchr(name, '/')) {
        message_print("command not found: '%s'", name);
        return EXIT_NOT_FOUND;
    }
    message_print("cannot run '%s': %s", name, strerror(error));
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

static int run_find(struct run *run)
{
    int error = command_find(run->options->command[0], run->path, sizeof run->path);
    if (!error)
        return 0;
    run->path[0] = 0;
    return run_refuse(run, -error);
}

static int run_prepare(struct run *run)
{
    char library[PATH_MAX];
    if (library_find(library, sizeof library) || outputs_prepare(run->options, &run->outputs))
        return EXIT_LAUNCHER_FAILED;
    diagnosis_make(run->path, run->options->command[0], &run->diagnosis);
    int error = run_directory_create(&run->directory);
    if (error)
        message_print("spans are not counted: no private directory can be made: %s",
                      strerror(-error));
    struct environment environment = {
        .library = run->diagnosis.is_preload_harmful ? NULL : library,
        .exporters = run->outputs.exporters,
        .stats_path = error ? NULL : run->directory.stats_path,
        .service_name = run->options->service_name,
    };
    error = environment_apply(&environment);
    if (error)
        message_print("cannot set the command's environment: %s", strerror(-error));
    return error ? EXIT_LAUNCHER_FAILED : 0;
}

static int run_start(struct run *run)
{
    int error = signal_relay_open(&run->relay);
    if (!error && run->diagnosis.reason[0] && !run->options->is_quiet)
        message_print("%s", run->diagnosis.reason);
    if (!error)
        error = command_start(run->path, run->options->command, &run->relay, &run->command);
    if (error)
        message_print("cannot start a process: %s", strerror(-error));
    return error ? EXIT_LAUNCHER_FAILED : 0;
}

/* The event loop: what else is to be watched while the command runs joins here. */
static int run_wait(struct run *run)
{
    struct pollfd watched = {.fd = run->relay.fd, .events = POLLIN};
    int status = 0;
    do
        TEMP_FAILURE_RETRY(poll(&watched, 1, -1));
    while (!signal_relay_read(&run->relay, &status));
    return status;
}

/* Our signals are blocked: somebody who waits for us on a full pipe or a held terminal can still
 * interrupt. */
static bool run_can_speak(struct run *run)
{
    struct pollfd watched[] = {{.fd = STDERR_FILENO, .events = POLLOUT},
                               {.fd = run->relay.fd, .events = POLLIN}};
    for (;;) {
        TEMP_FAILURE_RETRY(poll(watched, 2, -1));
        if (watched[0].revents)
            return true;
        if (signal_relay_interrupted(&run->relay))
            return false;
    }
}

static void run_summarize(struct run *run)
{
    struct summary summary = {
        .stats = run->directory.stats,
        .outputs = &run->outputs,
        .diagnosis = &run->diagnosis,
    };
    if (!run->options->is_quiet && summary.stats && run_can_speak(run))
        summary_print(&summary);
}

static int run_end(int wait_status)
{
    if (!WIFSIGNALED(wait_status))
        return WEXITSTATUS(wait_status);
    signal_die_of(WTERMSIG(wait_status));
    return 128 + WTERMSIG(wait_status);
}

int run_command(const struct options *options)
{
    static struct run run; /* too large for a small stack */
    run.options = options;
    int failure = run_find(&run);
    if (!failure)
        failure = run_prepare(&run);
    if (!failure)
        failure = run_start(&run);
    if (failure) {
        run_directory_remove(&run.directory);
        return failure;
    }
    int wait_status = run_wait(&run);
    int exec_error = command_exec_error(&run.command);
    run_directory_remove(&run.directory);
    if (exec_error)
        return run_refuse(&run, exec_error);
    run_summarize(&run);
    return run_end(wait_status);
}
