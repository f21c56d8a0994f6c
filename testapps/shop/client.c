#include "client.h"

#include "directory.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVICES_MAX = 8, IDLE_MAX = 8, SERVICE_TIMEOUT_MS = 10000 };

/* The connections to one service that wait for their next use. */
struct pool {
    char service[32];
    int idle_fds[IDLE_MAX];
    int idle_count;
};

struct client {
    const char *ports_folder;
    enum stream_calls calls;
    pthread_mutex_t lock; /* guards the pools */
    struct pool pools[SERVICES_MAX];
};

struct client *client_new(const char *ports_folder, enum stream_calls calls)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->ports_folder = ports_folder;
    client->calls = calls;
    pthread_mutex_init(&client->lock, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return client;
}

void client_free(struct client *client)
{
    for (int i = 0; i < SERVICES_MAX; i++)
        for (int j = 0; j < client->pools[i].idle_count; j++)
            close(client->pools[i].idle_fds[j]);
    pthread_mutex_destroy(&client->lock);
    free(client);
    curl_global_cleanup();
}

/* The pool of @service, made on first use; NULL when there are too many. The lock is held. */
static struct pool *pool_of(struct client *client, const char *service)
{
    for (int i = 0; i < SERVICES_MAX; i++) {
        struct pool *pool = &client->pools[i];
        if (!pool->service[0])
            snprintf(pool->service, sizeof pool->service, "%s", service);
        if (strcmp(pool->service, service) == 0)
            return pool;
    }
    return NULL;
}

/* An idle connection, or -1. */
static int pool_take(struct client *client, const char *service)
{
    int fd = -1;
    pthread_mutex_lock(&client->lock);
    struct pool *pool = pool_of(client, service);
    if (pool && pool->idle_count > 0)
        fd = pool->idle_fds[--pool->idle_count];
    pthread_mutex_unlock(&client->lock);
    return fd;
}

static void pool_give(struct client *client, const char *service, int fd)
{
    pthread_mutex_lock(&client->lock);
    struct pool *pool = pool_of(client, service);
    if (pool && pool->idle_count < IDLE_MAX) {
        pool->idle_fds[pool->idle_count++] = fd;
        fd = -1;
    }
    pthread_mutex_unlock(&client->lock);
    if (fd >= 0)
        close(fd);
}

/* The peer may have closed an idle connection; then there is an end of stream to be read. */
static bool is_still_open(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static int connect_to(struct client *client, const char *service)
{
    int port = directory_look_up(client->ports_folder, service);
    if (port < 0)
        return port;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int connection_get(struct client *client, const char *service)
{
    for (int fd; (fd = pool_take(client, service)) >= 0; close(fd))
        if (is_still_open(fd))
            return fd;
    return connect_to(client, service);
}

static int exchange(struct stream *stream, const struct client_call *call,
                    struct http_response *response)
{
    char headers[320] = "";
    if (call->authorization && *call->authorization)
        snprintf(headers, sizeof headers, "Authorization: %s\r\n", call->authorization);
    int error = http_write_request(stream, call->method, call->target, call->service, headers,
                                   call->body ? call->body : "");
    return error ? error : http_read_response(stream, response);
}

int client_call(struct client *client, const struct client_call *call,
                struct http_response *response)
{
    struct stream stream;
    int fd = connection_get(client, call->service);
    if (fd < 0)
        return fd;
    stream_open(&stream, fd, client->calls, SERVICE_TIMEOUT_MS);
    int error = exchange(&stream, call, response);
    if (error || !response->keep_alive)
        close(fd);
    else
        pool_give(client, call->service, fd);
    return error;
}

/* libcurl's write callback: fewer bytes taken than given make the transfer fail. */
static size_t body_append(char *bytes, size_t size, size_t count, void *argument)
{
    struct http_response *response = argument;
    size_t len = size * count;
    if (len > sizeof response->body - response->body_len)
        return 0;
    memcpy(response->body + response->body_len, bytes, len);
    response->body_len += len;
    return len;
}

static int curl_exchange(CURL *curl, const struct client_call *call, const char *url,
                         struct curl_slist *headers, struct http_response *response)
{
    long status = 0;
    response->body_len = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "shop/1.0");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)SERVICE_TIMEOUT_MS);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return code == CURLE_COULDNT_CONNECT ? -ECONNREFUSED : -EIO;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    return 0;
}

int client_call_by_curl(struct client *client, const struct client_call *call,
                        struct http_response *response)
{
    char url[512];
    int port = directory_look_up(client->ports_folder, call->service);
    if (port < 0)
        return port;
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, call->target);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    int error = curl && headers ? curl_exchange(curl, call, url, headers, response) : -ENOMEM;
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return error;
}
