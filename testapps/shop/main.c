/* shop - one of the seven services of a small web shop; the role is the first argument. */
#include "background.h"
#include "directory.h"
#include "roles.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *ports_folder;
    int port;
    int worker_count;
    int payment_slow_ms;
    double payment_fail_rate;
};

static void usage(FILE *to)
{
    fprintf(
        to,
        "usage: shop ROLE --ports-dir DIR [OPTIONS]\n"
        "roles: %s\n"
        "  --ports-dir DIR  where each service writes its port to ROLE.port, and finds the others\n"
        "  --port N         listen on 127.0.0.1:N (default: any free port)\n"
        "  --workers N      worker threads, 1 to 64 (default 8)\n"
        "  --slow MS        payment: every payment takes MS milliseconds longer\n"
        "  --fail RATE      payment: this share of payments fails: 0 to 1, or always\n",
        role_names());
}

static double number_in(const char *text, double low, double high)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= low && value <= high)) {
        fprintf(stderr, "shop: %s is not a number from %g to %g\n", text, low, high);
        exit(2);
    }
    return value;
}

static struct options options_parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"ports-dir", required_argument, NULL, 'd'},
        {"port", required_argument, NULL, 'p'},
        {"workers", required_argument, NULL, 'w'},
        {"slow", required_argument, NULL, 's'},
        {"fail", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct options options = {.worker_count = 8};
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        if (c == 'd')
            options.ports_folder = optarg;
        else if (c == 'p')
            options.port = (int)number_in(optarg, 0, 65535);
        else if (c == 'w')
            options.worker_count = (int)number_in(optarg, 1, 64);
        else if (c == 's')
            options.payment_slow_ms = (int)number_in(optarg, 0, 600000);
        else if (c == 'f')
            options.payment_fail_rate = strcmp(optarg, "always") == 0 ? 1 : number_in(optarg, 0, 1);
        else {
            usage(c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : 2);
        }
    }
    return options;
}

/* Serves until told to stop. The signals are blocked in every thread and waited for in this one, so
 * that no handler is needed. */
static int run(struct service *service, const struct options *options)
{
    struct server *server;
    sigset_t stop_signals;
    int caught;
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGTERM);
    sigaddset(&stop_signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    const struct server_options server_options = {.port = options->port,
                                                  .worker_count = options->worker_count,
                                                  .calls = service->role->calls,
                                                  .respond = role_respond,
                                                  .context = service};
    int error = server_start(&server_options, &server);
    if (error)
        return error;
    error = directory_publish(options->ports_folder, service->role->name, server_port(server));
    if (!error)
        sigwait(&stop_signals, &caught);
    directory_withdraw(options->ports_folder, service->role->name);
    server_stop(server);
    background_wait_all();
    return error;
}

int main(int argc, char **argv)
{
    struct options options = options_parse(argc, argv);
    struct service service = {.payment_slow_ms = options.payment_slow_ms,
                              .payment_fail_rate = options.payment_fail_rate};
    if (optind + 1 != argc || !options.ports_folder || !(service.role = role_find(argv[optind]))) {
        usage(stderr);
        return 2;
    }
    service.client = client_new(options.ports_folder, service.role->calls);
    int error = service.client ? run(&service, &options) : -ENOMEM;
    if (error)
        fprintf(stderr, "shop: %s: %s\n", service.role->name, strerror(-error));
    if (service.client)
        client_free(service.client);
    return error ? 1 : 0;
}
