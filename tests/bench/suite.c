/* suite COUNT PROGRAM [ARGUMENT...] - starts PROGRAM COUNT times, one after the other, as a test suite does. Prints, for
 * each of them: the median of the wall time in ns, the CPU time in ns (its own, and of who starts it), page faults.
 * suite work TURNS   - does as many turns of work
 * suite sleep MS     - sleeps
 * suite calibrate MS - prints how many turns take so long */
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

extern char **environ;

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* In a register: how long a loop through memory takes depends on where the stack happens to lie. */
static void work(uint64_t turns)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < turns; i++) {
        sum += i;
        __asm__ volatile("" : "+r"(sum));
    }
}

/* The best of some: what others take of the processor is not work. */
static uint64_t calibrate(uint64_t ms)
{
    enum { TURNS = 1000000, TRIES = 20 };
    uint64_t best_ns = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t begin_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        work(TURNS);
        uint64_t taken_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns;
        best_ns = taken_ns < best_ns ? taken_ns : best_ns;
    }
    return ms * 1000000 * TURNS / best_ns;
}

static int compare(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static uint64_t run_ns(char **command)
{
    int status;
    pid_t pid;
    uint64_t begin_ns = now_ns(CLOCK_MONOTONIC);
    errno = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
    if (errno)
        err(1, "posix_spawn");
    if (waitpid(pid, &status, 0) < 0 || status != 0)
        errx(1, "%s failed: %d", command[0], status);
    return now_ns(CLOCK_MONOTONIC) - begin_ns;
}

static uint64_t cpu_ns(const struct rusage *usage)
{
    return ((uint64_t)usage->ru_utime.tv_sec + (uint64_t)usage->ru_stime.tv_sec) * 1000000000 +
           ((uint64_t)usage->ru_utime.tv_usec + (uint64_t)usage->ru_stime.tv_usec) * 1000;
}

static void suite(size_t count, char **command)
{
    uint64_t *taken_ns = calloc(count, sizeof *taken_ns);
    uint64_t begin_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    struct rusage usage;
    for (size_t i = 0; taken_ns && i < count; i++)
        taken_ns[i] = run_ns(command);
    uint64_t own_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns;
    getrusage(RUSAGE_CHILDREN, &usage);
    qsort(taken_ns, count, sizeof *taken_ns, compare);
    printf("%llu %llu %.1f\n", (unsigned long long)taken_ns[count / 2],
           (unsigned long long)((own_ns + cpu_ns(&usage)) / count), (double)usage.ru_minflt / (double)count);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "usage: suite COUNT PROGRAM [ARGUMENT...] | work TURNS | sleep MS | calibrate MS");
    uint64_t value = strtoull(argv[2], NULL, 10);
    if (strcmp(argv[1], "work") == 0) {
        work(value);
    } else if (strcmp(argv[1], "sleep") == 0) {
        struct timespec time = {.tv_sec = (time_t)(value / 1000), .tv_nsec = (long)(value % 1000) * 1000000};
        nanosleep(&time, NULL);
    } else if (strcmp(argv[1], "calibrate") == 0) {
        printf("%llu\n", (unsigned long long)calibrate(value));
    } else if (strtoul(argv[1], NULL, 10) > 0) {
        suite(strtoul(argv[1], NULL, 10), argv + 2);
    }
    return 0;
}
