/* Processes that are there from the start accept connections themselves. */
#include "serving.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void serve(int listener, int upstream_port)
{
    int upstream = local_connect(upstream_port);

    srandom((unsigned)getpid());
    for (;;)
        connection_serve(must(accept(listener, NULL, NULL), "accept"), upstream);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int listener = local_listen(atoi(argv[1]));
    for (int i = 0; i < WORKER_COUNT; i++) {
        if (must(fork(), "fork"))
            continue;
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        serve(listener, atoi(argv[2]));
    }
    while (wait(NULL) > 0)
        ;
}
