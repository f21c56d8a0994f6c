#include "launcher/collect.h"

#include "launcher/collector.h"
#include "launcher/library.h"
#include "launcher/message.h"
#include "launcher/outputs.h"
#include "launcher/run_directory.h"
#include "launcher/summary.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int directory_complain(const char *path, int error)
{
    if (error == -EPERM)
        message_print("cannot collect in '%s': the directory must be yours, with mode 0700", path);
    else if (error == -EINVAL)
        message_print("cannot collect in '%s': what is there is no ring of this version", path);
    else if (error == -EBUSY)
        message_print("cannot collect in '%s': another collector is at work there", path);
    else
        message_print("cannot collect in '%s': %s", path, strerror(-error));
    return error;
}

static int stop_signals_open(void)
{
    sigset_t stop, endings;
    sigemptyset(&stop);
    sigemptyset(&endings);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    /* A peer or a disk that takes no more is an error to count, not our end. */
    sigaddset(&endings, SIGPIPE);
    sigaddset(&endings, SIGXFSZ);
    sigprocmask(SIG_BLOCK, &endings, NULL);
    return signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void collect_until_stopped(struct collector *collector, int stop_fd)
{
    struct pollfd watched[] = {{.fd = stop_fd, .events = POLLIN},
                               {.fd = collector->epoll_fd, .events = POLLIN}};
    struct signalfd_siginfo info;
    while (!watched[0].revents) {
        TEMP_FAILURE_RETRY(poll(watched, 2, -1));
        if (watched[1].revents)
            collector_work(collector);
    }
    /* Taken off, so that the last flush is not taken to be interrupted: a second signal does that. */
    while (read(stop_fd, &info, sizeof info) == (ssize_t)sizeof info)
        ;
    collector_leave(collector);
}

/* There is no command whose processes they are: only if all are asked for. */
static void collect_programs(struct collector *collector, const struct options *options)
{
    static const struct process_command none;
    const char *asked = options->process_spans ? options->process_spans : getenv("RUN_TRACED_PROCESS_SPANS");
    bool is_asked = asked && strcmp(asked, "all") == 0;
    collector->ring->has_programs = is_asked;
    collector_programs(collector, is_asked ? PROCESS_SPANS_ALL : PROCESS_SPANS_NONE, &collector->ring->root, &none);
}

static void how_to_start_print(const struct run_directory *directory)
{
    char library[PATH_MAX];
    if (library_find(library, sizeof library) == 0)
        message_print("collecting; start services with LD_PRELOAD=%s RUN_TRACED_RING=%s", library,
                      directory->ring_path);
}

int collect(const struct options *options)
{
    static struct run_directory directory;
    static struct outputs outputs;
    static struct collector collector;
    static const struct diagnosis nothing_to_say;
    int error = run_directory_adopt(&directory, options->collect_path);
    if (error)
        directory_complain(options->collect_path, error);
    if (error || outputs_prepare(options, &outputs))
        return EXIT_LAUNCHER_FAILED;
    int stop_fd = stop_signals_open();
    error = collector_open(&collector, directory.ring, directory.ring_path, &outputs, true);
    if (error || stop_fd < 0) {
        message_print("cannot collect: %s", strerror(error ? -error : errno));
        return EXIT_LAUNCHER_FAILED;
    }
    if (collector_keep(&collector, &options->keep))
        message_print("--keep: there is no memory for that; all traces are kept");
    collect_programs(&collector, options);
    if (!options->has_no_call_sites)
        collector_look_up(&collector, 0);
    if (!options->is_quiet)
        how_to_start_print(&directory);
    collect_until_stopped(&collector, stop_fd);
    struct summary summary = {
        .stats = &directory.ring->stats, .outputs = &outputs, .diagnosis = &nothing_to_say, .coverage = &collector.coverage,
        .is_coverage_whole = options->is_coverage_asked, .backends = collector.backends};
    if (!options->is_quiet)
        summary_print(&summary);
    return 0;
}
