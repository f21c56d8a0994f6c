/* curl_client easy|multi CA FILE URL... - gets, or posts FILE ("": none), by libcurl; bodies go to standard output. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    char *bytes;
    size_t len;
};

static size_t body_add(char *bytes, size_t size, size_t count, void *state)
{
    struct body *body = state;
    body->bytes = realloc(body->bytes, body->len + size * count + 1);
    memcpy(body->bytes + body->len, bytes, size * count);
    body->len += size * count;
    return size * count;
}

static void body_write(struct body *body)
{
    fwrite(body->bytes, 1, body->len, stdout);
    free(body->bytes);
    *body = (struct body){0};
}

static struct body file_read(const char *path)
{
    struct body body = {0};
    char bytes[65536];
    size_t len;
    FILE *file = *path ? fopen(path, "rb") : NULL;
    while (file && (len = fread(bytes, 1, sizeof bytes, file)) > 0)
        body_add(bytes, 1, len, &body);
    if (file)
        fclose(file);
    return body;
}

static CURL *handle_make(const char *ca, const struct body *post, struct curl_slist *headers, const char *url,
                         struct body *body)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_add);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
    if (post->bytes) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->bytes);
    }
    return easy;
}

static int multi_run(CURL **handles, int count)
{
    CURLM *multi = curl_multi_init();
    CURLMsg *message;
    int running, left, failed = 0;
    for (int i = 0; i < count; i++)
        curl_multi_add_handle(multi, handles[i]);
    do {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    while ((message = curl_multi_info_read(multi, &left)))
        failed += message->data.result != CURLE_OK;
    for (int i = 0; i < count; i++)
        curl_multi_remove_handle(multi, handles[i]);
    curl_multi_cleanup(multi);
    return failed;
}

int main(int argc, char **argv)
{
    struct body post = file_read(argv[3]), bodies[64] = {{0}};
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    CURL *handles[64];
    int is_multi = strcmp(argv[1], "multi") == 0, count = argc - 4, failed = 0;
    for (int i = 0; i < count && is_multi; i++)
        handles[i] = handle_make(argv[2], &post, headers, argv[4 + i], &bodies[i]);
    if (is_multi)
        failed = multi_run(handles, count);
    else
        handles[0] = handle_make(argv[2], &post, headers, argv[4], &bodies[0]);
    for (int i = 0; i < count; i++) {
        curl_easy_setopt(handles[0], CURLOPT_URL, argv[4 + i]);
        if (!is_multi)
            failed += curl_easy_perform(handles[0]) != CURLE_OK;
        body_write(&bodies[is_multi ? i : 0]);
    }
    for (int i = 0; i < (is_multi ? count : 1); i++)
        curl_easy_cleanup(handles[i]);
    /* The application's own list is as it was. */
    failed += headers->next != NULL || strcmp(headers->data, "Expect:") != 0;
    curl_slist_free_all(headers);
    return failed != 0;
}
