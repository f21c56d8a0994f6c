/* The collector's way out: many lines at a time, each counted where it went. */
#include "launcher/line_batch.h"

#include "support/ring_fixture.h"
#include "support/tiny_file_system.h"

#include <sys/socket.h>
#include <sys/un.h>

static struct line_batch *g_batch;

static void set_up(void)
{
    fixture_set_up();
    run_stats_use(&g_fixture_ring->stats);
    g_batch = line_batch_new(g_fixture_outputs.exporters);
    cr_assert(g_batch);
}

TestSuite(line_batch, .init = set_up, .fini = fixture_tear_down, .timeout = 60);

static struct span span_of(uint32_t number)
{
    struct span span = {.kind = SPAN_KIND_SERVER, .name = "GET", .name_len = 3, .trace_id = {1}};
    memcpy(span.span_id, &number, sizeof number);
    return span;
}

static void add(uint32_t number)
{
    struct span span = span_of(number);
    line_batch_add(g_batch, &span, resource_current(), false);
}

static uint64_t span_count(void)
{
    return g_fixture_ring->stats.span_count;
}

static uint64_t drop_count(enum drop_reason reason)
{
    return g_fixture_ring->stats.dropped_count[reason];
}

Test(line_batch, hands_on_at_the_flush)
{
    add(1);
    add(2);
    cr_expect_eq(span_count(), 0);
    line_batch_flush(g_batch);
    cr_expect_eq(span_count(), 2);
    line_batch_flush(g_batch);
    cr_expect_eq(span_count(), 2);
    line_batch_finish(g_batch);
    fixture_read();
    cr_expect_eq(fixture_line_count(), 2);
}

Test(line_batch, hands_on_by_itself_what_no_longer_fits)
{
    enum { COUNT = 5000 };
    for (uint32_t i = 1; i <= COUNT; i++)
        add(i);
    cr_expect_gt(span_count(), 0);
    line_batch_finish(g_batch);
    cr_expect_eq(span_count(), COUNT);
    fixture_read();
    cr_expect_eq(fixture_line_count(), COUNT);
    for (uint32_t i = 1; i <= COUNT; i += 97)
        cr_expect(fixture_line(i) != NULL);
}

/* Each byte of these becomes six. */
Test(line_batch, the_longest_lines_fit)
{
    enum { COUNT = 200 };
    static struct resource resource;
    memset(&resource, 1, sizeof resource);
    resource.service_name_len = sizeof resource.service_name;
    resource.executable_name_len = sizeof resource.executable_name;
    resource.host_name_len = sizeof resource.host_name;
    resource.attributes_len = sizeof resource.attributes;
    static char filler[SPAN_BYTES_LEN];
    memset(filler, 1, sizeof filler);
    for (uint32_t i = 1; i <= COUNT; i++) {
        struct span span = span_of(i);
        span_set_string(&span, ATTRIBUTE_URL_PATH, filler, sizeof filler - 8);
        line_batch_add(g_batch, &span, &resource, false);
    }
    line_batch_finish(g_batch);
    cr_expect_eq(span_count(), COUNT);
    cr_expect_eq(drop_count(DROP_DAMAGED), 0);
}

Test(line_batch, what_is_no_span_is_counted_as_damaged)
{
    struct span no_ids = span_of(0), no_kind = span_of(1), no_status = span_of(2);
    no_kind.kind = 200;
    no_status.status = 200;
    line_batch_add(g_batch, &no_ids, resource_current(), false);
    line_batch_add(g_batch, &no_kind, resource_current(), false);
    line_batch_add(g_batch, &no_status, resource_current(), false);
    add(3);
    line_batch_finish(g_batch);
    cr_expect_eq(drop_count(DROP_DAMAGED), 3);
    cr_expect_eq(span_count(), 1);
}

Test(line_batch, errors_and_services_are_counted_apart)
{
    struct span span = span_of(1);
    struct resource other = {.service_name = "other", .service_name_len = 5};
    span_set_error(&span, "500", "");
    line_batch_add(g_batch, &span, &other, false);
    add(2);
    line_batch_finish(g_batch);
    cr_expect_eq(g_fixture_ring->stats.error_count, 1);
    cr_expect_eq(run_stats_service_count(&g_fixture_ring->stats), 2);
}

Test(line_batch, a_device_that_is_full_takes_nothing_and_all_is_counted)
{
    struct line_batch *batch = line_batch_new("file:/dev/full");
    for (uint32_t i = 1; i <= 100; i++) {
        struct span span = span_of(i);
        line_batch_add(batch, &span, resource_current(), false);
    }
    line_batch_finish(batch);
    cr_expect_eq(span_count(), 0);
    cr_expect_eq(drop_count(DROP_WRITE_FAILED), 100);
    cr_expect_eq(g_fixture_ring->stats.last_errno[DROP_WRITE_FAILED], ENOSPC);
}

Test(line_batch, a_file_system_that_fills_up_in_the_middle_of_a_batch)
{
    char exporters[160], line[4096];
    if (!tiny_file_system_mount(g_fixture_directory, "size=16k"))
        cr_skip_test("no tmpfs can be mounted here");
    snprintf(exporters, sizeof exporters, "file:%s/small", g_fixture_directory);
    struct line_batch *batch = line_batch_new(exporters);
    for (uint32_t i = 1; i <= 100; i++) {
        struct span span = span_of(i);
        line_batch_add(batch, &span, resource_current(), false);
    }
    line_batch_finish(batch);
    uint64_t whole = 0;
    FILE *file = fopen(exporters + 5, "re");
    while (fgets(line, sizeof line, file))
        whole += line[strlen(line) - 1] == '\n';
    fclose(file);
    cr_expect_gt(whole, 10);
    cr_expect_eq(span_count(), whole);
    cr_expect_eq(drop_count(DROP_WRITE_FAILED), 100 - whole);
    tiny_file_system_unmount(g_fixture_directory);
}

Test(line_batch, two_outputs_get_the_same)
{
    char both[OUTPUTS_LEN_MAX + 300], second[128];
    snprintf(second, sizeof second, "%s/other", g_fixture_directory);
    snprintf(both, sizeof both, "%s,file:%s", g_fixture_outputs.exporters, second);
    struct line_batch *batch = line_batch_new(both);
    for (uint32_t i = 1; i <= 50; i++) {
        struct span span = span_of(i);
        line_batch_add(batch, &span, resource_current(), false);
    }
    line_batch_finish(batch);
    struct stat one, other;
    cr_assert_eq(stat(g_fixture_spans_path, &one), 0);
    cr_assert_eq(stat(second, &other), 0);
    cr_expect_gt(one.st_size, 0);
    cr_expect_eq(one.st_size, other.st_size);
    cr_expect_eq(span_count(), 50);
    unlink(second);
}

Test(line_batch, a_peer_that_is_slow_gets_whole_lines_and_a_last_while)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", g_fixture_directory);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 1), 0);
    pid_t reader = fixture_fork();
    if (reader == 0) {
        static char bytes[1 << 20];
        int fd = accept(listener, NULL, NULL);
        int lines = 0;
        for (ssize_t got; (got = read(fd, bytes, 1000)) > 0; usleep(50))
            for (ssize_t i = 0; i < got; i++)
                lines += bytes[i] == '\n';
        _exit(lines == 200 ? 0 : 1);
    }
    char exporters[160];
    snprintf(exporters, sizeof exporters, "unix:%s", address.sun_path);
    pid_t writer = fixture_fork(); /* the connection ends with the process that holds it */
    if (writer == 0) {
        struct line_batch *batch = line_batch_new(exporters);
        for (uint32_t i = 1; i <= 200; i++) {
            struct span span = span_of(i);
            line_batch_add(batch, &span, resource_current(), false);
        }
        line_batch_finish(batch);
        _exit(0);
    }
    cr_expect_eq(fixture_reap(writer), 0);
    cr_expect_eq(span_count(), 200);
    cr_expect_eq(WEXITSTATUS(fixture_reap(reader)), 0, "lines are missing");
    unlink(address.sun_path);
}

Test(line_batch, without_a_place_to_go_nothing_breaks)
{
    struct line_batch *batch = line_batch_new("");
    struct span span = span_of(1);
    line_batch_add(batch, &span, resource_current(), false);
    line_batch_finish(batch);
    cr_expect_eq(span_count(), 0);
}

/* One that was killed while it wrote. */
Test(line_batch, a_line_that_another_left_unfinished_spoils_none_of_ours)
{
    int fd = open(g_fixture_spans_path, O_WRONLY | O_CREAT, 0600);
    cr_assert_eq(write(fd, "{\"traceId\":\"0af7", 16), 16);
    close(fd);
    for (uint32_t i = 1; i <= 10; i++)
        add(i);
    line_batch_finish(g_batch);
    g_fixture_may_be_torn = true;
    fixture_read();
    cr_expect_eq(fixture_line_count(), 10, "%d of 10 can be read", fixture_line_count());
}
