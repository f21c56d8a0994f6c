/* A library that is loaded and unloaded, and uses sockets all the time. */
#include "harmless.h"

int loaded_talk(int count);

static int g_pair[2];

__attribute__((constructor)) static void begin(void)
{
    pair_unix(g_pair);
    pair_talk(g_pair);
}

__attribute__((destructor)) static void end(void)
{
    pair_talk(g_pair);
    pair_close(g_pair);
}

int loaded_talk(int count)
{
    for (int i = 0; i < count; i++)
        pair_talk(g_pair);
    return count;
}
