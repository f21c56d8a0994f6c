/* test_endpoint.c - socket addresses in the words of a span. */
#include "wire/endpoint.h"

#include "base/compiler.h"
#include "support/captured.h"
#include "support/guarded.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

TestSuite(endpoint, .init = captured_begin);

static union endpoint v4(const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    union endpoint endpoint;
    inet_pton(AF_INET, address, &in.sin_addr);
    endpoint_set(&endpoint, (struct sockaddr *)&in, sizeof in);
    return endpoint;
}

static union endpoint v6(const char *address, uint16_t port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    union endpoint endpoint;
    inet_pton(AF_INET6, address, &in.sin6_addr);
    endpoint_set(&endpoint, (struct sockaddr *)&in, sizeof in);
    return endpoint;
}

static union endpoint local(const char *path, size_t len)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    union endpoint endpoint;
    memset(&endpoint, 'x', sizeof endpoint);
    memcpy(un.sun_path, path, len);
    endpoint_set(&endpoint, (struct sockaddr *)&un,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    return endpoint;
}

static void described(union endpoint endpoint, const char *address, int64_t port,
                      const char *authority)
{
    char bytes[64];
    struct text text = text_on(bytes, sizeof bytes);
    struct span *span = span_start(SPAN_KIND_CLIENT, 0);
    endpoint_describe(&endpoint, span, ATTRIBUTE_SERVER_ADDRESS, ATTRIBUTE_SERVER_PORT);
    cr_assert_str_eq(captured_string(span, ATTRIBUTE_SERVER_ADDRESS), address);
    cr_assert_eq(captured_int(span, ATTRIBUTE_SERVER_PORT), port, "%s", address);
    endpoint_append_authority(&endpoint, &text);
    cr_assert_str_eq(text_terminate(&text), authority);
}

Test(endpoint, addresses)
{
    described(v4("127.0.0.1", 80), "127.0.0.1", 80, "127.0.0.1:80");
    described(v4("255.255.255.255", 65535), "255.255.255.255", 65535, "255.255.255.255:65535");
    described(v6("::1", 8080), "::1", 8080, "[::1]:8080");
    described(v6("::ffff:10.0.0.1", 443), "10.0.0.1", 443, "10.0.0.1:443");
    described(v6("2001:db8:1111:2222:3333:4444:5555:6666", 1),
              "2001:db8:1111:2222:3333:4444:5555:6666", 1,
              "[2001:db8:1111:2222:3333:4444:5555:6666]:1");
    described(local("/run/x.sock", 12), "/run/x.sock", -1, "");
    described(local("/run/no-nul", 11), "/run/no-nul", -1, "");
    described(local("", 0), "", -1, "");
    described(local("\0abstract", 9), "", -1, "");
}

Test(endpoint, a_path_as_long_as_can_be_has_no_nul)
{
    char path[sizeof ((struct sockaddr_un *)0)->sun_path + 1];
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    path[0] = '/';
    described(local(path, sizeof path - 1), path, -1, "");
}

Test(endpoint, what_is_no_whole_address_is_unknown)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct sockaddr other = {.sa_family = AF_APPLETALK};
    union endpoint endpoint = v4("1.2.3.4", 5);
    cr_assert(endpoint_is_known(&endpoint));
    struct {
        const void *address;
        socklen_t len;
    } rows[] = {{NULL, 0},     {NULL, 16},        {&in, 0},       {&in, 1},
                {&in, sizeof in - 1}, {&in6, sizeof in6 - 1}, {&other, sizeof other}, {&in, 1000}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        endpoint = v4("1.2.3.4", 5);
        const void *address =
            rows[i].address && rows[i].len < 1000 ? guarded(rows[i].address, rows[i].len)
                                                  : rows[i].address;
        endpoint_set(&endpoint, address, rows[i].len);
        cr_assert_not(endpoint_is_known(&endpoint), "row %zu", i);
        described(endpoint, "", -1, "");
    }
}
