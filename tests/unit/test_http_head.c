/* test_http_head.c - what a request's head becomes in a span. */
#include "wire/http_head.h"

#include "base/compiler.h"
#include "support/captured.h"
#include "trace/redact.h"
#include "wire/http_common.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

TestSuite(http_head, .init = captured_begin);

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OTHER_TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct http_common *common;

static union endpoint peer_make(void)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(8080), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    union endpoint endpoint;
    endpoint_set(&endpoint, (struct sockaddr *)&in, sizeof in);
    return endpoint;
}

static struct http_head *head_of(const char *method, const char *target)
{
    struct http_head *head = http_head_alloc();
    struct http1_event line = {.name = method,
                               .name_len = strlen(method),
                               .value = target,
                               .value_len = strlen(target),
                               .minor = 1};
    cr_assert_not_null(head);
    http_head_note_line(head, &line);
    return head;
}

static void field_add(struct http_head *head, const char *name, const char *value)
{
    struct http1_event field = {
        .name = name, .name_len = strlen(name), .value = value, .value_len = strlen(value)};
    http_head_note_field(head, &field);
}

Test(http_head, one_that_keeps_its_parts_needs_the_input_no_more)
{
    union endpoint peer = peer_make();
    char method[] = "PUT", target[] = "/p", host[] = "h:81", user_agent[] = "u";
    struct http_head *head = head_of(method, target);
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    field_add(head, "Host", host);
    field_add(head, "User-Agent", user_agent);
    memset(method, 'x', 3);
    memset(target, 'x', 2);
    memset(host, 'x', 4);
    memset(user_agent, 'x', 1);
    http_head_describe_client(head, span, &(struct http_ends){&peer, NULL, NULL, &common});
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_FULL), "http://h:81/p");
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD), "PUT");
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_USER_AGENT_ORIGINAL), "u");
    http_head_free(head);
}

Test(http_head, client_urls)
{
    static const struct {
        const char *method, *target, *host, *url, *address;
        int64_t port;
    } rows[] = {
        {"GET", "/", "h", "http://h/", "h", 80},
        {"GET", "/p?a=1", "h:81", "http://h:81/p?a=REDACTED", "h", 81},
        {"GET", "/", "[::1]:82", "http://[::1]:82/", "::1", 82},
        {"GET", "/", "[::1]", "http://[::1]/", "::1", 80},
        {"GET", "/", "h:", "http://h:/", "h", 80},
        {"GET", "/", "h:99999", "http://h:99999/", "h", 80},
        {"GET", "/", "h:0", "http://h:0/", "h", 80},
        {"GET", "/", "h:http", "http://h:http/", "h", 80},
        {"GET", "/", "", "http://127.0.0.1:8080/", "127.0.0.1", 8080},
        {"GET", "http://u:p@o:83/x#f", "proxy", "http://o:83/x", "o", 83},
        {"GET", "https://o/x?t=1", "", "https://o/x?t=REDACTED", "o", 443},
        {"OPTIONS", "*", "h", "http://h", "h", 80},
        {"CONNECT", "o:443", "o:443", "o:443", "o", 443},
        {"GET", "/a://b", "h", "http://h/a://b", "h", 80},
    };
    union endpoint peer = peer_make();
    redact_init();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_head *head = head_of(rows[i].method, rows[i].target);
        struct span *span = span_start(SPAN_KIND_CLIENT, 0);
        if (*rows[i].host)
            field_add(head, "Host", rows[i].host);
        http_head_describe_client(head, span, &(struct http_ends){&peer, NULL, NULL, &common});
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_FULL), rows[i].url, "%s of %s",
                         rows[i].target, rows[i].host);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_SERVER_ADDRESS), rows[i].address, "%s",
                         rows[i].url);
        cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), rows[i].port, "%s", rows[i].url);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_NETWORK_PEER_ADDRESS), "127.0.0.1");
        http_head_free(head);
    }
}

Test(http_head, server_paths_and_queries)
{
    static const struct {
        const char *target, *path, *query;
    } rows[] = {
        {"/", "/", ""},
        {"/a/b?c=d&e", "/a/b", "c=REDACTED&REDACTED"},
        {"/a?", "/a", ""},
        {"*", "*", ""},
        {"http://u:p@h:1/x?y=z", "/x", "y=REDACTED"},
        {"http://h?y=z", "/", "y=REDACTED"},
        {"/u?v=http://w/x?y", "/u", "v=REDACTED"},
    };
    union endpoint peer = peer_make(), local = peer_make();
    redact_init();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http_head *head = head_of("GET", rows[i].target);
        struct span *span = span_start(SPAN_KIND_SERVER, 0);
        http_head_describe_server(head, span, &(struct http_ends){&peer, &local, NULL, &common});
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_PATH), rows[i].path, "%s",
                         rows[i].target);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_QUERY), rows[i].query, "%s",
                         rows[i].target);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_CLIENT_ADDRESS), "127.0.0.1");
        cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), 8080);
        http_head_free(head);
    }
}

Test(http_head, methods)
{
    static const struct {
        const char *method, *name, *attribute, *original;
    } rows[] = {
        {"GET", "GET", "GET", ""},
        {"PATCH", "PATCH", "PATCH", ""},
        {"get", "HTTP", "_OTHER", "get"},
        {"PROPFIND", "HTTP", "_OTHER", "PROPFIND"},
        {"GETX", "HTTP", "_OTHER", "GETX"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span *span = span_start(SPAN_KIND_CLIENT, 0);
        http_describe_method(span, rows[i].method, strlen(rows[i].method));
        cr_assert_eq(span->name_len, strlen(rows[i].name));
        cr_assert_eq(memcmp(span->name, rows[i].name, span->name_len), 0);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD), rows[i].attribute);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD_ORIGINAL),
                         rows[i].original);
    }
}

Test(http_head, extracting_the_context)
{
    static const struct {
        const char *name;
        const char *fields[6]; /* name, value, … */
        bool is_valid;
        const char *tracestate;
    } rows[] = {
        {"nothing", {NULL}, false, ""},
        {"one", {"traceparent", TRACEPARENT}, true, ""},
        {"any case", {"TRACEPARENT", TRACEPARENT}, true, ""},
        {"another header", {"trace-parent", TRACEPARENT}, false, ""},
        {"two", {"traceparent", TRACEPARENT, "traceparent", TRACEPARENT}, false, ""},
        {"malformed", {"traceparent", "00-1-2-01"}, false, ""},
        {"malformed and one", {"traceparent", "x", "traceparent", TRACEPARENT}, false, ""},
        {"with state", {"traceparent", TRACEPARENT, "tracestate", "a=1"}, true, "a=1"},
        {"state first", {"tracestate", "a=1", "traceparent", TRACEPARENT}, true, "a=1"},
        {"states in order",
         {"tracestate", "a=1", "traceparent", TRACEPARENT, "tracestate", "b=2"},
         true,
         "a=1,b=2"},
        {"an empty state", {"tracestate", "", "traceparent", TRACEPARENT, "tracestate", "b=2"}, true, "b=2"},
        {"a bad member", {"traceparent", TRACEPARENT, "tracestate", "a=1,b"}, true, ""},
        {"state alone", {"tracestate", "a=1"}, false, ""},
        {"two that differ", {"traceparent", TRACEPARENT, "TraceParent", OTHER_TRACEPARENT}, false, ""},
        {"one and malformed", {"traceparent", TRACEPARENT, "traceparent", "x"}, false, ""},
        {"one and empty", {"traceparent", TRACEPARENT, "traceparent", ""}, false, ""},
        {"two and state", {"traceparent", TRACEPARENT, "tracestate", "a=1", "traceparent", TRACEPARENT}, false, ""},
        {"malformed with state", {"traceparent", "00-1-2-01", "tracestate", "a=1"}, false, ""},
        {"bad in the second state", {"traceparent", TRACEPARENT, "tracestate", "a=1", "tracestate", "b"}, true, ""},
        {"an empty state last", {"traceparent", TRACEPARENT, "tracestate", "a=1", "tracestate", ""}, true, "a=1"},
        {"white space around members", {"traceparent", TRACEPARENT, "tracestate", "a=1 ,\t b=2"}, true, "a=1,b=2"},
        {"the same key in two states",
         {"tracestate", "a=1", "tracestate", "a=2", "traceparent", TRACEPARENT}, true, ""},
    };
    for (size_t round = 0; round < 2 * ARRAY_LEN(rows); round++) {
        size_t i = round / 2;
        struct http_head in_place;
        struct http_head *head = round % 2 ? head_of("GET", "/") : &in_place;
        struct span_context context = {.tracestate_len = 0};
        if (head == &in_place)
            http_head_init(head);
        for (size_t j = 0; j < 6 && rows[i].fields[j]; j += 2)
            field_add(head, rows[i].fields[j], rows[i].fields[j + 1]);
        cr_assert_eq(http_head_extract(head, &context), rows[i].is_valid, "%s", rows[i].name);
        cr_assert_eq(context.tracestate_len, strlen(rows[i].tracestate), "%s", rows[i].name);
        cr_assert_eq(memcmp(context.tracestate, rows[i].tracestate, context.tracestate_len), 0, "%s",
                     rows[i].name);
        http_head_free(head);
    }
}

Test(http_head, a_tracestate_that_was_cut_is_dropped)
{
    static char value[2 * HTTP_TRACESTATE_LEN_MAX];
    struct span_context context;
    memset(value, 'v', sizeof value - 1);
    memcpy(value, "a=", 2);
    struct http_head *head = head_of("GET", "/");
    field_add(head, "traceparent", TRACEPARENT);
    field_add(head, "tracestate", "b=1");
    field_add(head, "tracestate", value);
    cr_assert(http_head_extract(head, &context));
    cr_assert_eq(context.tracestate_len, 0);
    http_head_free(head);
}

/* 32 members of 513 bytes are the most that is valid. */
Test(http_head, a_long_tracestate_in_one_piece_is_carried_as_far_as_there_is_room)
{
    static char value[32 * 514];
    struct http_head head;
    struct span_context context;
    size_t len = 0;
    for (int i = 0; i < 32; i++) {
        memset(value + len, 'v', 250);
        memcpy(value + len, "k =", 3);
        value[len + 1] = (char)('a' + i % 26);
        value[len] = i < 26 ? 'k' : 'm';
        len += 250;
        value[len++] = ',';
    }
    memcpy(value + len - 251, "small=1,", 9);
    http_head_init(&head);
    field_add(&head, "traceparent", TRACEPARENT);
    field_add(&head, "tracestate", value);
    cr_assert(http_head_extract(&head, &context));
    cr_assert_eq(context.tracestate_len, 509, "%d", context.tracestate_len);
    cr_assert_eq(memcmp(context.tracestate + 501, ",small=1", 8), 0);
    http_head_free(&head);
}

/* What the second request on a connection says is a copy of what the first one said, or made anew where
 * their heads differ. */
Test(http_head, what_is_kept_for_a_connection_is_told_of_like_heads_only)
{
    static const struct {
        const char *host, *user_agent;
        int minor;
        const char *address;
        int64_t port;
    } rows[] = {
        {"a:81", "x", 1, "a", 81}, {"a:81", "x", 1, "a", 81}, {"b:81", "x", 1, "b", 81},
        {"b:82", "x", 1, "b", 82}, {"b:82", "y", 1, "b", 82}, {"b:82", "y", 0, "b", 82},
        {"b:8", "2y", 0, "b", 8},  {"b:82", "", 1, "b", 82},  {"b:82", "", 1, "b", 82},
    };
    union endpoint peer = peer_make(), local = peer_make();
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        bool is_server = i >= ARRAY_LEN(rows);
        size_t row = i % ARRAY_LEN(rows);
        struct http_head *head = head_of("GET", "/p");
        struct span *span = span_start(is_server ? SPAN_KIND_SERVER : SPAN_KIND_CLIENT, 0);
        head->minor = rows[row].minor;
        field_add(head, "Host", rows[row].host);
        field_add(head, "User-Agent", rows[row].user_agent);
        if (is_server)
            http_head_describe_server(head, span, &(struct http_ends){&peer, &local, NULL, &common});
        else
            http_head_describe_client(head, span, &(struct http_ends){&peer, NULL, NULL, &common});
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_SERVER_ADDRESS), rows[row].address);
        cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), rows[row].port);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_USER_AGENT_ORIGINAL),
                         rows[row].user_agent);
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_NETWORK_PROTOCOL_VERSION),
                         rows[row].minor ? "1.1" : "1.0");
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_URL_SCHEME), "http");
        cr_assert_str_eq(captured_string(span, ATTRIBUTE_HTTP_REQUEST_METHOD), "GET");
        if (i == ARRAY_LEN(rows) - 1)
            http_common_free(&common);
        http_head_free(head);
    }
}

Test(http_head, long_values_are_cut)
{
    static char target[3000], value[3000];
    union endpoint peer = peer_make();
    memset(target, '/', sizeof target - 1);
    memset(value, 'h', sizeof value - 1);
    struct http_head *head = head_of("GET", target);
    field_add(head, "Host", value);
    field_add(head, "User-Agent", value);
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    redact_init();
    http_head_describe_client(head, span, &(struct http_ends){&peer, NULL, NULL, &common});
    cr_assert_eq(strlen(captured_string(span, ATTRIBUTE_USER_AGENT_ORIGINAL)), HTTP_USER_AGENT_LEN_MAX);
    cr_assert_gt(strlen(captured_string(span, ATTRIBUTE_URL_FULL)), HTTP_TARGET_LEN_MAX / 2);
    http_head_free(head);
}

Test(http_head, a_head_begins_empty_in_old_memory)
{
    union endpoint peer = peer_make();
    struct http_head *head = head_of("POST", "/old");
    field_add(head, "Host", "old");
    field_add(head, "traceparent", TRACEPARENT);
    field_add(head, "tracestate", "old=1");
    http_head_free(head);
    struct http_head *again = head_of("GET", "/");
    struct span_context context;
    cr_assert_eq(again, head);
    cr_assert_not(http_head_extract(again, &context));
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    http_head_describe_client(again, span, &(struct http_ends){&peer, NULL, NULL, &common});
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_SERVER_ADDRESS), "127.0.0.1");
    http_head_free(again);
    http_head_free(NULL);
}
