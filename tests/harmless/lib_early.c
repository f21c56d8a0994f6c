/* A library that uses sockets before main() and after it. */
#include "harmless.h"

static int g_pair[2];

__attribute__((constructor)) static void early(void)
{
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    errno = ERRNO_BEFORE;
    printf("the library begins, errno %s\n", errno == ERRNO_BEFORE ? "kept" : "changed");
    pair_tcp(g_pair);
    pair_talk(g_pair);
    MUST(write(g_pair[0], GET, 20) == 20);
}

__attribute__((destructor)) static void late(void)
{
    int pair[2];
    MUST(write(g_pair[0], GET + 20, STR_LEN(GET) - 20) > 0);
    peer_print("over the whole life", g_pair[1], STR_LEN(GET));
    pair_unix(pair);
    pair_talk(pair);
    printf("the library ends\n");
    fflush(stdout);
}
