/* FastCGI in both directions: requests whole, in pieces and in lists, into full buffers; answers; and what only looks
 * like it. The peer takes out records of parameters that are ours alone, and says where one stood. */
#include "harmless.h"

enum { ROOM = 1 << 20, HEADER_LEN = 8, BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, STDERR = 7 };

static char g_request[ROOM], g_answer[ROOM], g_content[ROOM];

static size_t record_add(char *to, size_t len, int type, const void *content, size_t content_len, int padding_len)
{
    const char header[HEADER_LEN] = {1, (char)type, 0, 1, (char)(content_len >> 8), (char)content_len,
                                     (char)padding_len};
    memcpy(to + len, header, sizeof header);
    memcpy(to + len + sizeof header, content, content_len);
    memset(to + len + sizeof header + content_len, 1, (size_t)padding_len);
    return len + sizeof header + content_len + (size_t)padding_len;
}

static size_t pair_add(char *to, size_t len, const char *name, const char *value)
{
    to[len++] = (char)strlen(name);
    to[len++] = (char)strlen(value);
    return len + (size_t)sprintf(to + len, "%s%s", name, value);
}

/* @own: a parameter that the web server has of its own, or NULL. */
static size_t request_make(const char *own, size_t record_len, size_t body_len)
{
    static const char begin[8] = {0, 1, 1};
    size_t content_len = pair_add(g_content, 0, "REQUEST_METHOD", "POST"), len = 0;
    content_len = pair_add(g_content, content_len, "REQUEST_URI", "/a/b?c=d");
    content_len = pair_add(g_content, content_len, "HTTP_HOST", "peer");
    if (own)
        content_len = pair_add(g_content, content_len, "HTTP_TRACEPARENT", own);
    len = record_add(g_request, len, BEGIN, begin, sizeof begin, 0);
    for (size_t at = 0; at < content_len; at += record_len) {
        size_t part = content_len - at < record_len ? content_len - at : record_len;
        len = record_add(g_request, len, PARAMS, g_content + at, part, (int)(at % 7));
    }
    len = record_add(g_request, len, PARAMS, "", 0, 0);
    memset(g_content, '\1', body_len); /* full of versions */
    for (size_t at = 0; at < body_len; at += 30000)
        len = record_add(g_request, len, STDIN, g_content, body_len - at < 30000 ? body_len - at : 30000, 3);
    return record_add(g_request, len, STDIN, "", 0, 0);
}

static size_t answer_make(void)
{
    static const char output[] = "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnothing\1\3\0\1\0\10";
    size_t len = record_add(g_answer, 0, STDERR, "a message", 9, 7);
    len = record_add(g_answer, len, STDOUT, output, sizeof output, 1);
    len = record_add(g_answer, len, STDOUT, "", 0, 0);
    return record_add(g_answer, len, END, "\0\0\0\0\0\0\0\0", 8, 0);
}

static bool is_our_pair(const char *at, const char *name)
{
    return at[0] == (char)strlen(name) && memcmp(at + 2, name, strlen(name)) == 0;
}

/* The first pair tells; the web server's own record begins with another one. */
static bool is_ours(const char *record, size_t content_len)
{
    return record[1] == PARAMS && content_len > 20 &&
           (is_our_pair(record + HEADER_LEN, "HTTP_TRACEPARENT") ||
            is_our_pair(record + HEADER_LEN, "HTTP_TRACESTATE"));
}

/* Returns the length that is left. Behind ours there must be the end of the parameters. */
static size_t ours_strip(char *bytes, size_t len)
{
    size_t kept = 0, at = 0;
    while (at + HEADER_LEN <= len && bytes[at] == 1) {
        size_t content_len = (size_t)((uint8_t)bytes[at + 4] << 8 | (uint8_t)bytes[at + 5]);
        size_t record_len = HEADER_LEN + content_len + (uint8_t)bytes[at + 6];
        if (at + record_len > len)
            break;
        if (is_ours(bytes + at, content_len)) {
            const char *next = bytes + at + record_len;
            if (at + record_len + HEADER_LEN > len || next[1] != PARAMS || next[4] || next[5])
                printf("  a record of ours stands elsewhere\n");
        } else {
            memmove(bytes + kept, bytes + at, record_len);
            kept += record_len;
        }
        at += record_len;
    }
    memmove(bytes + kept, bytes + at, len - at);
    return kept + len - at;
}

static void drain_check(struct drain *drain, size_t expected_len)
{
    pthread_join(drain->thread, NULL);
    size_t len = ours_strip(drain->bytes, drain->len);
    bool is_same = len == expected_len && memcmp(drain->bytes, g_request, len) == 0;
    printf("  %zu bytes, %s\n", len, is_same ? "intact" : "damaged");
    free(drain->bytes);
}

/* As lists of two pieces, or one by one. Into a full buffer as much as goes, and then the rest. */
static void request_send(int fd, size_t len, size_t piece, bool is_list)
{
    for (size_t at = 0; at < len;) {
        size_t part = len - at < piece ? len - at : piece;
        struct iovec iov[] = {{g_request + at, part / 2}, {g_request + at + part / 2, part - part / 2}};
        errno = ERRNO_BEFORE;
        ssize_t sent = is_list ? writev(fd, iov, 2) : send(fd, g_request + at, part, 0);
        if (sent < 0) {
            struct pollfd wait = {fd, POLLOUT, 0};
            MUST(errno == EAGAIN);
            poll(&wait, 1, PATIENCE_MS);
            continue;
        }
        if (sent == 0 || sent > (ssize_t)part || errno != ERRNO_BEFORE)
            printf("  sent %zd of %zu, %s\n", sent, part, errno_word(errno));
        at += (size_t)sent;
    }
}

static void answer_exchange(int pair[2], size_t piece)
{
    size_t len = answer_make(), got = 0;
    char bytes[1000];
    for (size_t at = 0; at < len; at += piece)
        write_all(pair[1], g_answer + at, len - at < piece ? len - at : piece);
    while (got < len) {
        ssize_t n = recv(pair[0], bytes + got, sizeof bytes - got < piece ? sizeof bytes - got : piece, 0);
        MUST(n > 0);
        got += (size_t)n;
    }
    printf("  answer of %zu %s\n", got, memcmp(bytes, g_answer, got) == 0 ? "intact" : "damaged");
}

static void request_exchange(const char *own, size_t record_len, size_t piece, bool is_tcp)
{
    int pair[2];
    struct drain drain;
    size_t len = request_make(own, record_len, 50);
    pair_make(pair, is_tcp);
    drain_begin(&drain, pair[1], ROOM);
    request_send(pair[0], len, piece, is_tcp);
    request_send(pair[0], len, piece, !is_tcp); /* one more, before the first is answered */
    shutdown(pair[0], SHUT_WR);
    pthread_join(drain.thread, NULL);
    size_t left = ours_strip(drain.bytes, drain.len);
    /* Who has read the first one here may be handing its traceparent on with the second: then it is another one. */
    bool is_same = left == 2 * len && memcmp(drain.bytes, g_request, len) == 0 &&
                   (own || memcmp(drain.bytes + len, g_request, len) == 0);
    printf("  %zu bytes, %s\n", left, is_same ? "intact" : "damaged");
    free(drain.bytes);
    answer_exchange(pair, piece);
    pair_close(pair);
}

/* The peer begins to read when nothing more goes in. */
static void full_buffer(size_t piece, bool is_tcp)
{
    int pair[2], small = 1;
    struct drain drain;
    size_t len = request_make(NULL, 10, 400000);
    pair_make(pair, is_tcp);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    drain_begin(&drain, pair[1], ROOM);
    request_send(pair[0], len, piece, is_tcp);
    shutdown(pair[0], SHUT_WR);
    drain_check(&drain, len);
    pair_close(pair);
}

/* One that only begins as FastCGI does, and parameters that do not end. */
static void hostile(const char *name, const char *bytes, size_t bytes_len)
{
    int pair[2];
    struct drain drain;
    static const char begin[8] = {0, 1, 1};
    size_t len = record_add(g_request, 0, BEGIN, begin, sizeof begin, 0);
    memcpy(g_request + len, bytes, bytes_len);
    len += bytes_len;
    printf("%s\n", name);
    pair_tcp(pair);
    drain_begin(&drain, pair[1], ROOM);
    TRY(send(pair[0], g_request, len, 0));
    shutdown(pair[0], SHUT_WR);
    drain_check(&drain, len);
    TRY(send(pair[1], bytes, bytes_len, 0));
    shutdown(pair[1], SHUT_WR);
    TRY(recv(pair[0], g_answer, ROOM, 0));
    pair_close(pair);
}

int main(void)
{
    static const size_t pieces[] = {1, 8, 9, 16, 24, 100, ROOM}, record_lens[] = {60000, 9};
    static const char *const own[] = {NULL, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-none"};
    harmless_begin();
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        for (size_t j = 0; j < COUNT_OF(record_lens); j++)
            for (size_t k = 0; k < COUNT_OF(own); k++) {
                printf("pieces of %zu, records of %zu, own %zu\n", pieces[i], record_lens[j], k);
                request_exchange(own[k], record_lens[j], pieces[i], (i + j + k) % 2);
            }
    for (size_t i = 4; i < COUNT_OF(pieces); i++) {
        printf("pieces of %zu into a full buffer\n", pieces[i]);
        full_buffer(pieces[i], i % 2);
    }
    hostile("nothing more", "", 0);
    hostile("another begin", g_request, 2 * HEADER_LEN);
    hostile("a pair without end", "\1\4\0\1\0\6\0\0\4\377ABCD\1\4\0\1\0\0\0\0", 22);
    hostile("lengths without end", "\1\4\0\1\0\10\0\0\377\377\377\377\377\377\377\377\1\4\0\1\0\0\0\0", 24);
    hostile("another version", "\2\4\0\1\0\0\0\0", 8);
    hostile("another protocol", GET, STR_LEN(GET));
    return 0;
}
