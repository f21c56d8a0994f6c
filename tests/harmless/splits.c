/* Requests cut at every place, by every call; and sockets so full that the kernel cuts them. */
#include "harmless.h"

enum { CALLS = 6, FILLS = 400 };

static const char REQUESTS[] =
    "POST /a HTTP/1.1\r\nHost: peer\r\nContent-Length: 24\r\n\r\nHost: a\r\n\r\nGET / HTTP/1.1"
    "PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\na: b\n\r\n0\r\nX-Trailer: yes\r\n\r\n"
    "GET /c HTTP/1.0\nHost: peer\nX-Fold: one\n two\n\n"
    "GET /d HTTP/1.1\r\nHost: peer\r\n\r\n";

static ssize_t send_by(int call, int fd, const char *bytes, size_t len)
{
    struct iovec iov[2] = {{(char *)bytes, len / 2}, {(char *)bytes + len / 2, len - len / 2}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    struct mmsghdr messages = {.msg_hdr = message};
    switch (call) {
    case 0:
        return write(fd, bytes, len);
    case 1:
        return writev(fd, iov, 2);
    case 2:
        return send(fd, bytes, len, 0);
    case 3:
        return sendto(fd, bytes, len, 0, NULL, 0);
    case 4:
        return sendmsg(fd, &message, 0);
    default:
        return sendmmsg(fd, &messages, 1, 0) == 1 ? (ssize_t)messages.msg_len : -1;
    }
}

static void take_and_add(int fd, size_t want, uint32_t *crc)
{
    char bytes[2048];
    size_t len = peer_take(fd, bytes, sizeof bytes, want);
    *crc = crc32_add(*crc, bytes, len);
    if (len != want)
        printf("%zu of %zu bytes\n", len, want);
}

/* Two cuts: the first at every byte, the second some way behind. */
static void cut_everywhere(int call, bool is_tcp)
{
    uint32_t crc = 0;
    int pair[2];
    for (size_t cut = 1; cut < STR_LEN(REQUESTS); cut++) {
        size_t second = cut + 1 + cut * 7 % 40, at[4] = {0, cut, second, STR_LEN(REQUESTS)};
        if (at[2] > at[3])
            at[2] = at[3];
        if (cut % 16 == 1)
            pair_make(pair, is_tcp);
        for (int i = 0; i < 3; i++) {
            errno = ERRNO_BEFORE;
            ssize_t sent = send_by(call, pair[0], REQUESTS + at[i], at[i + 1] - at[i]);
            if (sent != (ssize_t)(at[i + 1] - at[i]) || errno != ERRNO_BEFORE)
                printf("cut at %zu: %zd, %s\n", at[i], sent, errno_word(errno));
        }
        take_and_add(pair[1], STR_LEN(REQUESTS), &crc);
        if (cut % 16 == 0)
            pair_close(pair);
    }
    printf("call %d%s: crc %08x\n", call, is_tcp ? " over TCP" : "", crc);
    pair_close(pair);
}

static void byte_by_byte(int call)
{
    int pair[2];
    uint32_t crc = 0;
    pair_tcp(pair);
    for (size_t i = 0; i < STR_LEN(REQUESTS); i++)
        if (send_by(call, pair[0], REQUESTS + i, 1) != 1)
            puts("not sent");
    take_and_add(pair[1], STR_LEN(REQUESTS), &crc);
    printf("byte by byte: crc %08x\n", crc);
    pair_close(pair);
}

/* A full socket is emptied by a few bytes at a time: where the kernel cuts is not ours to say, but
 * what arrives is. The application sends the rest from where it was told, or all of it in new pieces. */
static void nearly_full(int call, bool is_tcp, bool is_recut)
{
    int pair[2], small = 4608;
    uint32_t crc = 0;
    size_t wrong = 0;
    pair_make(pair, is_tcp);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    static char raw[1 << 20], text[1 << 20];
    size_t raw_len = 0, said = 0;
    for (int fill = 0; fill < FILLS; fill++) {
        size_t len = 0;
        static char message[9000];
        len = (size_t)sprintf(message, "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%0*d", 700 + fill, 700 + fill, fill);
        for (size_t at = 0; at < len;) {
            size_t part = is_recut && len - at > 9 ? len - at - 7 : len - at;
            ssize_t sent = send_by(call, pair[0], message + at, part);
            if (sent == 0 || sent > (ssize_t)part || (sent < 0 && errno != EAGAIN))
                wrong++;
            at += sent > 0 ? (size_t)sent : 0;
            if (sent < (ssize_t)part) { /* a little room */
                ssize_t got = recv(pair[1], raw + raw_len, (size_t)(37 + fill % 90), MSG_DONTWAIT);
                raw_len += got > 0 ? (size_t)got : 0;
            }
        }
        said += len;
    }
    shutdown(pair[0], SHUT_WR);
    for (ssize_t got; (got = recv(pair[1], raw + raw_len, sizeof raw - raw_len, 0)) > 0;)
        raw_len += (size_t)got;
    memcpy(text, raw, raw_len);
    size_t kept = injected_strip(text, raw_len, true);
    crc = crc32_add(0, text, kept);
    printf("nearly full, call %d%s%s: %zu of %zu bytes, crc %08x, %zu wrong\n", call, is_tcp ? " over TCP" : "",
           is_recut ? " in new pieces" : "", kept, said, crc, wrong);
    pair_close(pair);
}

/* A blocking sender with a slow reader: every call must take all. */
static void blocking_and_slow(int call, bool is_tcp)
{
    static char message[200000];
    int pair[2], small = 4608;
    struct drain drain;
    pair_make(pair, is_tcp);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    drain_begin(&drain, pair[1], 1 << 20);
    for (int i = 0; i < 3; i++) {
        int len = sprintf(message, "POST / HTTP/1.1\r\nContent-Length: 90000\r\n\r\n%090000d", i);
        ssize_t sent = send_by(call, pair[0], message, (size_t)len);
        printf("call %d took %zd of %d\n", call, sent, len);
    }
    shutdown(pair[0], SHUT_WR);
    drain_print("slow reader", &drain);
    pair_close(pair);
}

int main(void)
{
    harmless_begin();
    for (int call = 0; call < CALLS; call++) {
        cut_everywhere(call, false);
        cut_everywhere(call, true);
        byte_by_byte(call);
        for (int i = 0; i < 2; i++) {
            nearly_full(call, false, i);
            nearly_full(call, true, i);
        }
        blocking_and_slow(call, call % 2);
    }
    return 0;
}
