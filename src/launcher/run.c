#include "launcher/run.h"

#include "base/clock.h"
#include "launcher/collector.h"
#include "launcher/command.h"
#include "launcher/diagnosis.h"
#include "launcher/environment.h"
#include "launcher/library.h"
#include "launcher/message.h"
#include "launcher/outer_run.h"
#include "launcher/outputs.h"
#include "launcher/root_span.h"
#include "launcher/run_checks.h"
#include "launcher/run_directory.h"
#include "launcher/run_rewrite.h"
#include "launcher/signal_relay.h"
#include "launcher/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct run {
    const struct options *options;
    char path[PATH_MAX]; /* of the command's file */
    struct outputs outputs;
    struct run_checks checks;
    struct diagnosis diagnosis;
    struct run_directory directory;
    struct signal_relay relay;
    struct command command;
    struct collector collector;
    enum process_spans_mode process_spans;
    struct ring_program root; /* the command's span */
    uint64_t started_boottime_ns; /* before the command */
    bool is_collecting;
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

/* Before anything else of the ring is known to the command. */
static void run_choose_root(struct run *run)
{
    const char *asked = run->options->process_spans ? run->options->process_spans : getenv("RUN_TRACED_PROCESS_SPANS");
    enum process_spans_mode mode = root_span_mode(asked, &run->options->keep);
    if (!run->directory.ring)
        return;
    run->directory.ring->keeps_environment = !run->options->is_environment_lost;
    run->process_spans = root_span_choose(mode, run->directory.ring);
    run->root = run->directory.ring->root;
}

static int run_prepare(struct run *run)
{
    char library[PATH_MAX];
    run->started_boottime_ns = clock_read_ns(CLOCK_BOOTTIME);
    if (library_find(library, sizeof library) || run_checks_load(&run->checks, &run->options->checks) ||
        outputs_prepare(run->options, &run->outputs) || run_checks_begin(&run->checks, &run->outputs) ||
        (run->options->is_reproducible && run_rewrite_begin(&run->outputs)))
        return EXIT_LAUNCHER_FAILED;
    diagnosis_make(run->path, run->options->command[0], &run->diagnosis);
    int error = run_directory_create(&run->directory);
    if (error)
        message_print("no ring for the spans can be made: %s; each process writes its own",
                      strerror(-error));
    run_choose_root(run);
    struct environment environment = {
        .library = run->diagnosis.is_preload_harmful ? NULL : library,
        .exporters = run->outputs.exporters,
        .ring_path = error ? NULL : run->directory.ring_path,
        .process_spans = run->options->process_spans,
        .has_process_args = run->options->has_process_args,
        .service_name = run->options->service_name,
        .stacktrace = run->options->stacktrace,
        .trace_per = run->options->trace_per,
    };
    error = environment_apply(&environment);
    if (error)
        message_print("cannot set the command's environment: %s", strerror(-error));
    return error ? EXIT_LAUNCHER_FAILED : 0;
}

/* --follow: what outlives the command becomes our child (PR_SET_CHILD_SUBREAPER), so that its end is
 * seen. An interruption ends the waiting. */
static void collect_children(struct collector *collector, int signal_fd)
{
    struct pollfd watched[] = {{.fd = signal_fd, .events = POLLIN},
                               {.fd = collector->epoll_fd, .events = POLLIN}};
    struct signalfd_siginfo info;
    bool is_asked_to_stop = false;
    for (;;) {
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
            collector_note_exit(collector, pid, status);
        if (pid < 0 || is_asked_to_stop)
            return;
        TEMP_FAILURE_RETRY(poll(watched, 2, -1));
        if (watched[1].revents)
            collector_work(collector);
        while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
            is_asked_to_stop |= info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM ||
                                info.ssi_signo == SIGHUP;
    }
}

static void run_collect(struct run *run)
{
    if (!run->directory.ring)
        return;
    const struct process_command command = {.pid = run->command.pid ? run->command.pid : run->directory.ring->command_pid,
                                            .path = run->path,
                                            .blind = diagnosis_blind(run->diagnosis.kind),
                                            .service_name = run->options->service_name,
                                            .start_ns = clock_monotonic_ns()};
    int error = collector_open(&run->collector, run->directory.ring, run->directory.ring_path,
                               &run->outputs, false);
    run->is_collecting = !error;
    if (error)
        message_print("spans cannot be collected: %s", strerror(-error));
    else if (collector_keep(&run->collector, &run->options->keep))
        message_print("--keep: there is no memory for that; all traces are kept");
    if (!error)
        collector_programs(&run->collector, run->process_spans, &run->root, &command);
    if (!error && !run->options->has_no_call_sites)
        collector_look_up(&run->collector, run->started_boottime_ns);
}

static int run_start(struct run *run)
{
    int error = signal_relay_open(&run->relay);
    if (run->options->is_following)
        prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (!error && run->diagnosis.reason[0] && !run->options->is_quiet)
        message_print("%s", run->diagnosis.reason);
    if (!error)
        error = command_start(run->path, run->options->command, &run->relay,
                              run->directory.ring ? &run->directory.ring->command_pid : NULL, &run->command);
    if (error)
        message_print("cannot start a process: %s", strerror(-error));
    else
        run_collect(run);
    return error ? EXIT_LAUNCHER_FAILED : 0;
}

/* The event loop: signals and the command's end on one side, spans on the other. */
static int run_wait(struct run *run)
{
    struct pollfd watched[] = {
        {.fd = run->relay.fd, .events = POLLIN},
        {.fd = run->is_collecting ? run->collector.epoll_fd : -1, .events = POLLIN}};
    int status = 0;
    bool has_ended = false;
    while (!has_ended) {
        TEMP_FAILURE_RETRY(poll(watched, 2, -1));
        if (watched[1].revents)
            collector_work(&run->collector);
        if (watched[0].revents)
            has_ended = signal_relay_read(&run->relay, &status);
    }
    if (run->is_collecting)
        collector_note_exit(&run->collector, run->command.pid, status);
    if (run->is_collecting && run->options->is_following)
        collect_children(&run->collector, run->relay.fd);
    if (run->is_collecting)
        collector_close(&run->collector);
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
        .stats = run->directory.ring ? &run->directory.ring->stats : NULL,
        .outputs = &run->outputs,
        .diagnosis = &run->diagnosis,
        .coverage = &run->collector.coverage,
        .is_coverage_whole = run->options->is_coverage_asked,
        .backends = run->collector.backends,
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

/* -D: the collector, a child of nobody we know, in a session of its own. */
static _Noreturn void detached_collect(struct run *run, int command_pidfd, int ready_fd)
{
    struct pollfd watched[] = {{.fd = command_pidfd, .events = POLLIN},
                               {.events = POLLIN}};
    sigset_t all;
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    /* Whoever reads the command's output waits for its end, not for ours. */
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    run_collect(run);
    close(ready_fd);
    if (!run->is_collecting)
        _exit(EXIT_LAUNCHER_FAILED);
    watched[1].fd = run->collector.epoll_fd;
    while (!watched[0].revents) {
        TEMP_FAILURE_RETRY(poll(watched, 2, -1));
        collector_work(&run->collector);
    }
    collector_close(&run->collector);
    run_directory_remove(&run->directory);
    if (!run->options->is_quiet) {
        struct summary summary = {.stats = &run->directory.ring->stats,
                                  .outputs = &run->outputs,
                                  .diagnosis = &run->diagnosis,
                                  .coverage = &run->collector.coverage,
                                  .is_coverage_whole = run->options->is_coverage_asked,
                                  .backends = run->collector.backends};
        summary_print(&summary);
    }
    _exit(0);
}

/* Forks twice, so that the command gets no child that it did not make. Returns when the collector is
 * at work. */
static int detached_start(struct run *run)
{
    int ready[2], pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    char nothing;
    if (pidfd < 0 || pipe2(ready, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        close(ready[0]);
        if (fork() == 0)
            detached_collect(run, pidfd, ready[1]);
        _exit(0);
    }
    close(ready[1]);
    close(pidfd);
    if (child > 0) {
        TEMP_FAILURE_RETRY(waitpid(child, NULL, 0));
        TEMP_FAILURE_RETRY(read(ready[0], &nothing, 1)); /* end of file: it is ready, or gone */
    }
    close(ready[0]);
    return child < 0 ? -errno : 0;
}

/* Becomes the command. Comes back only if that fails. */
static int run_as_command(struct run *run)
{
    int error = detached_start(run);
    if (error) {
        run_directory_remove(&run->directory);
        signal_relay_unblock(&run->relay);
        message_print("cannot start a process: %s", strerror(-error));
        return EXIT_LAUNCHER_FAILED;
    }
    signal_relay_unblock(&run->relay); /* should one end us now, the collector clears up */
    run->directory.ring->command_pid = getpid();
    if (run->diagnosis.reason[0] && !run->options->is_quiet)
        message_print("%s", run->diagnosis.reason);
    return run_refuse(run, command_become(run->path, run->options->command));
}

/* What was asked for of the finished file. The checks are of times, too, which a rewritten one has none of. Returns an
 * exit status. */
static int run_look_at_spans(struct run *run)
{
    if (run->checks.path || run->options->is_reproducible)
        signal_relay_unblock(&run->relay); /* who waits for this may interrupt it */
    int status = run_checks_end(&run->checks);
    if (run->options->is_reproducible && run_rewrite_end(&run->outputs))
        status = status ? status : EXIT_LAUNCHER_FAILED;
    return status;
}

static int run_as_child(struct run *run)
{
    int failure = run_start(run);
    if (failure) {
        run_directory_remove(&run->directory);
        return failure;
    }
    int wait_status = run_wait(run);
    int exec_error = command_exec_error(&run->command);
    run_directory_remove(&run->directory);
    if (exec_error)
        return run_refuse(run, exec_error);
    run_summarize(run);
    int looked_at = run_look_at_spans(run), status = run_end(wait_status);
    return status ? status : looked_at;
}

/* The command finds all that it needs in the environment: its spans go where those of the outer run go. */
static int run_join(const struct run *run)
{
    if (run->options->service_name)
        setenv("OTEL_SERVICE_NAME", run->options->service_name, 1);
    return run_refuse(run, command_become(run->path, run->options->command));
}

int run_command(const struct options *options)
{
    static struct run run; /* too large for a small stack */
    run.options = options;
    int failure = run_find(&run);
    if (failure)
        return failure;
    if (outer_run_is_joined(options))
        return run_join(&run);
    signal_relay_block(&run.relay);
    failure = run_prepare(&run);
    if (failure) {
        run_directory_remove(&run.directory);
        signal_relay_unblock(&run.relay);
        return failure;
    }
    return options->is_detached && run.directory.ring ? run_as_command(&run) : run_as_child(&run);
}
