/* Exporter URLs: as users write them, and as they travel in the environment. */
#include "export/exporter.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static struct exporter g_exporter;
static char g_error[512];

static int parse(const char *url)
{
    struct text error = text_on(g_error, sizeof g_error);
    int result = exporter_parse(url, strlen(url), &g_exporter, &error);
    text_terminate(&error);
    return result;
}

Test(exporter, reads_each_kind)
{
    static const struct {
        const char *url;
        enum exporter_kind kind;
        const char *path, *host;
        uint16_t port;
    } cases[] = {
        {"file:/tmp/spans.jsonl", EXPORTER_FILE, "/tmp/spans.jsonl", "", 0},
        {"file:spans.jsonl", EXPORTER_FILE, "spans.jsonl", "", 0},
        {"file:/a%2Cb%25%0a:", EXPORTER_FILE, "/a,b%\n:", "", 0},
        {"unix:/run/collector", EXPORTER_UNIX, "/run/collector", "", 0},
        {"tcp:127.0.0.1:4317", EXPORTER_TCP, "", "127.0.0.1", 4317},
        {"tcp:localhost:1", EXPORTER_TCP, "", "localhost", 1},
        {"tcp:collector.example:65535", EXPORTER_TCP, "", "collector.example", 65535},
        {"tcp:[::1]:80", EXPORTER_TCP, "", "::1", 80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(parse(cases[i].url), 0, "%s: %s", cases[i].url, g_error);
        cr_expect_eq(g_exporter.kind, cases[i].kind);
        cr_expect_str_eq(g_exporter.path, cases[i].path);
        cr_expect_str_eq(g_exporter.host, cases[i].host);
        cr_expect_eq(g_exporter.port, cases[i].port);
    }
}

Test(exporter, says_what_is_wrong)
{
    static const struct {
        const char *url, *error;
    } cases[] = {
        {"foo:bar", "unknown exporter 'foo:': use file:PATH, unix:PATH or tcp:HOST:PORT"},
        {"spans.jsonl",
         "unknown exporter 'spans.jsonl': use file:PATH, unix:PATH or tcp:HOST:PORT"},
        {"", "unknown exporter '': use file:PATH, unix:PATH or tcp:HOST:PORT"},
        {"file:", "a path must follow 'file:' or 'unix:'"},
        {"file:100%", "'100%': write %25 for a percent sign"},
        {"file:%2", "'%2': write %25 for a percent sign"},
        {"file:a%00b", "'a%00b': a path cannot contain %00"},
        {"tcp:", "tcp: needs a host and a port, such as tcp:127.0.0.1:4317"},
        {"tcp:host", "tcp: needs a host and a port, such as tcp:127.0.0.1:4317"},
        {"tcp::80", "tcp: needs a host and a port, such as tcp:127.0.0.1:4317"},
        {"tcp:host:0", "'0' is not a port (1 to 65535)"},
        {"tcp:host:65536", "'65536' is not a port (1 to 65535)"},
        {"tcp:host:", "'' is not a port (1 to 65535)"},
        {"tcp:host:8x", "'8x' is not a port (1 to 65535)"},
        {"tcp:::1:80", "'::1': write an IPv6 address in brackets, tcp:[::1]:4317"},
        {"tcp:[zz]:80", "'zz' is not an IPv6 address"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(parse(cases[i].url), -EINVAL, "%s", cases[i].url);
        cr_expect_str_eq(g_error, cases[i].error);
        cr_expect_eq(exporter_parse(cases[i].url, strlen(cases[i].url), &g_exporter, NULL),
                     -EINVAL);
    }
}

Test(exporter, limits_of_length)
{
    static char url[6000];
    sprintf(url, "unix:/%0106d", 0);
    cr_expect_eq(parse(url), 0);
    sprintf(url, "unix:/%0107d", 0);
    cr_expect_eq(parse(url), -EINVAL);
    sprintf(url, "file:/%04094d", 0);
    cr_expect_eq(parse(url), 0);
    sprintf(url, "file:/%04095d", 0);
    cr_expect_eq(parse(url), -EINVAL);
    sprintf(url, "tcp:%0255d:80", 0);
    cr_expect_eq(parse(url), 0);
    sprintf(url, "tcp:%0256d:80", 0);
    cr_expect_eq(parse(url), -EINVAL);
}

Test(exporter, format_and_parse_are_inverse)
{
    static const char *const urls[] = {"file:/a%2cb%25c%0ad%20e/%ff%c3%a9", "unix:/run/x",
                                       "tcp:[::1]:80", "tcp:localhost:4317"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char again[256];
        struct text text = text_on(again, sizeof again);
        cr_assert_eq(parse(urls[i]), 0);
        exporter_format(&g_exporter, &text);
        cr_expect_str_eq(text_terminate(&text), urls[i]);
    }
}

Test(exporter, relative_paths_become_absolute)
{
    char expected[PATH_MAX];
    cr_assert_eq(chdir("/usr/lib"), 0);
    cr_assert_eq(parse("file:../x/spans.jsonl"), 0);
    cr_assert_eq(exporter_make_absolute(&g_exporter), 0);
    cr_expect_str_eq(g_exporter.path, "/usr/lib/../x/spans.jsonl");
    cr_assert_eq(exporter_make_absolute(&g_exporter), 0);
    cr_expect_str_eq(g_exporter.path, "/usr/lib/../x/spans.jsonl");
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(parse("unix:s"), 0);
    cr_assert_eq(exporter_make_absolute(&g_exporter), 0);
    cr_expect_str_eq(g_exporter.path, "/s");
    cr_assert_eq(parse("file:/abs"), 0);
    cr_assert_eq(exporter_make_absolute(&g_exporter), 0);
    cr_expect_str_eq(g_exporter.path, "/abs");
    snprintf(expected, sizeof expected, "/usr/lib/%04000d", 0);
    cr_assert_eq(chdir("/usr/lib"), 0);
    cr_assert_eq(parse((char[4010]){"file:"}), -EINVAL);
    memcpy(g_exporter.path, expected + 9, 4001);
    g_exporter.kind = EXPORTER_FILE;
    cr_assert_eq(exporter_make_absolute(&g_exporter), 0);
    cr_expect_str_eq(g_exporter.path, expected);
}

Test(exporter, a_path_that_gets_too_long_or_a_removed_directory_leaves_it_as_it_was)
{
    char directory[] = "/tmp/test_exporter.XXXXXX", path[EXPORTER_PATH_LEN_MAX + 1];
    cr_assert(mkdtemp(directory) && chdir(directory) == 0);
    snprintf(path, sizeof path, "%0*d", EXPORTER_PATH_LEN_MAX, 0);
    g_exporter.kind = EXPORTER_FILE;
    memcpy(g_exporter.path, path, sizeof path);
    cr_expect_eq(exporter_make_absolute(&g_exporter), -ENAMETOOLONG);
    cr_expect_str_eq(g_exporter.path, path);
    rmdir(directory);
    cr_assert_eq(parse("file:x"), 0);
    cr_expect_eq(exporter_make_absolute(&g_exporter), -ENOENT);
    cr_expect_str_eq(g_exporter.path, "x");
}

Test(exporter, list_skips_what_is_malformed)
{
    static struct exporter list[EXPORTER_COUNT_MAX];
    cr_expect_eq(exporter_list_parse("", list, EXPORTER_COUNT_MAX), 0);
    cr_expect_eq(exporter_list_parse(",,foo:x,", list, EXPORTER_COUNT_MAX), 0);
    cr_assert_eq(exporter_list_parse("file:/a%2Cb,,foo:x,tcp:1.2.3.4:5", list, EXPORTER_COUNT_MAX),
                 2);
    cr_expect_str_eq(list[0].path, "/a,b");
    cr_expect_str_eq(list[1].host, "1.2.3.4");
    cr_expect_eq(exporter_list_parse("file:/1,file:/2,file:/3", list, 2), 2);
}

Test(exporter, addresses)
{
    struct sockaddr_storage address;
    socklen_t len;
    cr_assert_eq(parse("tcp:10.1.2.3:4317"), 0);
    cr_assert_eq(exporter_address(&g_exporter, &address, &len), 0);
    cr_expect_eq(address.ss_family, AF_INET);
    cr_expect_eq(((struct sockaddr_in *)&address)->sin_addr.s_addr, inet_addr("10.1.2.3"));
    cr_expect_eq(ntohs(((struct sockaddr_in *)&address)->sin_port), 4317);
    cr_assert_eq(parse("tcp:[::1]:4317"), 0);
    cr_assert_eq(exporter_address(&g_exporter, &address, &len), 0);
    cr_expect_eq(address.ss_family, AF_INET6);
    cr_assert_eq(parse("tcp:localhost:4317"), 0);
    cr_assert_eq(exporter_address(&g_exporter, &address, &len), 0);
    cr_expect_eq(((struct sockaddr_in *)&address)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    cr_assert_eq(parse("unix:/run/x"), 0);
    cr_assert_eq(exporter_address(&g_exporter, &address, &len), 0);
    cr_expect_str_eq(((struct sockaddr_un *)&address)->sun_path, "/run/x");
    cr_assert_eq(parse("tcp:example.com:80"), 0);
    cr_expect_eq(exporter_address(&g_exporter, &address, &len), -EINVAL);
    cr_assert_eq(parse("file:/x"), 0);
    cr_expect_eq(exporter_address(&g_exporter, &address, &len), -EINVAL);
}
