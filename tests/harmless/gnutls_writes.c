/* with -lgnutls. GnuTLS sessions whose writes do not go through at once. */
#include "harmless.h"

#include <gnutls/gnutls.h>

#define LESSER(a, b) ((a) < (b) ? (a) : (b))

enum { BODY_LEN = 60000, REQUESTS = 4 };
enum way { BY_SEND, BY_SEND2, BY_REST, BY_CORK, WAY_COUNT, BY_RANGE };

static char g_body[BODY_LEN];

/* One direction: a pipe in memory with room for so much. */
struct way_between {
    char bytes[1 << 18];
    size_t len, room;
};

struct end {
    gnutls_session_t session;
    struct way_between *out, *in;
};

static struct way_between g_up, g_down;
static struct end g_client, g_server;
static char g_received[REQUESTS * (BODY_LEN + 1000) * 2];
static size_t g_received_len;

static ssize_t push(gnutls_transport_ptr_t pointer, const void *bytes, size_t len)
{
    struct end *end = pointer;
    size_t part = LESSER(len, end->out->room - end->out->len);
    if (part == 0) {
        gnutls_transport_set_errno(end->session, EAGAIN);
        return -1;
    }
    memcpy(end->out->bytes + end->out->len, bytes, part);
    end->out->len += part;
    return (ssize_t)part;
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *bytes, size_t len)
{
    struct end *end = pointer;
    size_t part = LESSER(len, end->in->len);
    if (part == 0) {
        gnutls_transport_set_errno(end->session, EAGAIN);
        return -1;
    }
    memcpy(bytes, end->in->bytes, part);
    memmove(end->in->bytes, end->in->bytes + part, end->in->len - part);
    end->in->len -= part;
    return (ssize_t)part;
}

static int pull_timeout(gnutls_transport_ptr_t pointer, unsigned ms)
{
    struct end *end = pointer;
    (void)ms;
    return end->in->len > 0;
}

static int key_find(gnutls_session_t session, const char *name, gnutls_datum_t *key)
{
    (void)session;
    (void)name;
    key->data = gnutls_malloc(4);
    memcpy(key->data, "key!", 4);
    key->size = 4;
    return 0;
}

static void end_begin(struct end *end, unsigned flags, struct way_between *out, struct way_between *in, const char *priority)
{
    static gnutls_psk_client_credentials_t client;
    static gnutls_psk_server_credentials_t server;
    const gnutls_datum_t key = {(unsigned char *)"key!", 4};
    if (!client) {
        gnutls_psk_allocate_client_credentials(&client);
        gnutls_psk_set_client_credentials(client, "me", &key, GNUTLS_PSK_KEY_RAW);
        gnutls_psk_allocate_server_credentials(&server);
        gnutls_psk_set_server_credentials_function(server, key_find);
    }
    *end = (struct end){NULL, out, in};
    MUST(gnutls_init(&end->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS) == 0);
    MUST(gnutls_priority_set_direct(end->session, priority, NULL) == 0);
    MUST(gnutls_credentials_set(end->session, GNUTLS_CRD_PSK, flags == GNUTLS_CLIENT ? (void *)client : (void *)server) == 0);
    gnutls_transport_set_ptr(end->session, end);
    gnutls_transport_set_push_function(end->session, push);
    gnutls_transport_set_pull_function(end->session, pull);
    gnutls_transport_set_pull_timeout_function(end->session, pull_timeout);
}

static void session_begin(size_t room, const char *priority)
{
    int ours = GNUTLS_E_AGAIN, theirs = GNUTLS_E_AGAIN;
    g_up.len = g_down.len = g_received_len = 0;
    g_up.room = g_down.room = room;
    end_begin(&g_client, GNUTLS_CLIENT, &g_up, &g_down, priority);
    end_begin(&g_server, GNUTLS_SERVER, &g_down, &g_up, priority);
    for (int i = 0; i < 10000 && (ours || theirs); i++) {
        ours = ours ? gnutls_handshake(g_client.session) : 0;
        theirs = theirs ? gnutls_handshake(g_server.session) : 0;
    }
    printf("handshake %d %d %s\n", ours, theirs,
           gnutls_protocol_get_name(gnutls_protocol_get_version(g_client.session)));
}

static void session_end(void)
{
    TRY(gnutls_bye(g_client.session, GNUTLS_SHUT_WR));
    gnutls_deinit(g_client.session);
    gnutls_deinit(g_server.session);
}

static void server_run(void)
{
    ssize_t n;
    while ((n = gnutls_record_recv(g_server.session, g_received + g_received_len, sizeof g_received - g_received_len)) > 0)
        g_received_len += (size_t)n;
}

static ssize_t send_some(const char *bytes, size_t len, enum way way, bool is_again)
{
    gnutls_range_st range = {LESSER(len, 1000), 1000};
    switch (way) {
    case BY_SEND2:
        return gnutls_record_send2(g_client.session, bytes, len, 0, 0);
    case BY_REST:
        return gnutls_record_send(g_client.session, is_again ? NULL : bytes, is_again ? 0 : len);
    case BY_RANGE:
        return gnutls_record_send_range(g_client.session, bytes, LESSER(len, 1000), &range);
    default:
        return gnutls_record_send(g_client.session, bytes, len);
    }
}

static void send_all(const char *bytes, size_t len, enum way way)
{
    size_t done = 0;
    bool is_again = false;
    for (int tries = 0; done < len && tries < 100000; tries++) {
        ssize_t n = send_some(bytes + done, len - done, way, is_again);
        is_again = n == GNUTLS_E_AGAIN;
        if (n > 0)
            done += (size_t)n;
        else if (gnutls_error_is_fatal((int)n)) {
            printf("error %zd %s\n", n, gnutls_strerror_name((int)n));
            return;
        }
        server_run();
    }
    MUST(done == len);
}

/* Piece by piece into the library's own buffer, which then goes out in one. */
static void send_corked(const char *bytes, size_t len)
{
    int n = GNUTLS_E_AGAIN;
    gnutls_record_cork(g_client.session);
    for (size_t at = 0; at < len; at += 7000)
        MUST(gnutls_record_send(g_client.session, bytes + at, LESSER(7000, len - at)) == (ssize_t)LESSER(7000, len - at));
    for (int tries = 0; n < 0 && tries < 100000; tries++) {
        n = gnutls_record_uncork(g_client.session, 0);
        server_run();
    }
    printf("uncorked %d\n", n >= 0);
}

static void answer(void)
{
    char bytes[200];
    unsigned char sequence[8];
    ssize_t n = GNUTLS_E_AGAIN, sent = GNUTLS_E_AGAIN;
    for (int tries = 0; tries < 1000 && (sent < 0 || n == GNUTLS_E_AGAIN); tries++) {
        if (sent < 0)
            sent = gnutls_record_send(g_server.session, ANSWER, STR_LEN(ANSWER));
        n = gnutls_record_recv_seq(g_client.session, bytes, sizeof bytes, sequence);
    }
    printf("answer %zd %zd\n", sent, n);
}

static void requests_write(size_t room, const char *priority, enum way way)
{
    session_begin(room, priority);
    for (int i = 0; i < REQUESTS; i++) {
        size_t body_len = (size_t)i * 20000;
        char *message = malloc(body_len + 200);
        size_t head_len = (size_t)snprintf(message, 200, "POST /%d HTTP/1.1\r\nHost: peer\r\nContent-Length: %zu\r\n\r\n", i,
                                           body_len);
        memcpy(message + head_len, g_body, body_len);
        if (way == BY_CORK)
            send_corked(message, head_len + body_len);
        else
            send_all(message, head_len + body_len, way);
        free(message);
        answer();
    }
    size_t len = injected_strip(g_received, g_received_len, true);
    printf("room %zu, way %d, %.40s: %zu bytes, crc %08x\n", room, way, priority, len, crc32_add(0, g_received, len));
    session_end();
}

static void odds_and_ends(const char *priority)
{
    char byte;
    gnutls_packet_t packet = NULL;
    gnutls_datum_t data = {0};
    session_begin(1 << 17, priority);
    TRY((int)gnutls_record_send(g_client.session, "", 0));
    TRY((int)gnutls_record_recv(g_client.session, &byte, 1));
    TRY((int)gnutls_record_recv_packet(g_client.session, &packet));
    send_all("GET / HTTP/1.1\r\nHost: p\r\n\r\n", 27, BY_SEND);
    TRY((int)gnutls_record_send(g_server.session, ANSWER, STR_LEN(ANSWER)));
    TRY((int)gnutls_record_recv_packet(g_client.session, &packet));
    gnutls_packet_get(packet, &data, NULL);
    printf("packet %u\n", data.size);
    gnutls_packet_deinit(packet);
    session_end();
    gnutls_deinit(NULL);
}

int main(void)
{
    static const size_t rooms[] = {700, 5000, 1 << 17};
    static const char *const priorities[] = {"NORMAL:-KX-ALL:+ECDHE-PSK:+PSK:-VERS-ALL:+VERS-TLS1.2",
                                             "NORMAL:+ECDHE-PSK:+PSK:-VERS-ALL:+VERS-TLS1.3"};
    harmless_begin();
    for (int i = 0; i < BODY_LEN; i++)
        g_body[i] = (char)(i % 251);
    for (size_t i = 0; i < COUNT_OF(rooms) * WAY_COUNT * 2; i++)
        requests_write(rooms[i % 3], priorities[i / 3 % 2], (enum way)(i / 6));
    requests_write(1 << 17, priorities[1], BY_RANGE); /* waits by itself where there is no room */
    odds_and_ends(priorities[0]);
    odds_and_ends(priorities[1]);
    return 0;
}
