/* producer RING PROCESSES SECONDS [SPANS_PER_SECOND] - PROCESSES processes that put spans into the
 * ring: SPANS_PER_SECOND in all, or by default as many as it takes. A process that finds it full waits
 * a moment and counts that. Prints "started" when all are there, then
 * "spans published, times full, CPU nanoseconds of the producers". */
#include "base/clock.h"
#include "export/ring_sink.h"
#include "trace/resource.h"
#include "trace/span.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FULL_RETRIES = 65, FULL_WAIT_US = 500, CLOCK_EVERY = 64 };

/* What the processes tell each other. */
struct progress {
    _Atomic uint64_t published_count;
    _Atomic uint64_t full_count;
    _Atomic int started_count;
};

static struct progress *g_progress;

static void set(struct span *span, enum attribute_key key, const char *value)
{
    span_set_string(span, key, value, strlen(value));
}

/* What a server's span holds, and the call site of a client's: a line of about 1,100 bytes. */
static void attributes_set(struct span *span)
{
    set(span, ATTRIBUTE_HTTP_REQUEST_METHOD, "GET");
    set(span, ATTRIBUTE_URL_SCHEME, "http");
    set(span, ATTRIBUTE_URL_PATH, "/api/v1/warehouses/7/items/42");
    set(span, ATTRIBUTE_URL_QUERY, "verbose=REDACTED&page=REDACTED");
    set(span, ATTRIBUTE_SERVER_ADDRESS, "inventory.shop.example");
    span_set_int(span, ATTRIBUTE_SERVER_PORT, 8080);
    set(span, ATTRIBUTE_CLIENT_ADDRESS, "192.168.100.200");
    set(span, ATTRIBUTE_NETWORK_PEER_ADDRESS, "192.168.100.200");
    span_set_int(span, ATTRIBUTE_NETWORK_PEER_PORT, 54321);
    set(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION, "1.1");
    set(span, ATTRIBUTE_USER_AGENT_ORIGINAL, "Mozilla/5.0 (X11; Linux x86_64) bench/1.0");
    set(span, ATTRIBUTE_CODE_ADDRESS, "libinventory.so.3+0x1f2a4");
    span_set_int(span, ATTRIBUTE_HTTP_RESPONSE_STATUS_CODE, 200);
    span_set_int(span, ATTRIBUTE_HTTP_RESPONSE_BODY_SIZE, 1234);
}

static bool publish(void)
{
    static const uint8_t parent_span_id[SPAN_ID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct span_context context;
    struct span *span = span_start(SPAN_KIND_SERVER, 0);
    if (!span)
        return false;
    span_context_child(&context, NULL);
    span_set_context(span, &context, parent_span_id);
    span_set_name(span, "GET", 3);
    attributes_set(span);
    span_add_event(span, SPAN_EVENT_REQUEST_FIRST_BYTE, span->start_ns);
    span_add_event(span, SPAN_EVENT_RESPONSE_FIRST_BYTE, span->start_ns + 1000);
    span_end(span, span->start_ns + 2000);
    return true;
}

/* A sink that was full gives up the next spans without a look; waiting begins after those. */
static bool publish_or_wait(void)
{
    for (int i = 0; i < FULL_RETRIES; i++)
        if (publish())
            return true;
    usleep(FULL_WAIT_US);
    return false;
}

static void produce_at_once(uint64_t end_ns)
{
    uint64_t published = 0, full = 0;
    while (clock_monotonic_ns() < end_ns)
        for (int i = 0; i < CLOCK_EVERY; i++) {
            bool is_published = publish_or_wait();
            published += is_published;
            full += !is_published;
        }
    g_progress->published_count += published;
    g_progress->full_count += full;
}

static void produce_slowly(uint64_t end_ns, double per_second)
{
    for (;;) {
        usleep((useconds_t)(1e6 / per_second));
        if (clock_monotonic_ns() >= end_ns)
            return;
        if (publish())
            g_progress->published_count++;
        else
            g_progress->full_count++;
    }
}

static void produce(double seconds, double per_second)
{
    uint64_t end_ns = clock_monotonic_ns() + (uint64_t)(seconds * 1e9);
    if (publish())
        g_progress->published_count++;
    g_progress->started_count++;
    if (per_second > 0)
        produce_slowly(end_ns, per_second);
    else
        produce_at_once(end_ns);
}

static void wait_for_start(int count)
{
    while (g_progress->started_count < count)
        usleep(1000);
    puts("started");
    fflush(stdout);
}

static uint64_t children_cpu_ns(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return ((uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
            (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)) * 1000;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        errx(2, "usage: producer RING PROCESSES SECONDS [SPANS_PER_SECOND]");
    int count = atoi(argv[2]);
    double per_second = argc > 4 ? atof(argv[4]) / count : 0;
    g_progress = mmap(NULL, sizeof *g_progress, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    resource_init();
    const struct span_sink *sink = ring_sink_init(argv[1]);
    if (!sink || g_progress == MAP_FAILED)
        errx(1, "cannot map the ring %s", argv[1]);
    span_sink_set(sink);
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid < 0)
            err(1, "fork");
        if (pid == 0) {
            produce(atof(argv[3]), per_second);
            _exit(0);
        }
    }
    wait_for_start(count);
    while (wait(NULL) > 0)
        ;
    printf("%llu %llu %llu\n", (unsigned long long)g_progress->published_count,
           (unsigned long long)g_progress->full_count, (unsigned long long)children_cpu_ns());
    return 0;
}
