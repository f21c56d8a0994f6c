/* random_ops FIRST [COUNT] - random sequences of socket operations, one a seed.
 *
 * Clients and servers of this one process talk HTTP, other text and binary, over TCP and unix sockets, in
 * requests and answers of random shapes that are cut at random places, by all calls that send and receive.
 * Every result is printed that tracing must not change. What it may change is how many bytes a request has on
 * the wire: how many a server reads in one go, and how many a full socket takes of a request, is not printed,
 * but the bytes are: as they came, without the injected lines, which may only stand before the blank line of
 * a request's head. */
#include "harmless.h"

enum {
    CONNECTIONS = 4,
    STEPS = 60,
    QUEUE_MAX = 400000,
    HEADS_MAX = 256,
    IN_FLIGHT_MAX = 20000, /* what any socket takes without waiting */
    SENDS_MAX = 40,
    IOV_PIECES = 8,
    TIGHT_BYTES = 4608,
};

/* ---- chance ---- */

static uint64_t g_state;

static uint32_t chance(void)
{
    g_state = g_state * 6364136223846793005ULL + 1442695040888963407ULL;
    uint64_t x = g_state ^ g_state >> 29;
    return (uint32_t)((x * 0xbf58476d1ce4e5b9ULL) >> 32);
}

static size_t below(size_t limit)
{
    return limit ? chance() % limit : 0;
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* ---- connections ---- */

enum talk { TALK_HTTP, TALK_TEXT, TALK_BINARY };

struct way { /* one direction: what is said, and how far it has come */
    char *said;
    size_t said_len, sent, received;
    size_t sends;     /* since it was last emptied */
    char *raw;        /* as it came */
    size_t raw_len;
};

struct shape {
    bool is_head, is_connect, is_upgrade, is_last;
};

struct connection {
    bool is_open, is_tcp, is_tight, is_tunnel, is_over;
    enum talk talk;
    int client, server;
    struct way up, down;
    size_t blank_lines[HEADS_MAX]; /* where in up.said headers may go in */
    size_t head_count;
    struct shape shapes[HEADS_MAX]; /* of the requests */
    size_t answered;
};

static struct connection g_connections[CONNECTIONS];

/* ---- a thread for the servers, in lockstep ---- */

struct job {
    void (*function)(struct connection *, uint64_t);
    struct connection *connection;
    uint64_t argument;
};

static struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct job job;
    bool is_running, is_busy, is_ending;
} g_server = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *server_run(void *argument)
{
    pthread_mutex_lock(&g_server.mutex);
    while (!g_server.is_ending) {
        if (g_server.is_busy) {
            g_server.job.function(g_server.job.connection, g_server.job.argument);
            g_server.is_busy = false;
            pthread_cond_broadcast(&g_server.changed);
        } else {
            pthread_cond_wait(&g_server.changed, &g_server.mutex);
        }
    }
    pthread_mutex_unlock(&g_server.mutex);
    return argument;
}

static void on_server(void (*function)(struct connection *, uint64_t), struct connection *connection,
                      uint64_t argument)
{
    if (!g_server.is_running) {
        function(connection, argument);
        return;
    }
    pthread_mutex_lock(&g_server.mutex);
    g_server.job = (struct job){function, connection, argument};
    g_server.is_busy = true;
    pthread_cond_broadcast(&g_server.changed);
    while (g_server.is_busy)
        pthread_cond_wait(&g_server.changed, &g_server.mutex);
    pthread_mutex_unlock(&g_server.mutex);
}

static void server_start(void)
{
    g_server.is_ending = false;
    g_server.is_running = pthread_create(&g_server.thread, NULL, server_run, NULL) == 0;
}

static void server_stop(void)
{
    if (!g_server.is_running)
        return;
    pthread_mutex_lock(&g_server.mutex);
    g_server.is_ending = true;
    pthread_cond_broadcast(&g_server.changed);
    pthread_mutex_unlock(&g_server.mutex);
    pthread_join(g_server.thread, NULL);
    g_server.is_running = false;
}

/* ---- what is said ---- */

__attribute__((format(printf, 2, 3))) static void say(struct way *way, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(way->said + way->said_len, QUEUE_MAX - way->said_len, format, arguments);
    va_end(arguments);
    MUST(len >= 0 && way->said_len + (size_t)len < QUEUE_MAX);
    way->said_len += (size_t)len;
}

/* Bodies are made of what heads are made of. */
static void say_bytes(struct way *way, size_t len)
{
    static const char *const words[] = {
        "GET / HTTP/1.1\r\n", "Host: a\r\n", "\r\n", "\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\n\n", "0\r\n\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "a: b\r\n", "Content-Length: 9\r\n", "PRI * HTTP/2.0",
    };
    size_t end = way->said_len + len;
    MUST(end < QUEUE_MAX);
    while (way->said_len < end) {
        const char *word = words[below(COUNT_OF(words))];
        size_t room = end - way->said_len, word_len = strlen(word);
        if (one_in(3) && word_len <= room) {
            memcpy(way->said + way->said_len, word, word_len);
            way->said_len += word_len;
        } else {
            way->said[way->said_len++] = (char)chance();
        }
    }
}

static size_t body_len(const struct connection *connection)
{
    if (connection->is_tight && one_in(4))
        return below(connection->is_tcp ? 12000 : 40000);
    return one_in(4) ? 0 : below(one_in(4) ? 5000 : 200);
}

static void say_chunks(struct connection *connection, struct way *way)
{
    for (size_t i = below(4); i > 0; i--) {
        size_t len = 1 + body_len(connection);
        say(way, one_in(3) ? "%zX;name=\"a b\";x\r\n" : "%zx\r\n", len);
        say_bytes(way, len);
        say(way, "\r\n");
    }
    say(way, "%s\r\n", one_in(4) ? "000" : "0");
    if (one_in(3))
        say(way, "Trailer: yes\r\nX-Sum: 1\r\n");
    say(way, "\r\n");
}

static void say_fields(struct way *way, const char *end)
{
    for (size_t i = below(6); i > 0; i--)
        switch (below(6)) {
        case 0:
            say(way, "X-Long: %0*d%s", (int)(one_in(8) ? below(9000) : below(300)), 7, end);
            break;
        case 1:
            say(way, "X-Folded: one%s two%s", end, end);
            break;
        case 2:
            say(way, "User-Agent:random/1.0  %s", end);
            break;
        case 3:
            say(way, "x-empty:%s", end);
            break;
        case 4:
            say(way, "Cookie: a=b; traceparent=no%s", end);
            break;
        default:
            say(way, "Accept: */*%s", end);
        }
}

static void request_say(struct connection *connection)
{
    static const char *const methods[] = {"GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "X-OWN"};
    struct way *way = &connection->up;
    struct shape *shape = &connection->shapes[connection->head_count];
    const char *end = one_in(10) ? "\n" : "\r\n", *method = methods[below(COUNT_OF(methods))];
    bool is_special = connection->answered == connection->head_count && one_in(12);
    *shape = (struct shape){.is_head = strcmp(method, "HEAD") == 0,
                            .is_connect = is_special && one_in(2)};
    shape->is_upgrade = is_special && !shape->is_connect;
    if (shape->is_connect)
        say(way, "CONNECT far:443 HTTP/1.1%s", end);
    else
        say(way, "%s /%zu?a=b%%20c HTTP/1.%d%s", method, below(1000), !one_in(6), end);
    if (!one_in(6))
        say(way, "Host: peer%s", end);
    say_fields(way, end);
    if (shape->is_upgrade)
        say(way, "Connection: Upgrade%sUpgrade: websocket%s", end, end);
    bool has_body = !is_special && !one_in(3), is_chunked = has_body && one_in(3);
    size_t len = has_body && !is_chunked ? body_len(connection) : 0;
    if (has_body && one_in(6))
        say(way, "Expect: 100-continue%s", end);
    if (is_chunked)
        say(way, "%sTransfer-Encoding: chunked%s", one_in(5) ? "Content-Length: 3\r\n" : "", end);
    else if (has_body)
        say(way, "Content-Length: %zu%s", len, end);
    say_fields(way, end);
    connection->blank_lines[connection->head_count++] = way->said_len;
    say(way, "%s", end);
    if (is_chunked)
        say_chunks(connection, way);
    else
        say_bytes(way, len);
}

static void answer_say(struct connection *connection)
{
    struct way *way = &connection->down;
    const struct shape *shape = &connection->shapes[connection->answered++];
    if (shape->is_upgrade || shape->is_connect) {
        say(way, shape->is_upgrade ? "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
                                   : "HTTP/1.1 200 Connected\r\n\r\n");
        connection->is_tunnel = true;
        return;
    }
    for (size_t i = one_in(5) ? 1 + below(2) : 0; i > 0; i--)
        say(way, one_in(2) ? "HTTP/1.1 100 Continue\r\n\r\n" : "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    int kind = (int)below(8);
    if (kind == 0 || kind == 1) {
        say(way, kind ? "HTTP/1.1 204 No Content\r\n" : "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n");
        say_fields(way, "\r\n");
        say(way, "\r\n");
        return;
    }
    say(way, "HTTP/1.%d %d%s\r\n", kind != 2, one_in(6) ? 503 : one_in(6) ? 404 : 200,
        one_in(4) ? "" : " A reason");
    say_fields(way, "\r\n");
    if (kind == 3) {
        say(way, "%sTransfer-Encoding: chunked\r\n\r\n", one_in(5) ? "Content-Length: 7\r\n" : "");
        if (!shape->is_head)
            say_chunks(connection, way);
    } else if (kind == 4 && connection->answered == connection->head_count && !shape->is_head) {
        say(way, "\r\n");
        say_bytes(way, body_len(connection));
        connection->is_over = true; /* the body ends with the connection */
    } else {
        size_t len = body_len(connection);
        say(way, "Content-Length: %zu\r\n\r\n", len);
        say_bytes(way, shape->is_head ? 0 : len);
    }
}

static void other_say(struct connection *connection, struct way *way)
{
    if (connection->talk == TALK_TEXT && !connection->is_tunnel) {
        say(way, one_in(2) ? "+OK %zu ready\r\n" : "%zu: LIST\r\n", below(1000));
        say(way, "a: b\r\n\r\n");
    } else {
        size_t len = 1 + below(400);
        say(way, "%c", (int)(0x80 + below(100)));
        say_bytes(way, len);
    }
}

/* ---- sending ---- */

struct pieces {
    struct iovec iov[IOV_PIECES];
    size_t count;
};

static void pieces_cut(struct pieces *pieces, char *bytes, size_t len)
{
    size_t at = 0;
    pieces->count = 1 + below(IOV_PIECES);
    for (size_t i = 0; i < pieces->count; i++) {
        size_t part = i + 1 == pieces->count ? len - at : one_in(5) ? 0 : below(len - at + 1);
        pieces->iov[i] = (struct iovec){bytes + at, part};
        at += part;
    }
}

static ssize_t send_somehow(int fd, char *bytes, size_t len, unsigned kind, int flags)
{
    struct pieces pieces;
    pieces_cut(&pieces, bytes, len);
    struct msghdr message = {.msg_iov = pieces.iov, .msg_iovlen = pieces.count};
    struct mmsghdr messages[IOV_PIECES] = {0};
    switch (kind) {
    case 0:
        return write(fd, bytes, len);
    case 1:
        return writev(fd, pieces.iov, (int)pieces.count);
    case 2:
        return send(fd, bytes, len, flags);
    case 3:
        return sendto(fd, bytes, len, flags, NULL, 0);
    case 4:
        return sendmsg(fd, &message, flags);
    default:
        break;
    }
    size_t count = 0, sent = 0;
    for (size_t i = 0; i < pieces.count; i++)
        if (pieces.iov[i].iov_len)
            messages[count++].msg_hdr = (struct msghdr){.msg_iov = &pieces.iov[i], .msg_iovlen = 1};
    int done = count ? sendmmsg(fd, messages, (unsigned)count, flags) : 0;
    for (int i = 0; i < done; i++)
        sent += messages[i].msg_len;
    return done < 0 ? done : (ssize_t)sent;
}

/* ---- receiving ---- */

static ssize_t receive_somehow(int fd, char *bytes, size_t len, unsigned kind, int flags)
{
    struct pieces pieces;
    pieces_cut(&pieces, bytes, len);
    struct msghdr message = {.msg_iov = pieces.iov, .msg_iovlen = pieces.count};
    struct mmsghdr messages = {.msg_hdr = message};
    switch (flags ? 2 + kind % 4 : kind) {
    case 0:
        return read(fd, bytes, len);
    case 1:
        return readv(fd, pieces.iov, (int)pieces.count);
    case 2:
        return recv(fd, bytes, len, flags);
    case 3:
        return recvfrom(fd, bytes, len, flags, NULL, NULL);
    case 4:
        return recvmsg(fd, &message, flags);
    default: {
        int done = recvmmsg(fd, &messages, 1, flags, NULL);
        return done < 0 ? done : (ssize_t)messages.msg_len;
    }
    }
}

/* What a server reads is not announced, for it may be longer: the raw bytes are kept. */
static void server_read(struct connection *connection, uint64_t state)
{
    struct way *way = &connection->up;
    uint64_t saved = g_state;
    g_state = state;
    size_t len = 1 + below(one_in(3) ? 40000 : 300);
    MUST(way->raw_len + len < 2 * QUEUE_MAX);
    int flags = MSG_DONTWAIT;
    if (one_in(6)) {
        char peeked[300];
        ssize_t seen = recv(connection->server, peeked, sizeof peeked, MSG_PEEK | MSG_DONTWAIT);
        ssize_t got = receive_somehow(connection->server, way->raw + way->raw_len, len, 2, flags);
        size_t both = (size_t)(seen < got ? seen : got);
        if (seen > 0 && (got <= 0 || memcmp(peeked, way->raw + way->raw_len, both) != 0))
            puts("what was peeked at is not what came");
        way->raw_len += got > 0 ? (size_t)got : 0;
    } else {
        struct pollfd wait = {connection->server, POLLIN, 0};
        unsigned kind = (unsigned)below(6);
        ssize_t got = poll(&wait, 1, 0) > 0 ? receive_somehow(connection->server, way->raw + way->raw_len,
                                                              len, kind, kind < 2 ? 0 : flags)
                                            : 0;
        way->raw_len += got > 0 ? (size_t)got : 0;
    }
    g_state = saved;
}

/* Injected lines may stand before the blank lines of heads only. Returns the rest's length. */
static size_t raw_strip(const struct connection *connection, char *out, size_t *misplaced)
{
    const struct way *way = &connection->up;
    size_t len = 0, head = 0, injected = 0, last_at = SIZE_MAX;
    *misplaced = 0;
    for (size_t at = 0; at < way->raw_len;) {
        const char *newline = memchr(way->raw + at, '\n', way->raw_len - at);
        bool is_line = at > 0 && way->raw[at - 1] == '\n' && newline &&
                       is_injected(way->raw + at, (size_t)(newline - (way->raw + at)) + 1);
        if (!is_line) {
            out[len++] = way->raw[at++];
            continue;
        }
        while (head < connection->head_count && connection->blank_lines[head] < len)
            head++;
        injected = last_at == len ? injected + 1 : 1;
        last_at = len;
        if (head == connection->head_count || connection->blank_lines[head] != len || injected > 1)
            if ((*misplaced)++ == 0) {
                printf("  behind byte %zu:", len);
                for (size_t i = len < 40 ? 0 : len - 40; i < len; i++)
                    printf(out[i] > ' ' && out[i] <= '~' ? "%c" : "<%02x>", (unsigned char)out[i]);
                printf("\n");
            }
        at = (size_t)(newline - way->raw) + 1;
    }
    return len;
}

/* Reads until all that was sent has come, and says what it is. */
static void server_sync(struct connection *connection, uint64_t state)
{
    struct way *way = &connection->up;
    char *bytes = malloc(2 * QUEUE_MAX);
    size_t len = 0, misplaced = 0;
    long begin = now_ms();
    for (uint64_t i = 0; now_ms() - begin < PATIENCE_MS; i++) {
        if (way->raw_len >= way->sent)
            len = raw_strip(connection, bytes, &misplaced);
        /* A line that is still coming looks like the application's bytes. */
        if (way->raw_len >= way->sent && len >= way->sent && memcmp(bytes, way->said, way->sent) == 0)
            break;
        struct pollfd wait = {connection->server, POLLIN, 0};
        poll(&wait, 1, 100);
        server_read(connection, state + i * 77);
    }
    printf("  server has %zu bytes, %s, crc %08x, misplaced %zu\n", len,
           len == way->sent && memcmp(bytes, way->said, len) == 0 ? "intact" : "damaged",
           crc32_add(0, bytes, len), misplaced);
    way->received = len;
    way->sends = 0;
    free(bytes);
}

/* What the client reads is the same to the byte; but it may take a moment to arrive. */
static void client_read_with(struct connection *connection, bool is_quiet)
{
    struct way *way = &connection->down;
    size_t len = 1 + below(one_in(3) ? 20000 : 300);
    unsigned kind = (unsigned)below(6);
    int flags = one_in(2) ? MSG_DONTWAIT : 0, available = 0;
    size_t due = way->sent - way->received;
    for (long begin = now_ms(); !connection->is_tight && now_ms() - begin < PATIENCE_MS;) {
        if (ioctl(connection->client, FIONREAD, &available) < 0 || (size_t)available >= due)
            break;
        usleep(100);
    }
    if (due == 0 && !connection->is_tight)
        flags = MSG_DONTWAIT;
    if (due == 0 && connection->is_tight && kind < 2)
        return; /* nothing is to be had; and not every socket here is non-blocking */
    if (!is_quiet && !connection->is_tight && one_in(5))
        flags |= MSG_PEEK;
    else if (!connection->is_tight && due >= len && one_in(5))
        flags = MSG_WAITALL;
    else if (!connection->is_tight && one_in(12))
        flags |= connection->is_tcp ? MSG_TRUNC : 0;
    char *bytes = calloc(1, len + 1);
    errno = ERRNO_BEFORE;
    ssize_t got = receive_somehow(connection->client, bytes, len, kind, flags);
    int error = errno;
    if (!connection->is_tight)
        printf("  client reads %zd of %zu, flags %#x, kind %u%s%s, crc %08x\n", got, len, (unsigned)flags, kind,
               got < 0 ? " " : "", got < 0 ? errno_word(error) : "",
               crc32_add(0, bytes, got > 0 ? (size_t)got : 0));
    if (got >= 0 && error != ERRNO_BEFORE)
        printf("  errno became %s\n", errno_word(error));
    if (got > 0 && !(flags & MSG_TRUNC) && memcmp(bytes, way->said + way->received, (size_t)got) != 0)
        puts("  client got other bytes");
    if (got > 0 && !(flags & MSG_PEEK))
        way->received += (size_t)got;
    free(bytes);
}

/* As often as it is called, and whatever comes: what follows is up to the seed alone. */
static void client_read(struct connection *connection, bool is_quiet, uint64_t state)
{
    uint64_t saved = g_state;
    g_state = state;
    client_read_with(connection, is_quiet);
    g_state = saved;
}

static void client_sync(struct connection *connection)
{
    struct way *way = &connection->down;
    uint64_t state = chance();
    long begin = now_ms();
    for (uint64_t i = 0; way->received < way->sent && now_ms() - begin < PATIENCE_MS; i++)
        client_read(connection, true, state + i * 77);
    way->sends = 0;
    printf("  client has %zu bytes, crc %08x\n", way->received, crc32_add(0, way->said, way->received));
}

/* ---- operations ---- */

static void way_send(struct connection *connection, bool is_up, uint64_t state)
{
    struct way *way = is_up ? &connection->up : &connection->down;
    int fd = is_up ? connection->client : connection->server;
    uint64_t saved = g_state;
    g_state = state;
    size_t len = way->said_len - way->sent;
    if (len && !one_in(3))
        len = 1 + below(one_in(2) ? len : len < 40 ? len : 40);
    if (!connection->is_tight && len > IN_FLIGHT_MAX)
        len = IN_FLIGHT_MAX;
    unsigned kind = (unsigned)below(6);
    int flags = (one_in(3) ? MSG_NOSIGNAL : 0) | (one_in(4) ? MSG_DONTWAIT : 0) |
                (one_in(60) && connection->is_tcp ? MSG_MORE : 0);
    if (!connection->is_tight) {
        errno = ERRNO_BEFORE;
        ssize_t sent = send_somehow(fd, way->said + way->sent, len, kind, flags);
        int error = errno;
        printf("  %s sends %zd of %zu, flags %#x, kind %u%s%s\n", is_up ? "client" : "server", sent, len,
               (unsigned)flags, kind, sent < 0 ? " " : "", error == ERRNO_BEFORE ? "" : errno_word(error));
        way->sent += sent > 0 ? (size_t)sent : 0;
        way->sends += IOV_PIECES;
        g_state = saved;
        return;
    }
    /* Non-blocking, with little room: in as many turns as it takes, the peer reading in between. */
    for (size_t end = way->sent + len; way->sent < end;) {
        ssize_t sent = send_somehow(fd, way->said + way->sent, end - way->sent, (unsigned)below(6), flags);
        if (sent == 0 || sent > (ssize_t)(end - way->sent) || (sent < 0 && errno != EAGAIN)) {
            printf("  sent %zd of %zu: %s\n", sent, end - way->sent, sent < 0 ? errno_word(errno) : "");
            break;
        }
        way->sent += sent > 0 ? (size_t)sent : 0;
        struct pollfd wait = {fd, POLLOUT, 0};
        if (sent < 0)
            poll(&wait, 1, 1);
        if (way->sent < end && is_up)
            server_read(connection, chance());
        else if (way->sent < end)
            client_read(connection, true, chance());
    }
    printf("  %s has sent %zu bytes\n", is_up ? "client" : "server", way->sent);
    g_state = saved;
}

static void server_send(struct connection *connection, uint64_t state)
{
    way_send(connection, false, state);
}

static bool is_crowded(const struct connection *connection, const struct way *way)
{
    if (connection->is_tight) /* its peer reads while it sends */
        return false;
    return way->sent - way->received > IN_FLIGHT_MAX || way->sends > SENDS_MAX * IOV_PIECES;
}

static void connection_open(struct connection *connection)
{
    char *buffers[4] = {connection->up.said, connection->up.raw, connection->down.said, NULL};
    *connection = (struct connection){.is_open = true};
    connection->up.said = buffers[0] ? buffers[0] : malloc(QUEUE_MAX);
    connection->up.raw = buffers[1] ? buffers[1] : malloc(2 * QUEUE_MAX);
    connection->down.said = buffers[2] ? buffers[2] : malloc(QUEUE_MAX);
    connection->is_tcp = one_in(2);
    connection->is_tight = one_in(3);
    connection->talk = one_in(4) ? (one_in(2) ? TALK_TEXT : TALK_BINARY) : TALK_HTTP;
    int pair[2];
    pair_make(pair, connection->is_tcp);
    connection->client = pair[0];
    connection->server = pair[1];
    if (connection->is_tight)
        for (int i = 0; i < 2; i++) {
            int bytes = TIGHT_BYTES;
            setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
            if (!connection->is_tcp) /* there, a small window is a matter of timers */
                setsockopt(pair[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
            fcntl(pair[i], F_SETFL, O_NONBLOCK);
        }
    printf(" open %d %d%s%s, talk %d\n", pair[0], pair[1], connection->is_tcp ? " tcp" : "",
           connection->is_tight ? " tight" : "", (int)connection->talk);
}

/* A request that was begun may be dropped; the counts tell the same story either way. */
static void connection_finish(struct connection *connection)
{
    printf(" close\n");
    on_server(server_sync, connection, chance());
    client_sync(connection);
    if (one_in(2))
        TRY(shutdown(connection->client, one_in(2) ? SHUT_WR : SHUT_RDWR));
    TRY(close(connection->client));
    TRY(recv(connection->server, &(char){0}, 1, MSG_DONTWAIT | MSG_PEEK) > 0 ? 1 : 0);
    TRY(close(connection->server));
    TRY(send(connection->client, "x", 1, MSG_NOSIGNAL));
    connection->is_open = false;
}

/* The first from @fd on that is not in use. */
static int number_free(int fd)
{
    while (fcntl(fd, F_GETFD) >= 0)
        fd++;
    return fd;
}

/* Another number for the same, and the first one goes. */
static void renumber(int *fd)
{
    int copy, kind = (int)below(5);
    switch (kind) {
    case 0:
        copy = dup(*fd);
        break;
    case 1:
        copy = dup2(*fd, number_free(100 + (int)below(50)));
        break;
    case 2:
        copy = dup3(*fd, number_free(150 + (int)below(50)), O_CLOEXEC);
        break;
    case 3:
        copy = fcntl(*fd, F_DUPFD, 200);
        break;
    default:
        copy = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
    }
    printf("  %d copied as %d in way %d\n", *fd, copy, kind);
    TRY(close(*fd));
    *fd = copy;
}

static void look(struct connection *connection)
{
    struct pollfd wait = {connection->client, POLLOUT, 0};
    int error = -1;
    socklen_t len = sizeof error;
    if (!connection->is_tight) {
        TRY(poll(&wait, 1, 0));
        printf("  revents %#x\n", (unsigned)wait.revents);
    }
    TRY(getsockopt(connection->client, SOL_SOCKET, SO_ERROR, &error, &len));
    TRY(fcntl(connection->client, F_GETFD));
    TRY(send(connection->client, "", 0, MSG_DONTWAIT));
    TRY(write(connection->client, "", 0));
    TRY(read(connection->client, NULL, 0) > 0);
    printf("  error %d\n", error);
}

static void speak(struct connection *connection)
{
    if (connection->is_over || connection->up.said_len > QUEUE_MAX / 4 ||
        connection->down.said_len > QUEUE_MAX / 4)
        return;
    if (connection->talk != TALK_HTTP || connection->is_tunnel) {
        other_say(connection, one_in(2) ? &connection->up : &connection->down);
        return;
    }
    bool is_waiting = connection->head_count &&
                      (connection->shapes[connection->head_count - 1].is_connect ||
                       connection->shapes[connection->head_count - 1].is_upgrade);
    for (size_t i = one_in(8) ? 1 + below(20) : 1; i > 0 && !is_waiting; i--) {
        if (connection->head_count >= HEADS_MAX || connection->up.said_len > QUEUE_MAX / 4)
            break;
        request_say(connection);
        is_waiting = connection->shapes[connection->head_count - 1].is_connect ||
                     connection->shapes[connection->head_count - 1].is_upgrade;
    }
}

/* All requests arrive whole, then each gets its answer. */
static void serve(struct connection *connection)
{
    while (connection->up.sent < connection->up.said_len) {
        way_send(connection, true, chance());
        if (is_crowded(connection, &connection->up))
            on_server(server_sync, connection, chance());
    }
    on_server(server_sync, connection, chance());
    while (connection->answered < connection->head_count && connection->down.said_len < QUEUE_MAX / 2)
        answer_say(connection);
    while (connection->down.sent < connection->down.said_len && (connection->is_tunnel || !one_in(6))) {
        on_server(server_send, connection, chance());
        if (is_crowded(connection, &connection->down))
            client_sync(connection);
    }
    if (connection->is_tunnel || one_in(2)) /* only who has read the answer talks through the tunnel */
        client_sync(connection);
}

static void step(struct connection *connection)
{
    if (!connection->is_open) {
        connection_open(connection);
        return;
    }
    switch (below(16)) {
    case 0:
    case 1:
    case 2:
        speak(connection);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        if (is_crowded(connection, &connection->up))
            on_server(server_sync, connection, chance());
        way_send(connection, true, chance());
        break;
    case 7:
        on_server(server_read, connection, chance());
        break;
    case 8:
    case 9:
        serve(connection);
        break;
    case 10:
        if (is_crowded(connection, &connection->down))
            client_sync(connection);
        on_server(server_send, connection, chance());
        break;
    case 11:
    case 12:
        client_read(connection, false, chance());
        break;
    case 13:
        renumber(one_in(2) ? &connection->client : &connection->server);
        break;
    case 14:
        look(connection);
        break;
    default:
        if (connection->is_over || one_in(3))
            connection_finish(connection);
    }
}

static void sequence_run(unsigned seed)
{
    g_state = seed * 0x9e3779b97f4a7c15ULL + 1;
    for (int i = 0; i < 4; i++)
        chance();
    bool has_thread = one_in(3);
    printf("seed %u\n%s", seed, has_thread ? " two threads\n" : "");
    if (has_thread)
        server_start();
    for (int i = 0; i < STEPS; i++) {
        size_t which = below(CONNECTIONS);
        printf(" step %d, connection %zu\n", i, which);
        step(&g_connections[which]);
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (g_connections[i].is_open)
            connection_finish(&g_connections[i]);
    server_stop();
}

int main(int argc, char **argv)
{
    harmless_begin();
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    unsigned first = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
    for (unsigned seed = first; seed < first + count; seed++)
        sequence_run(seed);
    fds_print("at last", true);
    return 0;
}
