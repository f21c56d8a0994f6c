/* What a program finds when it looks at itself: descriptors, threads, signals, limits, children. */
#include "harmless.h"

#include <sys/prctl.h>

static void look(const char *label)
{
    struct rusage usage;
    struct itimerval timer;
    printf("%s\n", label);
    fds_print("as listed", false);
    status_print("Threads");
    status_print("SigBlk");
    status_print("SigIgn");
    status_print("SigCgt");
    status_print("Umask");
    status_print("Seccomp");
    getitimer(ITIMER_REAL, &timer);
    TRY(timer.it_value.tv_sec > 0);
    TRY(prctl(PR_GET_DUMPABLE));
    TRY(prctl(PR_GET_PDEATHSIG, &(int){0}));
    TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    TRY(getrusage(RUSAGE_CHILDREN, &usage));
    TRY(waitpid(-1, NULL, WNOHANG));
    TRY(getpgrp() == getpid() || getsid(0) > 0);
}

int main(void)
{
    int pair[2];
    harmless_begin();
    look("at first");
    pair_tcp(pair);
    pair_talk(pair);
    look("in the middle");
    pair_close(pair);
    look("at last");
    return 5;
}
