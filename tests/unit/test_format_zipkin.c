/* Zipkin's JSON: the exact text, remote endpoints, and valid JSON whatever a record says. */
#include "support/guarded.h"
#include "support/json_check.h"
#include "support/random_record.h"
#include "support/sample_batch.h"

#include "base/compiler.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct format *const FORMAT = &FORMAT_ZIPKIN;

enum { ROOM = 64 * 1024 };

#define SCOPE_TAGS "\"otel.scope.name\":\"run-traced\",\"otel.scope.version\":\"" RUN_TRACED_VERSION "\""

/* The message, for a moment; @batch stays as it was. */
static const char *finished(struct batch *batch)
{
    static char text[4 * ROOM + 1];
    struct text before = batch->text, unused = text_on(NULL, 0);
    struct text *after = FORMAT->finish(batch, &unused);
    cr_assert_not(after->overflowed);
    memcpy(text, after->bytes, after->len);
    text[after->len] = '\0';
    const char *problem = json_problem(text, after->len);
    cr_assert_null(problem, "%s: %s", problem, text);
    batch->text = before;
    return text;
}

/* The message of one span. */
static const char *one(const struct span *span, const struct resource *resource)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    cr_assert_eq(sample_batch_add(FORMAT, batch, span, resource), 0);
    const char *text = finished(batch);
    sample_batch_free(batch);
    return text;
}

Test(format_zipkin, writes_every_field_of_a_span)
{
    struct resource resource;
    struct span span;
    sample_span(&span);
    cr_assert_str_eq(
        one(&span, sample_resource(&resource)),
        "[{\"traceId\":\"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a\",\"parentId\":\"b7ad6b7169203331\","
        "\"id\":\"cbcbcbcbcbcbcbcb\",\"kind\":\"CLIENT\",\"name\":\"POST\",\"timestamp\":1699999999000000,"
        "\"duration\":800000,\"localEndpoint\":{\"serviceName\":\"order\"},"
        "\"annotations\":[{\"timestamp\":1699999998999999,\"value\":\"connect\"},"
        "{\"timestamp\":1699999999000100,\"value\":\"connected\"}],"
        "\"tags\":{" SCOPE_TAGS ",\"server.address\":\"shop.example\",\"server.port\":\"8080\","
        "\"network.peer.address\":\"192.0.2.7\",\"error.type\":\"ECONNRESET\",\"run_traced.parent.ambiguous\":\"true\","
        "\"run_traced.sent_bytes\":\"-1\",\"http.request.header.x\":\"[\\\"a\\\\\\\"b\\\",\\\"\\\"]\","
        "\"thread.id\":\"4712\",\"otel.status_code\":\"ERROR\",\"error\":\"reset\","
        "\"otel.dropped_attributes_count\":\"2\",\"process.pid\":\"4711\",\"process.executable.name\":\"shop\","
        "\"host.name\":\"box\",\"deployment.environment\":\"test\"},"
        "\"remoteEndpoint\":{\"serviceName\":\"shop.example\",\"ipv4\":\"192.0.2.7\"}}]");
}

Test(format_zipkin, leaves_out_what_a_span_has_not)
{
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    cr_assert_str_eq(one(&span, &resource),
                     "[{\"traceId\":\"01010101010101010101010101010101\",\"id\":\"0202020202020202\",\"name\":\"\","
                     "\"timestamp\":1000000,\"duration\":1,\"localEndpoint\":{\"serviceName\":\"unknown_service\"},"
                     "\"tags\":{" SCOPE_TAGS ",\"process.pid\":\"0\",\"process.executable.name\":\"\","
                     "\"host.name\":\"\"}}]");
}

Test(format_zipkin, spans_are_parted_by_commas)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), 0);
    cJSON *json = cJSON_Parse(finished(batch));
    cr_assert_eq(cJSON_GetArraySize(json), 3);
    cJSON_Delete(json);
    sample_batch_free(batch);
}

Test(format_zipkin, duration_is_whole_microseconds_and_never_none)
{
    static const struct {
        uint64_t ns;
        const char *expected;
    } rows[] = {
        {0, "\"duration\":1,"}, {499, "\"duration\":1,"}, {1234, "\"duration\":1,"}, {5000000, "\"duration\":5000,"}};
    struct resource resource = {0};
    struct span span;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sample_span_small(&span);
        span.end_ns = span.start_ns + rows[i].ns;
        cr_expect(strstr(one(&span, &resource), rows[i].expected), "%zu", i);
    }
}

Test(format_zipkin, status_becomes_tags)
{
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    memcpy(span.message, "text", span.message_len = 4);
    cr_expect_null(strstr(one(&span, &resource), "otel.status_code"));
    cr_expect_null(strstr(one(&span, &resource), "error"));
    span.status = SPAN_STATUS_OK;
    cr_expect(strstr(one(&span, &resource), ",\"otel.status_code\":\"OK\",\"process.pid\""));
    span.status = SPAN_STATUS_ERROR;
    cr_expect(strstr(one(&span, &resource), ",\"otel.status_code\":\"ERROR\",\"error\":\"text\","));
    span.message_len = 0;
    cr_expect(strstr(one(&span, &resource), ",\"otel.status_code\":\"ERROR\",\"error\":\"\","));
}

struct endpoint_row {
    const char *name;
    enum span_kind kind;
    const char *server, *peer, *client;
    int server_port, peer_port, client_port;
    const char *expected; /* NULL: none */
};

static void assert_endpoint(const struct endpoint_row *row)
{
    struct resource resource = {0};
    struct span span;
    sample_span_small(&span);
    span.kind = (uint8_t)row->kind;
    if (row->server)
        span_set_string(&span, ATTRIBUTE_SERVER_ADDRESS, row->server, strlen(row->server));
    if (row->peer)
        span_set_string(&span, ATTRIBUTE_NETWORK_PEER_ADDRESS, row->peer, strlen(row->peer));
    if (row->client)
        span_set_string(&span, ATTRIBUTE_CLIENT_ADDRESS, row->client, strlen(row->client));
    if (row->server_port)
        span_set_int(&span, ATTRIBUTE_SERVER_PORT, row->server_port);
    if (row->peer_port)
        span_set_int(&span, ATTRIBUTE_NETWORK_PEER_PORT, row->peer_port);
    if (row->client_port)
        span_set_int(&span, ATTRIBUTE_CLIENT_PORT, row->client_port);
    const char *text = one(&span, &resource), *endpoint = strstr(text, ",\"remoteEndpoint\":");
    if (!row->expected) {
        cr_expect_null(endpoint, "%s: %s", row->name, text);
        return;
    }
    cr_assert(endpoint, "%s: %s", row->name, text);
    endpoint += strlen(",\"remoteEndpoint\":");
    cr_expect(strncmp(endpoint, row->expected, strlen(row->expected)) == 0, "%s: %s", row->name, endpoint);
}

Test(format_zipkin, the_other_end)
{
    static const struct endpoint_row rows[] = {
        {"a name and where it is", SPAN_KIND_CLIENT, "shop", "192.0.2.7", NULL, 443, 8443, 0,
         "{\"serviceName\":\"shop\",\"ipv4\":\"192.0.2.7\",\"port\":8443}}]"},
        {"a name alone", SPAN_KIND_CLIENT, "shop", NULL, NULL, 443, 0, 0, "{\"serviceName\":\"shop\",\"port\":443}}]"},
        {"no name", SPAN_KIND_CLIENT, NULL, "2001:db8::7", NULL, 0, 80, 0, "{\"ipv6\":\"2001:db8::7\",\"port\":80}}]"},
        {"an address for a name", SPAN_KIND_CLIENT, "192.0.2.9", NULL, NULL, 80, 0, 0,
         "{\"serviceName\":\"192.0.2.9\",\"ipv4\":\"192.0.2.9\",\"port\":80}}]"},
        {"a socket's path", SPAN_KIND_CLIENT, NULL, "/run/shop.sock", NULL, 0, 0, 0, NULL},
        {"a scope is none of Zipkin's", SPAN_KIND_CLIENT, "shop", "fe80::1%eth0", NULL, 0, 80, 0, "{\"serviceName\":\"shop\"}}]"},
        {"a port that is none", SPAN_KIND_CLIENT, "shop", "192.0.2.7", NULL, 0, 65536, 0,
         "{\"serviceName\":\"shop\",\"ipv4\":\"192.0.2.7\"}}]"},
        {"nothing", SPAN_KIND_CLIENT, NULL, NULL, NULL, 0, 0, 0, NULL},
        {"a server's client", SPAN_KIND_SERVER, "shop", "192.0.2.1", "198.51.100.2", 80, 4000, 5000,
         "{\"ipv4\":\"198.51.100.2\",\"port\":5000}}]"},
        {"a server's peer", SPAN_KIND_SERVER, "shop", "192.0.2.1", "unknown", 80, 4000, 0,
         "{\"ipv4\":\"192.0.2.1\",\"port\":4000}}]"},
        {"a server is no end of its own", SPAN_KIND_SERVER, "shop", NULL, NULL, 80, 0, 0, NULL},
        {"an internal span has none", SPAN_KIND_INTERNAL, "shop", "192.0.2.1", NULL, 80, 80, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_endpoint(&rows[i]);
}

Test(format_zipkin, no_tag_comes_twice)
{
    struct resource resource;
    struct span span;
    sample_resource(&resource);
    memcpy(resource.attributes, "\x05\0\x01\0errorx\x08\0\x01\0url.pathr\x01\0\x01\0kr", 30 - 1);
    resource.attributes_len = 10 + 13 + 6;
    sample_span_small(&span);
    span_set_string(&span, ATTRIBUTE_URL_PATH, "/", 1);
    span_set_custom(&span, "error", 5, "false", 5);
    span_set_custom(&span, "host.name", 9, "mine", 4);
    span_set_custom(&span, "k", 1, "span's", 6);
    cr_assert_str_eq(strstr(one(&span, &resource), "\"tags\""),
                     "\"tags\":{" SCOPE_TAGS ",\"url.path\":\"/\",\"host.name\":\"mine\",\"k\":\"span's\","
                     "\"process.pid\":\"0\",\"process.executable.name\":\"shop\"}}]");
}

Test(format_zipkin, too_little_room_leaves_the_batch_alone)
{
    struct resource resource;
    struct span span;
    sample_span(&span);
    sample_resource(&resource);
    size_t len = strlen(one(&span, &resource)) - 1; /* without the ] */
    for (size_t room = 1; room < len + 2 * BATCH_END_LEN_MAX; room++) {
        struct batch *batch = sample_batch(FORMAT, room);
        bool has_room = room >= len + BATCH_END_LEN_MAX;
        cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), has_room ? 0 : -ENOSPC);
        cr_assert_eq(batch->text.len, has_room ? len : 1);
        cr_assert_not(batch->text.overflowed);
        sample_batch_free(batch);
    }
}

Test(format_zipkin, refuses_what_is_no_span)
{
    struct batch *batch = sample_batch(FORMAT, ROOM);
    struct resource resource = {0};
    struct span span;
    sample_span(&span);
    span.status = 3;
    cr_assert_eq(sample_batch_add(FORMAT, batch, &span, &resource), -EINVAL);
    cr_assert_eq(batch->text.len, 1);
    sample_batch_free(batch);
}

Test(format_zipkin, random_records_make_valid_messages)
{
    struct batch *batch = sample_batch(FORMAT, 4 * ROOM);
    struct span *span = (struct span *)guarded_room(sizeof *span);
    struct resource resource;
    uint64_t seed = 1;
    unsigned added = 0;
    for (int i = 0; i < 8000; i++) {
        random_record(span, &resource, &seed);
        int result = sample_batch_add(FORMAT, batch, span, &resource);
        cr_assert(result == 0 || result == -EINVAL);
        added += result == 0;
        if (i % 8 || !batch->span_count)
            continue;
        finished(batch);
        batch->text.len = batch->span_count = 0;
        FORMAT->begin(batch);
    }
    cr_assert_gt(added, 6000);
    sample_batch_free(batch);
}
