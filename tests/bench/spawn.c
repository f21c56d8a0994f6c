/* spawn ROUNDS PROGRAM ENVIRONMENT... - starts PROGRAM and waits for it, once a round with each
 * ENVIRONMENT ("NAME=VALUE" lines), in an order that rotates.
 * Prints a line a round: for each ENVIRONMENT, in the order given, "wall ns, CPU us". */
#include <err.h>
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { VARIANTS_MAX = 16, SETTINGS_MAX = 16 };

struct variant {
    char *environment[SETTINGS_MAX + 1];
    uint64_t wall_ns;
    uint64_t cpu_us;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t time_us(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void run(char *program, struct variant *variant)
{
    char *arguments[] = {program, NULL};
    struct rusage usage;
    int status;
    pid_t pid;
    uint64_t begin_ns = now_ns();
    errno = posix_spawn(&pid, program, NULL, NULL, arguments, variant->environment);
    if (errno)
        err(1, "posix_spawn");
    if (wait4(pid, &status, 0, &usage) < 0 || status != 0)
        errx(1, "%s failed: %d", program, status);
    variant->wall_ns = now_ns() - begin_ns;
    variant->cpu_us = time_us(usage.ru_utime) + time_us(usage.ru_stime);
}

static void environment_set(struct variant *variant, char *lines)
{
    int count = 0;
    for (char *line = strtok(lines, "\n"); line && count < SETTINGS_MAX; line = strtok(NULL, "\n"))
        variant->environment[count++] = line;
}

int main(int argc, char **argv)
{
    static struct variant variants[VARIANTS_MAX];
    int count = argc - 3;
    if (count < 1 || count > VARIANTS_MAX)
        errx(2, "usage: spawn ROUNDS PROGRAM ENVIRONMENT...");
    for (int i = 0; i < count; i++)
        environment_set(&variants[i], argv[i + 3]);
    long rounds = atol(argv[1]);
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < count; i++)
            run(argv[2], &variants[(i + round) % count]);
        for (int i = 0; i < count; i++)
            printf("%llu %llu ", (unsigned long long)variants[i].wall_ns,
                   (unsigned long long)variants[i].cpu_us);
        putchar('\n');
    }
    return 0;
}
