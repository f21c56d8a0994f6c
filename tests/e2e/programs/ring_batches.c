/* ring_batches COUNT AT_ONCE SEED COMMAND... - runs COMMAND COUNT times, AT_ONCE at a time, and kills a
 * third of them with SIGKILL at a random moment of their first hundredths of a second. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int count = atoi(argv[1]), at_once = atoi(argv[2]), killed = 0;
    pid_t children[256];
    if (argc < 5)
        return 2;
    srandom((unsigned)atoi(argv[3]));
    for (int started = 0; started < count; started += at_once) {
        for (int i = 0; i < at_once; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                execv(argv[4], argv + 4);
                _exit(127);
            }
        }
        for (int i = 0; i < at_once; i += 3) {
            struct timespec pause = {0, random() % 8000000};
            nanosleep(&pause, NULL);
            kill(children[i], SIGKILL);
        }
        for (int i = 0; i < at_once; i++) {
            int status;
            waitpid(children[i], &status, 0);
            killed += WIFSIGNALED(status);
        }
    }
    printf("%d killed\n", killed);
    return 0;
}
