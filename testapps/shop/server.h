/* server.h - an HTTP server: one thread accepts, a few workers serve whichever connection has
 * something to say. A connection that is kept alive holds no worker while it is idle, so its next
 * request may well be served by another thread. */
#ifndef SHOP_SERVER_H
#define SHOP_SERVER_H

#include "http.h"

struct server;

struct server_options {
    int port; /* 0: any that is free */
    int worker_count;
    enum stream_calls calls;
    /* Answers one request; runs on a worker, several at once. */
    void (*respond)(void *context, const struct http_request *request,
                    struct http_response *response);
    void *context;
};

/* server_start - listens on 127.0.0.1 and starts the threads. Returns 0 and the server in @out, or
 * a negative errno. */
int server_start(const struct server_options *options, struct server **out);

/* server_port - the port it listens on. */
int server_port(const struct server *server);

/* server_stop - accepts nothing more, lets the requests under way finish, joins every thread,
 * closes every connection and frees the server. */
void server_stop(struct server *server);

#endif
