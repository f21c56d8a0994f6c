/* gnutls_client own|memory HOST PORT CA PATH - gets https://HOST:PORT/PATH by GnuTLS, which reaches its socket by
 * functions of this program (own), or writes to memory, from which this program sends (memory). */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct transport {
    int fd;
    size_t out_len;
    char out[1 << 20];
};

static int fail(const char *what, int code)
{
    fprintf(stderr, "gnutls_client: %s: %s\n", what, gnutls_strerror(code));
    return 1;
}

static ssize_t own_push(gnutls_transport_ptr_t pointer, const void *bytes, size_t len)
{
    struct transport *transport = pointer;
    return send(transport->fd, bytes, len, MSG_NOSIGNAL);
}

static ssize_t memory_push(gnutls_transport_ptr_t pointer, const void *bytes, size_t len)
{
    struct transport *transport = pointer;
    memcpy(transport->out + transport->out_len, bytes, len);
    transport->out_len += len;
    return (ssize_t)len;
}

static ssize_t pull(gnutls_transport_ptr_t pointer, void *bytes, size_t len)
{
    struct transport *transport = pointer;
    return recv(transport->fd, bytes, len, MSG_DONTWAIT);
}

static int pull_timeout(gnutls_transport_ptr_t pointer, unsigned ms)
{
    (void)pointer;
    (void)ms;
    return 1;
}

/* What lies in memory goes out; then there is something to read, or there will be. */
static void flush(struct transport *transport, int is_waiting)
{
    char byte;
    for (size_t at = 0; at < transport->out_len;)
        at += (size_t)send(transport->fd, transport->out + at, transport->out_len - at, MSG_NOSIGNAL);
    transport->out_len = 0;
    if (is_waiting)
        recv(transport->fd, &byte, 1, MSG_PEEK);
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(host, port, &hints, &found))
        return -1;
    int fd = socket(found->ai_family, found->ai_socktype, 0);
    int result = connect(fd, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return result == 0 ? fd : -1;
}

int main(int count, char **words)
{
    static struct transport transport;
    static char bytes[20000];
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    ssize_t n;
    if (count != 6)
        return fail("usage: gnutls_client own|memory HOST PORT CA PATH", 0);
    transport.fd = connect_to(words[2], words[3]);
    if (transport.fd < 0)
        return fail("cannot connect", 0);
    gnutls_certificate_allocate_credentials(&credentials);
    gnutls_certificate_set_x509_trust_file(credentials, words[4], GNUTLS_X509_FMT_PEM);
    gnutls_init(&session, GNUTLS_CLIENT);
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_server_name_set(session, GNUTLS_NAME_DNS, words[2], strlen(words[2]));
    gnutls_session_set_verify_cert(session, words[2], 0);
    gnutls_transport_set_ptr(session, &transport);
    gnutls_transport_set_push_function(session, strcmp(words[1], "own") ? memory_push : own_push);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
    while ((n = gnutls_handshake(session)) < 0 && !gnutls_error_is_fatal((int)n))
        flush(&transport, n == GNUTLS_E_AGAIN);
    if (n < 0)
        return fail("handshake", (int)n);
    snprintf(bytes, sizeof bytes, "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", words[5], words[2], words[3]);
    gnutls_record_send(session, bytes, strlen(bytes));
    flush(&transport, 1);
    while ((n = gnutls_record_recv(session, bytes, sizeof bytes)) > 0 || n == GNUTLS_E_AGAIN) {
        if (n > 0)
            fwrite(bytes, 1, (size_t)n, stdout);
        else
            flush(&transport, 1);
    }
    gnutls_bye(session, GNUTLS_SHUT_WR);
    flush(&transport, 0);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    return close(transport.fd);
}
