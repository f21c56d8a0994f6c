#include "roles.h"

#include "background.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAYMENT_SLOW_ON_REQUEST_MS = 1000 };

struct route {
    const char *method;
    const char *path; /* ends in '/': everything below it */
    void (*respond)(struct service *, const struct http_request *, struct http_response *);
};

/* Stands for the database that a real service would ask. */
static void work_for_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

static bool query_has(const struct http_request *request, const char *pair)
{
    size_t pair_len = strlen(pair);
    for (const char *at = request->query; *at; at += strcspn(at, "&"), at += *at == '&')
        if (strcspn(at, "&") == pair_len && memcmp(at, pair, pair_len) == 0)
            return true;
    return false;
}

/* "PATH?QUERY" with the query of the request being served. */
static void target_format(char *target, size_t size, const char *path,
                          const struct http_request *request)
{
    snprintf(target, size, "%s%s%s", path, request->query[0] ? "?" : "", request->query);
}

/* Whether a call to @name gave what was wanted; if not, @response says whose fault it was. */
static bool is_success(const char *name, int error, const struct http_response *answer,
                       struct http_response *response)
{
    if (error)
        http_respond(response, 503, "{\"error\":\"%s cannot be reached: %s\"}\n", name,
                     strerror(-error));
    else if (answer->status >= 500)
        http_respond(response, 502, "{\"error\":\"%s failed with %d\"}\n", name, answer->status);
    else if (answer->status >= 400)
        http_respond(response, answer->status, "{\"error\":\"%s refused\"}\n", name);
    else
        return true;
    return false;
}

/* Makes a call over plain sockets. Returns whether it succeeded; if not, @response is filled in. */
static bool ask(struct service *service, const struct client_call *call,
                struct http_response *response)
{
    struct http_response answer;
    int error = client_call(service->client, call, &answer);
    return is_success(call->service, error, &answer, response);
}

/* api-gateway: who is it, then the order. */
static void gateway_checkout(struct service *service, const struct http_request *request,
                             struct http_response *response)
{
    char target[300];
    struct http_response order;
    const struct client_call verify = {.service = "auth",
                                       .method = "GET",
                                       .target = "/verify",
                                       .authorization = request->authorization};
    if (!ask(service, &verify, response))
        return;
    work_for_ms(1);
    target_format(target, sizeof target, "/orders", request);
    const struct client_call create = {.service = "order",
                                       .method = "POST",
                                       .target = target,
                                       .body = "{\"user\":42,\"items\":[\"teapot\"]}"};
    int error = client_call(service->client, &create, &order);
    if (is_success("order", error, &order, response))
        http_respond(response, 200, "{\"checkout\":%.*s}\n", (int)order.body_len, order.body);
}

/* auth: guests may buy; a token must not have expired. */
static void auth_verify(struct service *service, const struct http_request *request,
                        struct http_response *response)
{
    (void)service;
    work_for_ms(3);
    if (strcmp(request->authorization, "Bearer expired") == 0)
        http_respond(response, 401, "{\"error\":\"token expired\"}");
    else
        http_respond(response, 200, "{\"user\":42,\"guest\":%s}",
                     request->authorization[0] ? "false" : "true");
}

struct notice {
    struct service *service;
    char body[64];
};

static void notice_send(void *argument)
{
    struct notice *notice = argument;
    struct http_response ignored;
    const struct client_call call = {.service = "notification",
                                     .method = "POST",
                                     .target = "/notifications",
                                     .body = notice->body};
    if (!ask(notice->service, &call, &ignored))
        fprintf(stderr, "shop: no notice was sent: %.*s", (int)ignored.body_len, ignored.body);
    free(notice);
}

/* The buyer is told by mail, which the order does not wait for. */
static void order_notify(struct service *service, int order_id)
{
    struct notice *notice = malloc(sizeof *notice);
    if (!notice)
        return;
    notice->service = service;
    snprintf(notice->body, sizeof notice->body, "{\"order\":%d,\"to\":\"user 42\"}", order_id);
    if (background_start(notice_send, notice))
        free(notice);
}

static bool order_pay(struct service *service, const struct http_request *request,
                      struct http_response *response)
{
    char target[300];
    struct http_response answer;
    target_format(target, sizeof target, "/payments", request);
    const struct client_call call = {.service = "payment",
                                     .method = "POST",
                                     .target = target,
                                     .body = "{\"amount\":4200,\"currency\":\"EUR\"}"};
    int error = client_call_by_curl(service->client, &call, &answer);
    return is_success("payment", error, &answer, response);
}

static void order_release(struct service *service, int order_id)
{
    char target[64];
    struct http_response ignored;
    snprintf(target, sizeof target, "/reservations/%d", order_id);
    const struct client_call call = {.service = "inventory", .method = "DELETE", .target = target};
    ask(service, &call, &ignored);
}

/* order: the buyer's address, the goods, the money; goods that are not paid for go back. */
static void order_create(struct service *service, const struct http_request *request,
                         struct http_response *response)
{
    static atomic_int last_order_id = 1000;
    int order_id = atomic_fetch_add(&last_order_id, 1) + 1;
    char reservation[64];
    const struct client_call user = {.service = "user", .method = "GET", .target = "/users/42"};
    const struct client_call reserve = {
        .service = "inventory", .method = "POST", .target = "/reservations", .body = reservation};
    snprintf(reservation, sizeof reservation, "{\"order\":%d,\"item\":\"teapot\"}", order_id);
    work_for_ms(2);
    if (!ask(service, &user, response) || !ask(service, &reserve, response))
        return;
    if (!order_pay(service, request, response)) {
        order_release(service, order_id);
        return;
    }
    work_for_ms(1);
    order_notify(service, order_id);
    http_respond(response, 201, "{\"order\":%d,\"status\":\"paid\"}", order_id);
}

static void user_get(struct service *service, const struct http_request *request,
                     struct http_response *response)
{
    (void)service;
    int id = atoi(request->path + strlen("/users/"));
    work_for_ms(4);
    if (id <= 0)
        http_respond(response, 404, "{\"error\":\"no such user\"}");
    else
        http_respond(response, 200, "{\"user\":%d,\"name\":\"Ada\",\"city\":\"London\"}", id);
}

/* How often "teapot" can be packed until the shelf is even: some honest computing. */
static unsigned shelf_checksum(void)
{
    unsigned sum = 2166136261u;
    for (int i = 0; i < 200000; i++)
        sum = (sum ^ (unsigned)"teapot"[i % 6]) * 16777619u;
    return sum;
}

static void inventory_reserve(struct service *service, const struct http_request *request,
                              struct http_response *response)
{
    (void)service, (void)request;
    work_for_ms(5);
    http_respond(response, 201, "{\"reserved\":true,\"shelf\":%u}", shelf_checksum() % 100);
}

static void inventory_release(struct service *service, const struct http_request *request,
                              struct http_response *response)
{
    (void)service, (void)request;
    work_for_ms(2);
    http_respond(response, 204, "%s", "");
}

/* Spreads failures evenly: of every 100 payments at rate 0.25 exactly 25 fail, the same ones in
 * each run. */
static bool is_due_to_fail(double rate)
{
    static atomic_uint payment_count;
    unsigned n = atomic_fetch_add(&payment_count, 1);
    return (unsigned long)((n + 1.0) * rate) > (unsigned long)(n * rate);
}

static void payment_create(struct service *service, const struct http_request *request,
                           struct http_response *response)
{
    work_for_ms(8 + service->payment_slow_ms);
    if (query_has(request, "payment=slow"))
        work_for_ms(PAYMENT_SLOW_ON_REQUEST_MS);
    if (query_has(request, "payment=fail") || is_due_to_fail(service->payment_fail_rate))
        http_respond(response, 503, "{\"error\":\"the bank does not answer\"}");
    else
        http_respond(response, 201, "{\"paid\":4200,\"currency\":\"EUR\"}");
}

static void notification_create(struct service *service, const struct http_request *request,
                                struct http_response *response)
{
    (void)service, (void)request;
    work_for_ms(15);
    http_respond(response, 202, "{\"queued\":true}");
}

static const struct route gateway_routes[] = {{"POST", "/checkout", gateway_checkout}, {0}};
static const struct route auth_routes[] = {{"GET", "/verify", auth_verify}, {0}};
static const struct route order_routes[] = {{"POST", "/orders", order_create}, {0}};
static const struct route user_routes[] = {{"GET", "/users/", user_get}, {0}};
static const struct route payment_routes[] = {{"POST", "/payments", payment_create}, {0}};
static const struct route inventory_routes[] = {
    {"POST", "/reservations", inventory_reserve},
    {"DELETE", "/reservations/", inventory_release},
    {0},
};
static const struct route notification_routes[] = {
    {"POST", "/notifications", notification_create},
    {0},
};

static const struct role roles[] = {
    {"api-gateway", STREAM_SEND_RECV, gateway_routes},
    {"auth", STREAM_SEND_RECV, auth_routes},
    {"order", STREAM_WRITEV_READ, order_routes},
    {"user", STREAM_WRITEV_READ, user_routes},
    {"payment", STREAM_SEND_RECV, payment_routes},
    {"inventory", STREAM_WRITEV_READ, inventory_routes},
    {"notification", STREAM_SEND_RECV, notification_routes},
};

const struct role *role_find(const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    return NULL;
}

const char *role_names(void)
{
    return "api-gateway auth order user payment inventory notification";
}

static bool path_matches(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    return pattern[len - 1] == '/' ? strncmp(path, pattern, len) == 0 : strcmp(path, pattern) == 0;
}

void role_respond(void *context, const struct http_request *request, struct http_response *response)
{
    struct service *service = context;
    bool path_known = false;
    for (const struct route *route = service->role->routes; route->path; route++) {
        if (!path_matches(route->path, request->path))
            continue;
        path_known = true;
        if (strcmp(route->method, request->method) == 0) {
            route->respond(service, request, response);
            return;
        }
    }
    http_respond(response, path_known ? 405 : 404, "{\"error\":\"%s\"}\n",
                 path_known ? "method not allowed" : "not found");
}
