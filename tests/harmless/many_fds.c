/* As many descriptors as are allowed, up to a million, with connections among the highest. */
#include "harmless.h"

enum { MANY = 1000000, ROUNDS = 50 };

int main(void)
{
    struct rlimit limit;
    harmless_begin();
    MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < MANY ? limit.rlim_max : MANY;
    TRY(setrlimit(RLIMIT_NOFILE, &limit));
    int last = -1, fd, count = 0, zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    while ((fd = dup(zero)) >= 0) {
        last = fd;
        count++;
    }
    printf("%d more, up to %d, then %s\n", count, last, errno_word(errno));
    TRY(socket(AF_INET, SOCK_STREAM, 0));
    for (int i = 0; i < 4; i++)
        close(last - i);
    for (int i = 0; i < ROUNDS; i++) {
        int pair[2];
        pair_make(pair, i % 2);
        if (i == 0) {
            printf("numbers %d %d\n", pair[0], pair[1]);
            TRY(dup2(pair[0], last + 1));
        }
        pair_talk(pair);
        pair_close(pair);
    }
    long begin = now_ms();
    TRY(close_range((unsigned)zero + 1, ~0U, 0));
    printf("closed %s\n", time_class(begin));
    int pair[2];
    pair_tcp(pair);
    printf("numbers %d %d\n", pair[0], pair[1]);
    pair_talk(pair);
    return 0;
}
