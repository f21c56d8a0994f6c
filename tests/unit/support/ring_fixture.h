/* ring_fixture.h - a ring in a directory of its own, this test as a traced process that writes to it,
 * and a collector that writes to a file. Spans are told apart by a number of the test's choice. */
#ifndef RUN_TRACED_TESTS_RING_FIXTURE_H
#define RUN_TRACED_TESTS_RING_FIXTURE_H

#include "base/clock.h"
#include "base/process.h"
#include "export/ring.h"
#include "export/ring_sink.h"
#include "launcher/collector.h"
#include "launcher/outputs.h"
#include "trace/resource.h"
#include "trace/sink.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
enum { FIXTURE_IS_SANITIZED = 1 };
#else
enum { FIXTURE_IS_SANITIZED = 0 };
#endif

/* What any condition may take before it counts as never. */
#define FIXTURE_PATIENCE_NS (20 * NANOS_PER_SECOND)

static char g_fixture_directory[64], g_fixture_ring_path[96], g_fixture_spans_path[96];
static struct outputs g_fixture_outputs;
static struct ring *g_fixture_ring;
static struct collector g_fixture_collector;
static cJSON *g_fixture_lines; /* after fixture_read() */
static bool g_fixture_may_be_torn; /* a collector was killed: a line may end early */

/* Where the ring sink has mapped the ring, so that the test sees a span where the sink does. */
static inline struct ring *fixture_sink_mapping(void)
{
    char line[512];
    void *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (!found && fgets(line, sizeof line, maps))
        if (strstr(line, g_fixture_ring_path))
            cr_assert_eq(sscanf(line, "%p-", &found), 1);
    fclose(maps);
    cr_assert(found);
    return found;
}

static inline void fixture_set_up(void)
{
    strcpy(g_fixture_directory, "/dev/shm/test_ring.XXXXXX");
    cr_assert(mkdtemp(g_fixture_directory));
    snprintf(g_fixture_ring_path, sizeof g_fixture_ring_path, "%s/ring", g_fixture_directory);
    snprintf(g_fixture_spans_path, sizeof g_fixture_spans_path, "%s/spans.jsonl",
             g_fixture_directory);
    snprintf(g_fixture_outputs.exporters, sizeof g_fixture_outputs.exporters, "file:%s", g_fixture_spans_path);
    setenv("OTEL_SERVICE_NAME", "shop", 1);
    resource_init();
    cr_assert_eq(ring_create(g_fixture_ring_path, &g_fixture_ring), 0);
    munmap(g_fixture_ring, sizeof *g_fixture_ring);
    const struct span_sink *sink = ring_sink_init(g_fixture_ring_path);
    cr_assert(sink);
    span_sink_set(sink);
    g_fixture_ring = fixture_sink_mapping();
}

static inline void fixture_tear_down(void)
{
    unlink(g_fixture_ring_path);
    unlink(g_fixture_spans_path);
    rmdir(g_fixture_directory);
}

static inline void fixture_collect(void)
{
    int error = collector_open(&g_fixture_collector, g_fixture_ring, g_fixture_ring_path,
                               &g_fixture_outputs, false);
    cr_assert_eq(error, 0, "%s", strerror(-error));
}

/* One turn of the event loop: waits for something to do, at most @wait_ms. */
static inline void fixture_turn(int wait_ms)
{
    struct pollfd watched = {.fd = g_fixture_collector.epoll_fd, .events = POLLIN};
    if (poll(&watched, 1, wait_ms) > 0)
        collector_work(&g_fixture_collector);
}

/* Turns until @is_true; a test that uses it waits for nothing else. */
#define FIXTURE_TURN_UNTIL(is_true)                                                                \
    do {                                                                                           \
        uint64_t fixture_start_ns = clock_monotonic_ns();                                          \
        while (!(is_true)) {                                                                       \
            cr_assert_lt(clock_monotonic_ns() - fixture_start_ns, FIXTURE_PATIENCE_NS,             \
                         "never came true: %s", #is_true);                                         \
            fixture_turn(10);                                                                      \
        }                                                                                          \
    } while (0)

/* The span of a request that is told apart by @number, which is not 0. */
static inline struct span *fixture_start(uint32_t number)
{
    struct span_context context = {.is_valid = true, .trace_id = {0xab}};
    memcpy(context.span_id, &number, sizeof number);
    memcpy(context.trace_id + 8, &number, sizeof number);
    struct span *span = span_start(SPAN_KIND_SERVER, 0);
    if (!span)
        return NULL;
    span_set_context(span, &context, NULL);
    span_set_name(span, "GET", 3);
    span_set_int(span, ATTRIBUTE_SERVER_PORT, number);
    return span;
}

static inline bool fixture_finish(uint32_t number)
{
    struct span *span = fixture_start(number);
    if (span)
        span_end(span, clock_monotonic_ns());
    return span != NULL;
}

static inline uint32_t fixture_state_count(enum span_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RING_RECORDS_MAX; i++)
        count += ring_state_of(atomic_load(&g_fixture_ring->states[i])) == state;
    return count;
}

static inline uint32_t fixture_process_count(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RING_PROCESSES_MAX; i++)
        count += atomic_load(&g_fixture_ring->processes[i].identity) != 0;
    return count;
}

/* Reads the spans file: each line must be JSON. */
static inline void fixture_read(void)
{
    FILE *file = fopen(g_fixture_spans_path, "re");
    char *line = NULL;
    size_t size = 0;
    cJSON_Delete(g_fixture_lines);
    g_fixture_lines = cJSON_CreateArray();
    while (file && getline(&line, &size, file) > 0) {
        cJSON *span = cJSON_Parse(line);
        if (!span && g_fixture_may_be_torn)
            continue;
        cr_assert(span, "not JSON: %s", line);
        cJSON_AddItemToArray(g_fixture_lines, span);
    }
    free(line);
    if (file)
        fclose(file);
}

static inline int fixture_line_count(void)
{
    return cJSON_GetArraySize(g_fixture_lines);
}

/* The line of span @number; NULL if there is none. It must not be there twice. */
static inline const cJSON *fixture_line(uint32_t number)
{
    char id[17];
    uint8_t bytes[8] = {0};
    const cJSON *line, *found = NULL;
    memcpy(bytes, &number, sizeof number);
    for (int i = 0; i < 8; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    cJSON_ArrayForEach(line, g_fixture_lines) {
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(line, "spanId")), id) != 0)
            continue;
        cr_assert_null(found, "span %u is there twice", number);
        found = line;
    }
    return found;
}

/* error.type of a line, or "" */
static inline const char *fixture_error_type(const cJSON *line)
{
    const cJSON *attributes = cJSON_GetObjectItem(line, "attributes");
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(attributes, "error.type"));
    return type ? type : "";
}

static inline const char *fixture_status(const cJSON *line)
{
    const cJSON *status = cJSON_GetObjectItem(line, "status");
    const char *code = cJSON_GetStringValue(cJSON_GetObjectItem(status, "code"));
    return code ? code : "";
}

static inline const char *fixture_message(const cJSON *line)
{
    const cJSON *status = cJSON_GetObjectItem(line, "status");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItem(status, "message"));
    return message ? message : "";
}

/* A pipe that processes tell each other by: how far they are. */
struct fixture_signal {
    int ends[2];
};

static inline void fixture_signal_make(struct fixture_signal *told)
{
    cr_assert_eq(pipe2(told->ends, O_CLOEXEC), 0);
}

static inline void fixture_tell(const struct fixture_signal *told)
{
    if (write(told->ends[1], "x", 1) != 1)
        _exit(99);
}

static inline void fixture_hear(const struct fixture_signal *told)
{
    char byte;
    struct pollfd watched = {.fd = told->ends[0], .events = POLLIN};
    if (poll(&watched, 1, 20000) != 1 || read(told->ends[0], &byte, 1) != 1)
        abort();
}

/* fork(2) of a child that does not outlive the test, whatever becomes of that. */
static inline pid_t fixture_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    return pid;
}

/* A child that runs @body and then waits to be killed, unless @body ends it. */
#define FIXTURE_CHILD(pid, body)                                                                   \
    pid_t pid = fixture_fork();                                                                    \
    cr_assert_geq(pid, 0);                                                                         \
    if (pid == 0) {                                                                                \
        body;                                                                                      \
        for (;;)                                                                                   \
            pause();                                                                               \
    }

static inline int fixture_reap(pid_t pid)
{
    int status = -1;
    cr_assert_eq(TEMP_FAILURE_RETRY(waitpid(pid, &status, 0)), pid);
    return status;
}

static inline int fixture_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    return fixture_reap(pid);
}

#endif
