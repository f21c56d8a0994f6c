/* Descriptors that are copied and closed in every way. */
#include "harmless.h"

static void copies(bool is_tcp)
{
    int pair[2], copy[6];
    pair_make(pair, is_tcp);
    pair_talk(pair);
    TRY(copy[0] = dup(pair[0]));
    TRY(copy[1] = dup2(pair[0], 50));
    TRY(copy[2] = dup3(pair[0], 51, O_CLOEXEC));
    TRY(dup3(pair[0], pair[0], 0));
    TRY(dup2(pair[0], pair[0]) == pair[0]);
    TRY(copy[3] = fcntl(pair[0], F_DUPFD, 60));
    TRY(copy[4] = fcntl(pair[0], F_DUPFD_CLOEXEC, 60));
    TRY(copy[5] = (int)syscall(SYS_dup, pair[0]));
    TRY(fcntl(copy[2], F_GETFD));
    TRY(fcntl(copy[4], F_GETFD));
    fds_print("with copies", true);
    /* A head, a piece by each of its names, while these go away. */
    for (size_t i = 0, at = 0; i < 6; i++) {
        size_t len = i < 5 ? 7 : STR_LEN(GET) - at;
        TRY(write(copy[i], GET + at, len));
        at += len;
        TRY(close(copy[i]));
        TRY(close(copy[i]));
    }
    peer_print("head by copies", pair[1], STR_LEN(GET));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    peer_print("answer", pair[0], STR_LEN(ANSWER));
    pair_close(pair);
    fds_print("all closed", true);
}

static void over_each_other(void)
{
    int one[2], two[2];
    pair_tcp(one);
    pair_tcp(two);
    TRY(write(one[0], GET, 20));
    TRY(dup2(two[0], one[0]) == one[0]); /* in the middle of a head */
    TRY(write(one[0], GET, STR_LEN(GET)));
    peer_print("the first's peer", one[1], 20 + 1);
    peer_print("the second's peer", two[1], STR_LEN(GET));
    pair_close(one);
    pair_close(two);
}

static void ranges(void)
{
    int pairs[3][2];
    for (int i = 0; i < 3; i++)
        pair_tcp(pairs[i]);
    TRY(close_range(9, 3, 0));
    TRY(close_range((unsigned)pairs[0][0], (unsigned)pairs[0][1], 4)); /* CLOSE_RANGE_CLOEXEC */
    TRY(fcntl(pairs[0][0], F_GETFD));
    pair_talk(pairs[0]);
    TRY(close_range((unsigned)pairs[1][0], (unsigned)pairs[1][0], 0));
    TRY(write(pairs[1][0], GET, 5));
    pair_talk(pairs[2]);
    fds_print("after close_range", true);
    TRY(syscall(SYS_close_range, 3, 5, 0));
    fds_print("after the system call", true);
    TRY((closefrom(3), 0));
    fds_print("after closefrom", true);
    pair_tcp(pairs[0]);
    printf("numbers %d %d\n", pairs[0][0], pairs[0][1]);
    pair_talk(pairs[0]);
    int closed = 0;
    for (int fd = 3; fd < 2048; fd++)
        closed += close(fd) == 0;
    printf("a loop closed %d\n", closed);
    fds_print("after the loop", true);
}

int main(void)
{
    harmless_begin();
    fds_print("at first", true);
    copies(true);
    copies(false);
    over_each_other();
    ranges();
    int pair[2];
    pair_tcp(pair);
    pair_talk(pair);
    return 0;
}
