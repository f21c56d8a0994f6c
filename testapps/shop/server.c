#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS_MAX = 64, LISTEN_BACKLOG = 128, CLIENT_TIMEOUT_MS = 5000, DRAIN_READS_MAX = 64 };

struct connection {
    struct stream stream;
    struct connection *next, *previous;
};

struct server {
    struct server_options options;
    int listen_fd;
    int epoll_fd; /* the idle connections, and stop_fd */
    int stop_fd;  /* readable once the server is to stop */
    pthread_t acceptor;
    pthread_t workers[WORKERS_MAX];
    int worker_count; /* started */
    pthread_mutex_t lock;
    struct connection *connections; /* all that are open; guarded by lock */
};

static void connection_link(struct server *server, struct connection *connection)
{
    pthread_mutex_lock(&server->lock);
    connection->next = server->connections;
    if (connection->next)
        connection->next->previous = connection;
    server->connections = connection;
    pthread_mutex_unlock(&server->lock);
}

static void connection_close(struct server *server, struct connection *connection)
{
    pthread_mutex_lock(&server->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&server->lock);
    close(connection->stream.fd);
    free(connection);
}

/* Hands the connection to whichever worker is free when it next has something to read. One-shot: no
 * two workers ever hold the same connection, and what one wrote the next one sees. */
static int connection_await(struct server *server, struct connection *connection, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = connection};
    return epoll_ctl(server->epoll_fd, operation, connection->stream.fd, &event);
}

/* A socket closed with bytes unread is reset, and the client may lose the answer with it: what it
 * still sends is read and thrown away, within bounds (RFC 9112, section 9.6). */
static void drain(struct stream *stream)
{
    shutdown(stream->fd, SHUT_WR);
    for (int i = 0; i < DRAIN_READS_MAX; i++) {
        stream->start = stream->end = 0;
        if (stream_fill(stream) <= 0)
            return;
    }
}

static void refuse(struct stream *stream, int status)
{
    struct http_response response = {.keep_alive = false};
    http_respond(&response, status, "{\"error\":\"request not understood\"}\n");
    if (http_write_response(stream, &response) == 0)
        drain(stream);
}

/* Returns whether the connection can be used for another request. */
static bool serve_request(struct server *server, struct stream *stream)
{
    struct http_request request;
    struct http_response response;
    int refusal = http_read_request(stream, &request);
    if (refusal > 0)
        refuse(stream, refusal);
    if (refusal)
        return false;
    response.keep_alive = request.keep_alive;
    server->options.respond(server->options.context, &request, &response);
    return http_write_response(stream, &response) == 0 && response.keep_alive;
}

static void serve_connection(struct server *server, struct connection *connection)
{
    bool usable;
    do {
        usable = serve_request(server, &connection->stream);
    } while (usable && connection->stream.start < connection->stream.end);
    if (!usable || connection_await(server, connection, EPOLL_CTL_MOD) < 0)
        connection_close(server, connection);
}

static void *worker_main(void *argument)
{
    struct server *server = argument;
    for (;;) {
        struct epoll_event event;
        int n = epoll_wait(server->epoll_fd, &event, 1, -1);
        if (n < 0 && errno != EINTR)
            return NULL;
        if (n != 1)
            continue;
        if (!event.data.ptr)
            return NULL; /* stop_fd: stays readable, so that every worker sees it */
        serve_connection(server, event.data.ptr);
    }
}

static void accept_one(struct server *server)
{
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            usleep(10000); /* the connection waits in the backlog until there is room again */
        return;
    }
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        close(fd);
        return;
    }
    stream_open(&connection->stream, fd, server->options.calls, CLIENT_TIMEOUT_MS);
    connection_link(server, connection);
    if (connection_await(server, connection, EPOLL_CTL_ADD) < 0)
        connection_close(server, connection);
}

static void *acceptor_main(void *argument)
{
    struct server *server = argument;
    struct pollfd ready[2] = {{.fd = server->listen_fd, .events = POLLIN},
                              {.fd = server->stop_fd, .events = POLLIN}};
    for (;;) {
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (ready[1].revents)
            return NULL;
        if (ready[0].revents)
            accept_one(server);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    /* Non-blocking: a client may be gone between poll(2) and accept(2). */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int start_threads(struct server *server)
{
    int error = pthread_create(&server->acceptor, NULL, acceptor_main, server);
    if (error)
        return -error;
    while (server->worker_count < server->options.worker_count &&
           server->worker_count < WORKERS_MAX) {
        error = pthread_create(&server->workers[server->worker_count], NULL, worker_main, server);
        if (error)
            break;
        server->worker_count++;
    }
    if (server->worker_count > 0)
        return 0; /* fewer than were asked for will do */
    eventfd_write(server->stop_fd, 1);
    pthread_join(server->acceptor, NULL);
    return -error;
}

static void server_free(struct server *server)
{
    while (server->connections)
        connection_close(server, server->connections);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    if (server->stop_fd >= 0)
        close(server->stop_fd);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

static int server_open(struct server *server)
{
    struct epoll_event stop = {.events = EPOLLIN, .data.ptr = NULL};
    server->listen_fd = listen_on(server->options.port);
    if (server->listen_fd < 0)
        return server->listen_fd;
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (server->epoll_fd < 0 || server->stop_fd < 0 ||
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->stop_fd, &stop) < 0)
        return -errno;
    return start_threads(server);
}

int server_start(const struct server_options *options, struct server **out)
{
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return -ENOMEM;
    server->options = *options;
    server->listen_fd = server->epoll_fd = server->stop_fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    int error = server_open(server);
    if (error) {
        server_free(server);
        return error;
    }
    *out = server;
    return 0;
}

int server_port(const struct server *server)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    if (getsockname(server->listen_fd, (struct sockaddr *)&address, &len) < 0)
        return -errno;
    return ntohs(address.sin_port);
}

void server_stop(struct server *server)
{
    eventfd_write(server->stop_fd, 1);
    pthread_join(server->acceptor, NULL);
    for (int i = 0; i < server->worker_count; i++)
        pthread_join(server->workers[i], NULL);
    server_free(server);
}
