/* HTTP/1 in all its shapes: each request whole and in pieces, each answer read in pieces of many sizes. */
#include "harmless.h"

enum { ROOM = 300000 };

struct shape {
    const char *name, *request, *answer;
    bool is_closing; /* the answer ends with the connection */
};

static const struct shape SHAPES[] = {
    {"plain", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0},
    {"1.0", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nuntil the end\r\n\r\n", 1},
    {"0.9", "GET /\r\n", "no head\r\n\r\n", 1},
    {"interim", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n", 0},
    {"204", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", 0},
    {"304", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", 0},
    {"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 0},
    {"extensions and trailers",
     "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nTrailer: X\r\n\r\n"
     "A;a=b;c=\"d\\\"e\"\r\n0123456789\r\n00;last\r\nX: y\r\nHost: a\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ; x\r\nok\r\n0\r\nX: y\r\n\r\n", 0},
    {"both lengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", 0},
    {"two lengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
     "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", 0},
    {"lengths at odds", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 19\r\n\r\nabc\r\nName: value\r\n\r\nx",
     "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", 0},
    {"lengths of no number", "POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc\r\nName: value\r\n\r\nx",
     "HTTP/1.1 400 No\r\nContent-Length: -1\r\n\r\nName: value\r\n\r\n", 1},
    {"a length beyond all", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\na: b\r\n\r\n",
     "HTTP/1.1 413 No\r\n\r\n", 1},
    {"expecting", "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 14\r\n\r\nName: value\r\n\r",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n", 0},
    {"folded", "GET / HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\tthree\r\n\r\n",
     "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", 0},
    {"a folded blank line", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", 0},
    {"mixed line ends", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\n", "HTTP/1.1 200 OK\nX: y\r\nContent-Length: 0\n\r\n", 0},
    {"bare returns", "GET / HTTP/1.1\rHost: a\r\r", "HTTP/1.1 200 OK\r\r", 1},
    {"a return within", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"blank lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"body like a head", "POST / HTTP/1.1\r\nContent-Length: 46\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\nX: y\r\n\r\nGET / HTTP/1.",
     "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"body without length", "GET / HTTP/1.1\r\nHost: a\r\n\r\nName: value\r\n\r\nname: value\r\n\r\n",
     "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", 0},
    {"spaces", "GET   / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1   200   OK\r\n\r\n", 1},
    {"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", 0},
    {"absolute", "GET http://a:80/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"of its own", "X-OWN-METHOD / HTTP/1.1\r\n\r\n", "HTTP/1.1 299 Own\r\nContent-Length: 0\r\n\r\n", 0},
    {"lower case", "get / http/1.1\r\nhost: a\r\n\r\n", "http/1.1 200 ok\r\n\r\n", 1},
    {"traced by itself",
     "GET / HTTP/1.1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
    {"not HTTP", "EHLO a\r\nName: value\r\n\r\n", "250 ok\r\n\r\n", 0},
    {"RTSP", "OPTIONS rtsp://a RTSP/1.0\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 0},
    {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\1\2\3", "\1\2\3\r\n\r\n", 0},
    {"garbage for an answer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "garbage\r\n\r\n", 1},
    {"cut off", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nfew", 1},
};

static char g_raw[ROOM], g_text[ROOM];

/* Injected lines may stand in the head only: what is behind the head is compared as it came. */
static void request_print(size_t len, const char *request, size_t request_len)
{
    char own[1000];
    size_t own_len = injected_strip(memcpy(own, request, request_len), request_len, true);
    memcpy(g_text, g_raw, len);
    size_t kept = injected_strip(g_text, len, true);
    bool is_same = kept == own_len && memcmp(g_text, own, kept) == 0;
    if (own_len != request_len) /* it traces by itself: its header is to stay, and to stay alone */
        is_same = is_same && len == request_len && memcmp(g_raw, request, len) == 0;
    size_t blank_len = strspn(request, "\r\n");
    const char *end = memmem(request + blank_len, request_len - blank_len, "\r\n\r\n", 4);
    size_t behind = end ? request_len - (size_t)(end + 4 - request) : 0;
    bool is_tail_same = len >= behind && memcmp(g_raw + len - behind, request + request_len - behind, behind) == 0;
    printf("  request %s, what is behind its head %s\n", is_same ? "intact" : "damaged",
           is_tail_same ? "intact" : "damaged");
}

static void exchange(const struct shape *shape, bool is_tcp, size_t piece, size_t read_piece)
{
    size_t request_len = strlen(shape->request), answer_len = strlen(shape->answer), len = 0, got = 0;
    int pair[2];
    pair_make(pair, is_tcp);
    for (size_t at = 0; at < request_len; at += piece) {
        size_t part = request_len - at < piece ? request_len - at : piece;
        ssize_t sent = send(pair[0], shape->request + at, part, 0);
        if (sent != (ssize_t)part)
            printf("  sent %zd of %zu\n", sent, part);
    }
    char own[1000];
    size_t own_len = injected_strip(memcpy(own, shape->request, request_len), request_len, true);
    while (injected_strip(memcpy(g_text, g_raw, len), len, false) < own_len) {
        ssize_t n = recv(pair[1], g_raw + len, read_piece, 0);
        MUST(n > 0);
        len += (size_t)n;
    }
    request_print(len, shape->request, request_len);
    for (size_t at = 0; at < answer_len; at += piece)
        write_all(pair[1], shape->answer + at, answer_len - at < piece ? answer_len - at : piece);
    if (shape->is_closing)
        shutdown(pair[1], SHUT_WR);
    while (got < answer_len) {
        size_t want = answer_len - got < read_piece ? answer_len - got : read_piece;
        ssize_t n = recv(pair[0], g_raw + got, want, MSG_WAITALL);
        MUST(n > 0);
        got += (size_t)n;
    }
    printf("  answer of %zu %s\n", got, memcmp(g_raw, shape->answer, got) == 0 ? "intact" : "damaged");
    pair_close(pair);
}

/* What was asked for to be another protocol is left alone. */
static void tunnel(bool is_upgrade)
{
    const char *request = is_upgrade ? "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                                     : "CONNECT far:80 HTTP/1.1\r\nHost: far:80\r\n\r\n";
    const char *answer = is_upgrade ? "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello"
                                    : "HTTP/1.1 200 OK\r\n\r\n";
    int pair[2];
    char bytes[300];
    pair_tcp(pair);
    TRY(send(pair[0], request, strlen(request), 0));
    peer_print("request", pair[1], strlen(request));
    write_all(pair[1], answer, strlen(answer));
    TRY(recv(pair[0], bytes, sizeof bytes, 0));
    for (int i = 0; i < 3; i++) {
        TRY(send(pair[0], GET, STR_LEN(GET), 0));
        TRY(recv(pair[1], bytes, sizeof bytes, 0)); /* nothing may have been added */
        TRY(send(pair[1], ANSWER, STR_LEN(ANSWER), 0));
        TRY(recv(pair[0], bytes, sizeof bytes, 0));
    }
    pair_close(pair);
}

static void pipelined(size_t count, size_t piece, bool is_tcp)
{
    int pair[2];
    size_t len = 0;
    struct drain drain;
    pair_make(pair, is_tcp);
    for (size_t i = 0; i < count; i++)
        len += (size_t)sprintf(g_text + len, "GET /%zu HTTP/1.1\r\nHost: a\r\n\r\n", i);
    drain_begin(&drain, pair[1], 1 << 20);
    for (size_t at = 0; at < len;) {
        size_t part = len - at < piece ? len - at : piece;
        ssize_t sent = send(pair[0], g_text + at, part, 0);
        if (sent != (ssize_t)part)
            printf("sent %zd of %zu\n", sent, part);
        MUST(sent > 0);
        at += (size_t)sent;
    }
    shutdown(pair[0], SHUT_WR);
    drain_print("pipelined", &drain);
    for (size_t i = 0; i < count; i++)
        write_all(pair[1], ANSWER, STR_LEN(ANSWER));
    peer_print("answers", pair[0], count * STR_LEN(ANSWER));
    pair_close(pair);
}

/* Heads of many bytes, in one line or in many; the answer's is as long. */
static void long_head(size_t want, size_t line, size_t piece)
{
    int pair[2];
    struct drain drain;
    pair_tcp(pair);
    for (int is_answer = 0; is_answer < 2; is_answer++) {
        size_t len = (size_t)sprintf(g_text, is_answer ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" : "GET / HTTP/1.1\r\n");
        while (len < want) {
            len += (size_t)sprintf(g_text + len, "X-Line: ");
            memset(g_text + len, 'x', line);
            len += line;
            len += (size_t)sprintf(g_text + len, "\r\n");
        }
        len += (size_t)sprintf(g_text + len, "\r\n");
        drain_begin(&drain, pair[!is_answer], 1 << 20);
        for (size_t at = 0; at < len; at += piece)
            write_all(pair[is_answer], g_text + at, len - at < piece ? len - at : piece);
        shutdown(pair[is_answer], SHUT_WR);
        drain_print(is_answer ? "long answer" : "long request", &drain);
    }
    pair_close(pair);
}

int main(void)
{
    static const size_t pieces[] = {1, 2, 3, 7, 20, 1000};
    harmless_begin();
    for (size_t i = 0; i < COUNT_OF(SHAPES); i++)
        for (size_t j = 0; j < COUNT_OF(pieces); j++) {
            printf("%s, in pieces of %zu\n", SHAPES[i].name, pieces[j]);
            exchange(&SHAPES[i], j % 2, pieces[j], pieces[(j * 5 + 2) % COUNT_OF(pieces)]);
        }
    tunnel(true);
    tunnel(false);
    pipelined(100, 1 << 20, true);
    pipelined(100, 777, false);
    pipelined(700, 1 << 20, true);
    pipelined(2000, 40000, true);
    for (size_t i = 0; i < 3; i++) {
        long_head(65536, 60, i == 0 ? 1 << 20 : i * 1000 + 1);
        long_head(65536, 65000, i == 0 ? 1 << 20 : i * 1000 + 1);
        long_head(200000, 9000, i == 0 ? 1 << 20 : i * 1000 + 1);
    }
    return 0;
}
