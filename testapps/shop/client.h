/* client.h - calls to the other services: over pooled keep-alive sockets, or by libcurl. */
#ifndef SHOP_CLIENT_H
#define SHOP_CLIENT_H

#include "http.h"

struct client;

/* One call. What is left out is empty. */
struct client_call {
    const char *service; /* as it is named in the directory */
    const char *method;
    const char *target;        /* path and query */
    const char *authorization; /* value of that header */
    const char *body;          /* JSON */
};

/* client_new - a client that finds services in @ports_folder (which must outlive it); NULL without
 * memory. May be used by many threads at once. */
struct client *client_new(const char *ports_folder, enum stream_calls calls);

/* client_call - makes a call over a kept-alive connection where there is one, else over a new one.
 * Returns 0 and the answer, whatever its status, in @response; or a negative errno. */
int client_call(struct client *client, const struct client_call *call,
                struct http_response *response);

/* client_call_by_curl - the same by a libcurl easy handle of its own. */
int client_call_by_curl(struct client *client, const struct client_call *call,
                        struct http_response *response);

/* client_free - closes the pooled connections. No call may be under way. */
void client_free(struct client *client);

#endif
