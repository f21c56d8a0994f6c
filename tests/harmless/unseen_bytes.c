/* sendfile, splice and tee between a head and its body, and in the middle of both. */
#include "harmless.h"

enum { BODY_LEN = 100000, HEAD_ROOM = 200 };

static int g_file;
static char g_body[BODY_LEN];

static size_t head_make(char *head, bool is_request)
{
    return (size_t)snprintf(head, HEAD_ROOM, "%s\r\nContent-Length: %d\r\n\r\n",
                            is_request ? "POST /file HTTP/1.1\r\nHost: peer" : "HTTP/1.1 200 OK", BODY_LEN);
}

static size_t file_send(int fd, int how, size_t from, size_t to)
{
    int ends[2];
    off_t offset = (off_t)from;
    size_t sent = 0;
    MUST(pipe(ends) == 0);
    if (how == 3)
        lseek(g_file, offset, SEEK_SET);
    while (sent < to - from) {
        size_t want = to - from - sent;
        ssize_t n;
        if (how == 0)
            n = sendfile(fd, g_file, &offset, want);
        else if (how == 1)
            n = sendfile64(fd, g_file, &offset, want);
        else if (how == 3)
            n = sendfile(fd, g_file, NULL, want);
        else {
            n = splice(g_file, &offset, ends[1], NULL, want < 60000 ? want : 60000, 0);
            MUST(n > 0);
            size_t left = (size_t)n;
            while (left > 0) {
                ssize_t m = splice(ends[0], NULL, fd, NULL, left, SPLICE_F_MORE);
                MUST(m > 0);
                left -= (size_t)m;
            }
        }
        MUST(n > 0);
        sent += (size_t)n;
    }
    close(ends[0]);
    close(ends[1]);
    return sent;
}

/* @cut: how much of the head goes by a call that we see; the rest, if any, from the file. */
static void whole(bool is_tcp, int how, size_t body_first, bool is_request)
{
    char head[HEAD_ROOM];
    int pair[2];
    struct drain drain;
    size_t len = head_make(head, is_request);
    pair_make(pair, is_tcp);
    int from = is_request ? 0 : 1;
    if (!is_request) {
        write_all(pair[0], GET, STR_LEN(GET));
        peer_print("request", pair[1], STR_LEN(GET));
    }
    drain_begin(&drain, pair[!from], 1 << 20);
    for (int i = 0; i < 3; i++) {
        TRY(send(pair[from], head, len, MSG_MORE));
        if (body_first)
            TRY(write(pair[from], g_body, body_first));
        printf("file: %zu\n", file_send(pair[from], how, body_first, BODY_LEN));
    }
    TRY(write(pair[from], GET, STR_LEN(GET)));
    TRY(sendfile(pair[from], -1, NULL, 10));
    TRY(sendfile(pair[from], g_file, NULL, 0));
    shutdown(pair[from], SHUT_WR);
    drain_print("whole", &drain);
    pair_close(pair);
}

/* The head itself comes from a file, in part or whole. */
static void head_from_file(size_t cut)
{
    char head[HEAD_ROOM];
    int pair[2], file = open("head", O_RDWR | O_CREAT | O_TRUNC, 0600);
    size_t len = head_make(head, true);
    struct drain drain;
    MUST(write(file, head, len) == (ssize_t)len);
    pair_tcp(pair);
    drain_begin(&drain, pair[1], 1 << 20);
    if (cut)
        TRY(write(pair[0], head, cut));
    off_t offset = (off_t)cut;
    TRY(sendfile(pair[0], file, &offset, len - cut) > 0);
    write_all(pair[0], g_body, 1000);
    shutdown(pair[0], SHUT_WR);
    drain_print("head from a file", &drain);
    close(file);
    pair_close(pair);
}

/* With a full socket in between: what is owed goes first. */
static void after_a_short_write(int how)
{
    char head[HEAD_ROOM];
    int pair[2], small = 4608;
    struct drain drain;
    size_t len = head_make(head, true), at = 0, filled = 0;
    pair_unix(pair);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    static char filler[4000];
    int filler_len = snprintf(filler, sizeof filler, "POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", 1000000);
    write_all(pair[0], filler, (size_t)filler_len);
    for (ssize_t n; (n = send(pair[0], g_body, 1, MSG_DONTWAIT)) > 0;)
        filled += (size_t)n;
    drain_begin(&drain, pair[1], 4 << 20);
    while (filled < 1000000) {
        ssize_t n = write(pair[0], g_body, 1000000 - filled < BODY_LEN ? 1000000 - filled : BODY_LEN);
        MUST(n > 0);
        filled += (size_t)n;
    }
    while (at < len) {
        ssize_t n = send(pair[0], head + at, len - at, MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
    }
    printf("file: %zu\n", file_send(pair[0], how, 0, BODY_LEN));
    shutdown(pair[0], SHUT_WR);
    drain_print("after a short write", &drain);
    pair_close(pair);
}

static void spliced_in(bool is_tcp)
{
    int pair[2], ends[2];
    char bytes[500];
    pair_make(pair, is_tcp);
    MUST(pipe(ends) == 0);
    write_all(pair[0], GET, STR_LEN(GET));
    peer_print("request", pair[1], STR_LEN(GET));
    write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    TRY(recv(pair[0], bytes, 38, 0));
    TRY(splice(pair[0], NULL, ends[1], NULL, 100, 0));
    TRY(read(ends[0], bytes, sizeof bytes));
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    TRY(splice(pair[0], NULL, ends[1], NULL, 100, SPLICE_F_NONBLOCK));
    TRY(splice(ends[0], NULL, pair[0], NULL, 100, SPLICE_F_NONBLOCK));
    TRY(write(ends[1], GET, STR_LEN(GET)));
    TRY(splice(ends[0], NULL, pair[0], NULL, 100, 0));
    peer_print("request spliced out", pair[1], STR_LEN(GET));
    close(ends[0]);
    close(ends[1]);
    pair_close(pair);
}

int main(void)
{
    harmless_begin();
    for (size_t i = 0; i < sizeof g_body; i++)
        g_body[i] = i % 61 ? (char)('a' + i % 23) : '\n';
    g_file = open("body", O_RDWR | O_CREAT | O_TRUNC, 0600);
    write_all(g_file, g_body, sizeof g_body);
    for (int how = 0; how < 4; how++)
        for (int i = 0; i < 8; i++)
            whole(i & 1, how, i & 2 ? 100 : 0, i & 4);
    for (size_t cut = 0; cut <= 40; cut += 10)
        head_from_file(cut);
    after_a_short_write(0);
    after_a_short_write(2);
    spliced_in(true);
    spliced_in(false);
    return 0;
}
