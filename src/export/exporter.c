#include "export/exporter.h"

#include "base/compiler.h"
#include "base/percent.h"
#include "base/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static const struct scheme {
    const char *prefix;
    enum exporter_kind kind;
} SCHEMES[] = {{"file:", EXPORTER_FILE}, {"unix:", EXPORTER_UNIX}, {"tcp:", EXPORTER_TCP}};

/* Puts @before, the offending bytes and @after into @error. */
static int fail(struct text *error, const char *before, const char *bytes, size_t len,
                const char *after)
{
    if (error) {
        text_append_string(error, before);
        text_append(error, bytes, len);
        text_append_string(error, after);
    }
    return -EINVAL;
}

static int path_parse(const char *path, size_t len, struct exporter *out, struct text *error)
{
    struct text text = text_on(out->path, EXPORTER_PATH_LEN_MAX);
    if (len == 0)
        return fail(error, "a path must follow 'file:' or 'unix:'", "", 0, "");
    if (percent_decode(path, len, &text))
        return fail(error, "'", path, len, "': write %25 for a percent sign");
    if (text.overflowed)
        return fail(error, "'", path, 32, "…': the path is too long");
    if (memchr(text.bytes, '\0', text.len))
        return fail(error, "'", path, len, "': a path cannot contain %00");
    out->path[text.len] = '\0';
    if (out->kind == EXPORTER_UNIX && text.len >= sizeof((struct sockaddr_un *)0)->sun_path)
        return fail(error, "'", path, len, "': a unix socket's path has at most 107 bytes");
    return 0;
}

static int port_parse(const char *digits, size_t len, uint16_t *out)
{
    uint32_t port = 0;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9' || port > UINT16_MAX)
            return -EINVAL;
        port = port * 10 + (uint32_t)(digits[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return -EINVAL;
    *out = (uint16_t)port;
    return 0;
}

static int host_parse(const char *host, size_t len, struct exporter *out, struct text *error)
{
    bool has_brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
    if (!has_brackets && memchr(host, ':', len))
        return fail(error, "'", host, len, "': write an IPv6 address in brackets, tcp:[::1]:4317");
    if (has_brackets) {
        host++;
        len -= 2;
    }
    if (len == 0 || len > EXPORTER_HOST_LEN_MAX || memchr(host, '\0', len))
        return fail(error, "tcp: needs a host and a port, such as tcp:127.0.0.1:4317", "", 0, "");
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    struct in6_addr address;
    if (has_brackets && inet_pton(AF_INET6, out->host, &address) != 1)
        return fail(error, "'", host, len, "' is not an IPv6 address");
    return 0;
}

static int tcp_parse(const char *rest, size_t len, struct exporter *out, struct text *error)
{
    const char *colon = memrchr(rest, ':', len);
    size_t host_len = colon ? (size_t)(colon - rest) : 0;
    if (host_len == 0)
        return fail(error, "tcp: needs a host and a port, such as tcp:127.0.0.1:4317", "", 0, "");
    if (port_parse(colon + 1, len - host_len - 1, &out->port))
        return fail(error, "'", colon + 1, len - host_len - 1, "' is not a port (1 to 65535)");
    return host_parse(rest, host_len, out, error);
}

int exporter_parse(const char *url, size_t len, struct exporter *out, struct text *error)
{
    for (size_t i = 0; i < ARRAY_LEN(SCHEMES); i++) {
        size_t prefix_len = strlen(SCHEMES[i].prefix);
        if (len < prefix_len || memcmp(url, SCHEMES[i].prefix, prefix_len) != 0)
            continue;
        out->kind = SCHEMES[i].kind;
        out->port = 0;
        out->host[0] = out->path[0] = '\0';
        return out->kind == EXPORTER_TCP
                   ? tcp_parse(url + prefix_len, len - prefix_len, out, error)
                   : path_parse(url + prefix_len, len - prefix_len, out, error);
    }
    const char *colon = memchr(url, ':', len);
    return fail(error, "unknown exporter '", url, colon ? (size_t)(colon - url) + 1 : len,
                "': use file:PATH, unix:PATH or tcp:HOST:PORT");
}

int exporter_make_absolute(struct exporter *exporter)
{
    char *path = exporter->path;
    if (exporter->kind == EXPORTER_TCP || path[0] == '/')
        return 0;
    /* The path moves to the end of its array, and the directory is written into the room before
     * it. */
    size_t len = strlen(path) + 1, room = sizeof exporter->path - len;
    memmove(path + room, path, len);
    int directory_len = raw_getcwd(path, room);
    /* Linux says "(unreachable)/…" of a directory outside of the process's root. */
    if (directory_len < 0 || path[0] != '/') {
        memmove(path, path + room, len);
        return directory_len == -ERANGE ? -ENAMETOOLONG
               : directory_len < 0      ? directory_len
                                        : -ENOENT;
    }
    size_t end = (size_t)directory_len - 1;
    if (path[end - 1] != '/')
        path[end++] = '/';
    memmove(path + end, path + room, len);
    return 0;
}

static void path_format(const char *path, struct text *text)
{
    for (; *path; path++) {
        uint8_t c = (uint8_t)*path;
        if (c > 0x20 && c < 0x7f && c != '%' && c != ',') {
            text_append_char(text, *path);
        } else {
            text_append_char(text, '%');
            text_append_hex(text, &c, 1);
        }
    }
}

void exporter_format(const struct exporter *exporter, struct text *text)
{
    text_append_string(text, SCHEMES[exporter->kind].prefix);
    if (exporter->kind != EXPORTER_TCP) {
        path_format(exporter->path, text);
        return;
    }
    bool is_ipv6 = strchr(exporter->host, ':') != NULL;
    text_append_string(text, is_ipv6 ? "[" : "");
    text_append_string(text, exporter->host);
    text_append_string(text, is_ipv6 ? "]:" : ":");
    text_append_decimal(text, exporter->port);
}

unsigned exporter_list_parse(const char *list, struct exporter *out, unsigned max)
{
    unsigned count = 0;
    const char *end = list + strlen(list);
    while (list < end && count < max) {
        size_t len = strcspn(list, ",");
        if (exporter_parse(list, len, &out[count], NULL) == 0 &&
            exporter_make_absolute(&out[count]) == 0)
            count++;
        list += len + 1;
    }
    return count;
}

static int unix_address(const struct exporter *exporter, struct sockaddr_un *address,
                        socklen_t *len)
{
    size_t path_len = strlen(exporter->path);
    if (path_len >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, exporter->path, path_len + 1);
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_len + 1);
    return 0;
}

int exporter_address(const struct exporter *exporter, struct sockaddr_storage *address,
                     socklen_t *len)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    const char *host = strcmp(exporter->host, "localhost") == 0 ? "127.0.0.1" : exporter->host;
    memset(address, 0, sizeof *address);
    if (exporter->kind == EXPORTER_UNIX)
        return unix_address(exporter, (struct sockaddr_un *)address, len);
    if (exporter->kind != EXPORTER_TCP)
        return -EINVAL;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(exporter->port);
        *len = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return -EINVAL;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(exporter->port);
    *len = sizeof *v6;
    return 0;
}
