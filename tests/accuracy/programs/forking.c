/* A process is made for each connection that was accepted. */
#include "serving.h"
#include <signal.h>

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    signal(SIGCHLD, SIG_IGN);
    int listener = local_listen(atoi(argv[1]));
    for (;;) {
        int fd = must(accept(listener, NULL, NULL), "accept");
        if (!must(fork(), "fork")) {
            srandom((unsigned)getpid());
            connection_serve(fd, local_connect(atoi(argv[2])));
            return 0;
        }
        close(fd);
    }
}
