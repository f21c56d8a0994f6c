/* compiler.h - the few compiler hints and constants that everything uses. */
#ifndef RUN_TRACED_BASE_COMPILER_H
#define RUN_TRACED_BASE_COMPILER_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Large, and not looked at where a process only starts: kept apart from what is, so that fewer pages are touched. */
#define BULKY __attribute__((section(".bss.bulky")))
#define BULKY_DATA __attribute__((section(".data.bulky")))

/* Cold paths live in functions of their own, so that the common case stays one branch. */
#define COLD __attribute__((cold, noinline))
/* What is not rare enough for that, but would make a caller that seldom needs it slower. */
#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Thread-locals of the preloaded library: the initial-exec model needs no __tls_get_addr, which may
 * allocate. */
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* prefetch_to_write - asks for the cache line of @address, to be written to soon. Any address will do. */
static inline void prefetch_to_write(const void *address)
{
#ifdef __x86_64__
    /* What __builtin_prefetch makes of it for the oldest processors asks for a line to be read. */
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* One of the arguments is evaluated twice. */
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define NANOS_PER_SECOND 1000000000ULL
#define NANOS_PER_MILLI 1000000ULL
#define NANOS_PER_MICRO 1000ULL

#endif
