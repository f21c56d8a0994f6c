/* calls [PAIRS] - what a preload adds to read() and write() on descriptors that are no sockets.
 *
 * In one process, blocks of calls to the name as the program sees it alternate with blocks of calls to
 * libc's own, so that what disturbs the one disturbs the other: the median of the differences is the
 * cost. Without a preload both are the same function, and the median must be about 0.
 * Prints for read(/dev/zero) and write(/dev/null): "added nanoseconds, libc's nanoseconds" a call. */
#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CALLS_PER_BLOCK = 1000, PAIRS_DEFAULT = 400 };

typedef ssize_t (*call)(int, void *, size_t);

static double block_ns(call volatile *function, int fd)
{
    struct timespec begin, end;
    char byte = 0;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < CALLS_PER_BLOCK; i++)
        if ((*function)(fd, &byte, 1) != 1)
            err(1, "read or write");
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    return ns / CALLS_PER_BLOCK;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static void measure(const char *name, int fd, int pairs)
{
    call seen = (call)dlsym(RTLD_DEFAULT, name);
    call libc = (call)dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), name);
    double *added = calloc((size_t)pairs, sizeof *added);
    double *base = calloc((size_t)pairs, sizeof *base);
    if (!seen || !libc || !added || !base || fd < 0)
        errx(1, "cannot measure %s", name);
    for (int i = 0; i < pairs; i++) {
        double first = block_ns(i % 2 ? &seen : &libc, fd);
        double second = block_ns(i % 2 ? &libc : &seen, fd);
        base[i] = i % 2 ? second : first;
        added[i] = i % 2 ? first - second : second - first;
    }
    printf("%.3f %.3f ", median(added, pairs), median(base, pairs));
}

int main(int argc, char **argv)
{
    int pairs = argc > 1 ? atoi(argv[1]) : PAIRS_DEFAULT;
    /* A preload may look nothing up before there is a socket. */
    if (pairs < 1 || socket(AF_INET, SOCK_STREAM, 0) < 0)
        return 1;
    measure("read", open("/dev/zero", O_RDONLY), pairs);
    measure("write", open("/dev/null", O_WRONLY), pairs);
    putchar('\n');
    return 0;
}
