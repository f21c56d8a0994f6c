/* with -lssl -lcrypto. OpenSSL sessions whose writes do not go through at once. */
#include "harmless.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { BODY_LEN = 100000, REQUESTS = 5 };
enum way { BY_WRITE, BY_WRITE_EX, BY_BIO, WAY_COUNT };

static SSL_CTX *g_server_context, *g_client_context;
static char g_body[BODY_LEN];

static void contexts_make(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"peer", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    MUST(X509_sign(certificate, key, EVP_sha256()) > 0);
    g_server_context = SSL_CTX_new(TLS_server_method());
    g_client_context = SSL_CTX_new(TLS_client_method());
    MUST(SSL_CTX_use_certificate(g_server_context, certificate) == 1 && SSL_CTX_use_PrivateKey(g_server_context, key) == 1);
    SSL_CTX_set_num_tickets(g_server_context, 0);
    for (int i = 0; i < BODY_LEN; i++)
        g_body[i] = (char)(i % 251);
}

/* A client and a server with @room bytes between them, each way. */
struct session {
    SSL *client, *server;
    BIO *bio; /* around the client */
    char received[8 * BODY_LEN];
    size_t received_len;
    bool is_stalled; /* the server does not read for now */
};

static void session_begin(struct session *session, size_t room, int version, long mode)
{
    BIO *ours, *theirs;
    MUST(BIO_new_bio_pair(&ours, room, &theirs, room) == 1);
    session->client = SSL_new(g_client_context);
    session->server = SSL_new(g_server_context);
    SSL_set_bio(session->client, ours, ours);
    SSL_set_bio(session->server, theirs, theirs);
    SSL_set_max_proto_version(session->client, version);
    SSL_clear_mode(session->client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_mode(session->client, mode);
    session->bio = BIO_new(BIO_f_ssl());
    BIO_set_ssl(session->bio, session->client, BIO_CLOSE);
    session->received_len = 0;
    session->is_stalled = false;
    SSL_set_connect_state(session->client);
    SSL_set_accept_state(session->server);
}

static void session_end(struct session *session)
{
    BIO_free(session->bio);
    SSL_free(session->server);
}

/* The server takes what there is. */
static void server_run(struct session *session)
{
    char bytes[3000];
    int n;
    while (!session->is_stalled && (n = SSL_read(session->server, bytes, sizeof bytes)) > 0) {
        MUST(session->received_len + (size_t)n <= sizeof session->received);
        memcpy(session->received + session->received_len, bytes, (size_t)n);
        session->received_len += (size_t)n;
    }
}

static int write_once(struct session *session, const char *bytes, size_t len, enum way way, size_t *written)
{
    int result = way == BY_WRITE_EX ? SSL_write_ex(session->client, bytes, len, written)
                 : way == BY_BIO    ? BIO_write(session->bio, bytes, (int)len)
                                    : SSL_write(session->client, bytes, (int)len);
    if (way != BY_WRITE_EX)
        *written = result > 0 ? (size_t)result : 0;
    return result;
}

static bool is_to_be_repeated(struct session *session, int result, enum way way)
{
    if (way == BY_BIO)
        return BIO_should_retry(session->bio);
    int error = SSL_get_error(session->client, result);
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
}

/* Offers the same bytes until they are out; from another place each time if the mode allows that. */
static int write_until_done(struct session *session, const char *bytes, size_t len, enum way way, bool is_moving)
{
    char *copies[2] = {malloc(len), malloc(len)};
    size_t done = 0;
    int tries = 0;
    memcpy(copies[0], bytes, len);
    memcpy(copies[1], bytes, len);
    while (done < len && tries < 100000) {
        size_t written = 0;
        int result = write_once(session, copies[is_moving ? tries % 2 : 0] + done, len - done, way, &written);
        done += written;
        if (result <= 0 && !is_to_be_repeated(session, result, way)) {
            printf("error %d %s\n", SSL_get_error(session->client, result), ERR_reason_error_string(ERR_peek_error()));
            break;
        }
        tries++;
        server_run(session);
    }
    free(copies[0]);
    free(copies[1]);
    return done == len ? 0 : -1;
}

static void answer(struct session *session)
{
    char bytes[200];
    int n, tries = 0;
    MUST(SSL_write(session->server, ANSWER, STR_LEN(ANSWER)) == STR_LEN(ANSWER));
    while ((n = SSL_read(session->client, bytes, sizeof bytes)) <= 0 && tries++ < 100)
        ;
    printf("answer %d\n", n);
}

static void requests_write(size_t room, int version, long mode, enum way way)
{
    static struct session session;
    char head[200];
    session_begin(&session, room, version, mode);
    for (int i = 0; i < REQUESTS; i++) {
        size_t body_len = (size_t)i * 20000, head_len;
        head_len = (size_t)snprintf(head, sizeof head, "POST /%d HTTP/1.1\r\nHost: peer\r\nContent-Length: %zu\r\n\r\n", i,
                                    body_len);
        char *message = malloc(head_len + body_len);
        memcpy(message, head, head_len);
        memcpy(message + head_len, g_body, body_len);
        bool is_moving = mode & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
        MUST(write_until_done(&session, message, head_len + body_len, way, is_moving) == 0);
        free(message);
        answer(&session);
    }
    size_t len = injected_strip(session.received, session.received_len, true);
    printf("room %zu, version %x, mode %lx, way %d: %zu bytes, crc %08x\n", room, version, mode, way, len,
           crc32_add(0, session.received, len));
    TRY(SSL_shutdown(session.client));
    session_end(&session);
}

/* What is offered again is less, or stands elsewhere: OpenSSL says what it thinks of that. */
static void bad_retries(void)
{
    static struct session session;
    static char message[40000], copy[40000];
    for (int i = 0; i < 3; i++) {
        session_begin(&session, 1000, TLS1_3_VERSION, 0);
        MUST(write_until_done(&session, GET, STR_LEN(GET), BY_WRITE, false) == 0);
        answer(&session);
        session.is_stalled = true;
        size_t len = (size_t)snprintf(message, sizeof message, "POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 30000\r\n\r\n") + 30000;
        memcpy(copy, message, sizeof copy);
        TRY(SSL_write(session.client, message, (int)len));
        TRY(SSL_get_error(session.client, -1));
        TRY(SSL_write(session.client, i == 1 ? copy : message, (int)(i == 2 ? len : len - 20000)));
        printf("%d %s\n", SSL_get_error(session.client, -1), ERR_peek_error() ? ERR_reason_error_string(ERR_get_error()) : "none");
        ERR_clear_error();
        session_end(&session);
    }
}

static void odds_and_ends(void)
{
    static struct session session;
    char byte;
    size_t done = 77;
    session_begin(&session, 5000, TLS1_3_VERSION, 0);
    TRY(SSL_write(session.client, "", 0));
    TRY(SSL_read(session.client, &byte, 0));
    TRY(SSL_read(session.client, &byte, 1));
    TRY(SSL_get_error(session.client, -1));
    MUST(write_until_done(&session, GET, STR_LEN(GET), BY_WRITE, false) == 0);
    TRY(SSL_write(session.client, GET, -1));
    ERR_clear_error();
    TRY(SSL_write_ex(session.client, GET, 0, &done));
    TRY((int)done);
    TRY(SSL_pending(session.client));
    TRY(SSL_clear(session.client));
    TRY(ERR_peek_error() != 0);
    session_end(&session);
    SSL_free(NULL);
}

int main(void)
{
    static const size_t rooms[] = {600, 5000, 17000, 1 << 20};
    static const long modes[] = {0, SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
                                 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER};
    harmless_begin();
    contexts_make();
    for (size_t i = 0; i < COUNT_OF(rooms) * COUNT_OF(modes) * 2 * WAY_COUNT; i++)
        requests_write(rooms[i % 4], i / 16 % 2 ? TLS1_3_VERSION : TLS1_2_VERSION, modes[i / 4 % 4], (enum way)(i / 32));
    bad_retries();
    odds_and_ends();
    return 0;
}
