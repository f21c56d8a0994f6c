/* with -lcurl. libcurl's handles: many at once, given up, used again, duplicated, reset. */
#include "harmless.h"

#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>

enum { MANY = 200 };

static char g_base[64];
static pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint32_t g_seen; /* a checksum of all request heads without the injected lines, in whatever order */
static int g_count, g_injected_twice;

/* ---- the server: a thread a connection; /slow is never answered ---- */

static void head_note(char *head, size_t len)
{
    int injected = 0;
    head[len] = '\0';
    for (char *at = head; (at = strstr(at, "\r\ntraceparent: ")); at++)
        injected++;
    len = injected_strip(head, len, true);
    pthread_mutex_lock(&g_mutex);
    g_seen += crc32_add(0, head, len);
    g_count++;
    g_injected_twice += injected > 1;
    pthread_mutex_unlock(&g_mutex);
}

static void *connection_serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    char bytes[8192];
    size_t len = 0;
    for (;;) {
        bytes[len] = '\0';
        char *end = strstr(bytes, "\r\n\r\n");
        if (!end) {
            ssize_t n = recv(fd, bytes + len, sizeof bytes - 1 - len, 0);
            if (n <= 0)
                break;
            len += (size_t)n;
            continue;
        }
        size_t head_len = (size_t)(end + 4 - bytes);
        char head[8192], answer[300];
        memcpy(head, bytes, head_len);
        memmove(bytes, bytes + head_len, len - head_len);
        len -= head_len;
        bool is_slow = strstr(head, "/slow") && strstr(head, "/slow") < strchr(head, '\r');
        bool is_redirect = strstr(head, "/redirect") && strstr(head, "/redirect") < strchr(head, '\r');
        head_note(head, head_len);
        if (is_slow)
            continue;
        if (is_redirect)
            snprintf(answer, sizeof answer, "HTTP/1.1 302 Found\r\nLocation: %s/there\r\nContent-Length: 0\r\n\r\n", g_base);
        else
            snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes");
        write_all(fd, answer, strlen(answer));
    }
    close(fd);
    return NULL;
}

static void *server_run(void *argument)
{
    int listener = (int)(intptr_t)argument, fd;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, connection_serve, (void *)(intptr_t)fd);
        pthread_detach(thread);
    }
    return NULL;
}

static void server_begin(void)
{
    struct sockaddr_in address;
    int listener = listen_any(&address);
    pthread_t thread;
    snprintf(g_base, sizeof g_base, "http://127.0.0.1:%d", ntohs(address.sin_port));
    pthread_create(&thread, NULL, server_run, (void *)(intptr_t)listener);
    pthread_detach(thread);
}

/* The port is another one each time. */
static void seen_print(const char *label)
{
    printf("%s: %d requests%s\n", label, g_count, g_injected_twice ? ", some with two headers" : "");
    g_count = 0;
}

/* ---- the application ---- */

static size_t body_take(char *bytes, size_t size, size_t count, void *state)
{
    (void)bytes;
    *(size_t *)state += size * count;
    return size * count;
}

static CURL *handle_make(const char *path, size_t *body_len)
{
    CURL *easy = curl_easy_init();
    char url[200];
    snprintf(url, sizeof url, "%s%s", g_base, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body_len);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

static void list_print(const char *label, const struct curl_slist *list)
{
    printf("%s:", label);
    for (; list; list = list->next)
        printf(" [%s]", list->data);
    printf("\n");
}

static void many_at_once(bool reads_messages, bool by_socket)
{
    static size_t lens[MANY];
    CURL *handles[MANY];
    CURLM *multi = curl_multi_init();
    CURLMsg *message;
    int running = 0, left = 0, done = 0, order = 0;
    memset(lens, 0, sizeof lens);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 20L);
    for (int i = 0; i < MANY; i++) {
        handles[i] = handle_make("/many", &lens[i]);
        curl_easy_setopt(handles[i], CURLOPT_PRIVATE, (void *)(intptr_t)i);
        MUST(curl_multi_add_handle(multi, handles[i]) == CURLM_OK);
    }
    TRY(curl_multi_add_handle(multi, handles[0]));
    do {
        if (by_socket)
            curl_multi_socket_all(multi, &running);
        else
            curl_multi_perform(multi, &running);
        while (reads_messages && (message = curl_multi_info_read(multi, &left))) {
            void *number = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &number);
            order += left < 0 || message->easy_handle != handles[(intptr_t)number];
            done += message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
    } while (running);
    size_t sum = 0;
    for (int i = 0; i < MANY; i++)
        sum += lens[i];
    printf("%d done, %d wrong, %zu bytes\n", done, order, sum);
    if (!reads_messages) {
        curl_multi_remove_handle(multi, handles[0]); /* its message goes with it */
        int count = 0;
        while (curl_multi_info_read(multi, &left))
            count++;
        printf("%d messages, %d left\n", count, left);
    }
    for (int i = 0; i < MANY; i += 2)
        curl_multi_remove_handle(multi, handles[i]);
    for (int i = 0; i < MANY / 2; i++)
        curl_easy_cleanup(handles[i]); /* some are in there still */
    TRY(curl_multi_cleanup(multi));
    for (int i = MANY / 2; i < MANY; i++)
        curl_easy_cleanup(handles[i]);
    seen_print("many");
}

static void given_up(void)
{
    size_t len = 0;
    int running;
    CURLM *multi = curl_multi_init();
    CURL *first = handle_make("/slow", &len), *second = handle_make("/slow", &len), *third = handle_make("/slow", &len);
    CURL *all[] = {first, second, third};
    for (int i = 0; i < 3; i++)
        curl_multi_add_handle(multi, all[i]);
    for (int i = 0; i < 100 && g_count < 3; i++) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, 20, NULL);
    }
    printf("%d running\n", running);
    TRY(curl_multi_remove_handle(multi, first));
    TRY(curl_multi_remove_handle(multi, first));
    curl_easy_cleanup(second);
    TRY(curl_multi_cleanup(multi));
    curl_easy_setopt(third, CURLOPT_TIMEOUT_MS, 100L);
    TRY(curl_easy_perform(third));
    curl_easy_setopt(first, CURLOPT_URL, g_base);
    TRY(curl_easy_perform(first));
    curl_easy_cleanup(first);
    curl_easy_cleanup(third);
    seen_print("given up");
}

static void used_again(void)
{
    size_t len = 0;
    char *url = NULL;
    long count = 0, status = 0;
    struct curl_slist *list = curl_slist_append(curl_slist_append(NULL, "X-One: 1"), "X-Two: 2");
    CURL *easy = handle_make("/redirect", &len);
    TRY(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list));
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    for (int i = 0; i < 3; i++)
        TRY(curl_easy_perform(easy));
    TRY(curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &count));
    TRY(curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url));
    TRY(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status));
    printf("%ld redirects, %s, %ld, %zu bytes\n", count, url ? strrchr(url, '/') : "nothing", status, len);
    list_print("the application's list", list);
    CURL *copy = curl_easy_duphandle(easy);
    TRY(curl_easy_perform(copy));
    curl_easy_cleanup(easy);
    TRY(curl_easy_perform(copy));
    list = curl_slist_append(list, "X-Three: 3");
    TRY(curl_easy_perform(copy));
    TRY(curl_easy_setopt(copy, CURLOPT_HTTPHEADER, NULL));
    curl_slist_free_all(list);
    TRY(curl_easy_perform(copy));
    curl_easy_reset(copy);
    TRY(curl_easy_perform(copy));
    curl_easy_cleanup(copy);
    curl_easy_cleanup(NULL);
    seen_print("used again");
}

/* While a transfer is under way in a multi handle. */
static void copied_and_changed_meanwhile(void)
{
    size_t len = 0;
    int running;
    struct curl_slist *list = curl_slist_append(NULL, "X-One: 1"), *other = curl_slist_append(NULL, "X-Other: 2");
    CURLM *multi = curl_multi_init();
    CURL *easy = handle_make("/slow", &len), *copy;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_multi_add_handle(multi, easy);
    for (int i = 0; i < 100 && g_count < 1; i++) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, 20, NULL);
    }
    copy = curl_easy_duphandle(easy);
    curl_easy_setopt(copy, CURLOPT_URL, g_base);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, other);
    TRY(curl_easy_perform(copy));
    curl_multi_remove_handle(multi, easy);
    curl_slist_free_all(list);
    curl_easy_setopt(easy, CURLOPT_URL, g_base);
    TRY(curl_easy_perform(easy));
    list_print("the other list", other);
    curl_slist_free_all(other);
    curl_easy_cleanup(easy);
    curl_easy_setopt(copy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_cleanup(copy);
    curl_multi_cleanup(multi);
    seen_print("meanwhile");
}

static void other_schemes(void)
{
    size_t len = 0;
    CURL *easy = handle_make("/connect", &len);
    size_t sent = 0, got = 0;
    char bytes[200];
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    TRY(curl_easy_perform(easy));
    TRY(curl_easy_send(easy, GET, STR_LEN(GET), &sent));
    for (int i = 0; i < 100 && curl_easy_recv(easy, bytes, sizeof bytes, &got) == CURLE_AGAIN; i++)
        usleep(10000);
    printf("sent %zu, got %zu\n", sent, got);
    curl_easy_cleanup(easy);
    easy = handle_make("", &len);
    curl_easy_setopt(easy, CURLOPT_URL, "file:///etc/hostname");
    len = 0;
    TRY(curl_easy_perform(easy));
    curl_easy_setopt(easy, CURLOPT_URL, "nothing://at-all");
    TRY(curl_easy_perform(easy));
    curl_easy_setopt(easy, CURLOPT_URL, NULL);
    TRY(curl_easy_perform(easy));
    curl_easy_cleanup(easy);
    seen_print("others");
}

int main(void)
{
    harmless_begin();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    server_begin();
    many_at_once(true, false);
    many_at_once(false, false);
    many_at_once(true, true);
    given_up();
    used_again();
    copied_and_changed_meanwhile();
    other_schemes();
    curl_global_cleanup();
    return 0;
}
