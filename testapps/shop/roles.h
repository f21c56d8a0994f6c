/* roles.h - what each of the seven services does. */
#ifndef SHOP_ROLES_H
#define SHOP_ROLES_H

#include "client.h"
#include "http.h"

struct route;

struct role {
    const char *name;
    enum stream_calls calls; /* how it does its input and output */
    const struct route *routes;
};

/* One running service. */
struct service {
    const struct role *role;
    struct client *client;
    int payment_slow_ms;      /* added to every payment */
    double payment_fail_rate; /* 0: none fails, 1: all fail */
};

/* role_find - the role of that name, or NULL. */
const struct role *role_find(const char *name);

/* role_names - all names, in one line. */
const char *role_names(void);

/* role_respond - answers a request to @service (a struct service). Runs on many threads at once. */
void role_respond(void *service, const struct http_request *request,
                  struct http_response *response);

#endif
