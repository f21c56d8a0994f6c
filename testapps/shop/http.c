#include "http.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the header lines of either kind of message tell us. */
struct headers {
    bool keep_alive;
    bool has_length;
    bool is_chunked;
    size_t content_length;
    char authorization[256];
};

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

/* Waits until the buffer holds a whole head and turns its final blank line into a NUL. Returns the
 * head, or NULL with the reason in @error. */
static char *read_head(struct stream *stream, int *error)
{
    for (;;) {
        char *begin = stream->buffer + stream->start;
        char *end = memmem(begin, stream->end - stream->start, "\r\n\r\n", 4);
        if (end) {
            end[2] = '\0';
            stream->start = (size_t)(end + 4 - stream->buffer);
            *error = -EPROTO;
            return memchr(begin, '\0', (size_t)(end - begin)) ? NULL : begin;
        }
        ssize_t n = stream_fill(stream);
        if (n <= 0) {
            *error = n == 0 ? -ECONNRESET : (int)n;
            return NULL;
        }
    }
}

/* The line at *@cursor without its CRLF, and *@cursor moved behind it; NULL when no line is left.
 */
static char *next_line(char **cursor)
{
    char *line = *cursor;
    char *end = strstr(line, "\r\n");
    if (!end)
        return NULL;
    *end = '\0';
    *cursor = end + 2;
    return line;
}

static int parse_content_length(const char *value, struct headers *headers)
{
    if (!*value || strspn(value, "0123456789") != strlen(value) || strlen(value) > 12)
        return -EPROTO;
    headers->has_length = true;
    headers->content_length = strtoul(value, NULL, 10);
    return 0;
}

static int parse_header(char *line, struct headers *headers)
{
    char *value = strchr(line, ':');
    if (!value || value == line || isspace((unsigned char)value[-1]))
        return -EPROTO;
    *value++ = '\0';
    value += strspn(value, " \t");
    for (size_t len = strlen(value); len > 0 && strchr(" \t", value[len - 1]);)
        value[--len] = '\0';
    if (strcasecmp(line, "content-length") == 0)
        return parse_content_length(value, headers);
    if (strcasecmp(line, "transfer-encoding") == 0)
        headers->is_chunked = true;
    else if (strcasecmp(line, "connection") == 0)
        headers->keep_alive = strcasecmp(value, "close") != 0 &&
                              (headers->keep_alive || strcasecmp(value, "keep-alive") == 0);
    else if (strcasecmp(line, "authorization") == 0)
        snprintf(headers->authorization, sizeof headers->authorization, "%s", value);
    return 0;
}

static int parse_headers(char *cursor, struct headers *headers)
{
    for (char *line; (line = next_line(&cursor));)
        if (parse_header(line, headers))
            return -EPROTO;
    return *cursor ? -EPROTO : 0; /* a line that does not end in CRLF */
}

/* The body's bytes, which may partly lie in the buffer already. */
static int read_body(struct stream *stream, char *body, size_t len)
{
    size_t done = 0;
    for (;;) {
        size_t take = stream->end - stream->start;
        take = take < len - done ? take : len - done;
        memcpy(body + done, stream->buffer + stream->start, take);
        stream->start += take;
        done += take;
        if (done == len)
            return 0;
        ssize_t n = stream_fill(stream);
        if (n <= 0)
            return n == 0 ? -ECONNRESET : (int)n;
    }
}

/* "METHOD /path?query HTTP/1.x" */
static int parse_request_line(const char *line, struct http_request *request,
                              struct headers *headers)
{
    char target[512];
    int minor, consumed = -1;
    if (sscanf(line, "%15[A-Z] %511[!-~] HTTP/1.%1d%n", request->method, target, &minor,
               &consumed) != 3 ||
        line[consumed] != '\0' || target[0] != '/')
        return -EPROTO;
    size_t path_len = strcspn(target, "?");
    const char *query = target + path_len + (target[path_len] == '?');
    if (path_len >= sizeof request->path || strlen(query) >= sizeof request->query)
        return -EPROTO;
    memcpy(request->path, target, path_len);
    request->path[path_len] = '\0';
    strcpy(request->query, query);
    headers->keep_alive = minor >= 1;
    return 0;
}

int http_read_request(struct stream *stream, struct http_request *request)
{
    struct headers headers = {0};
    int error = 0;
    char *cursor = read_head(stream, &error);
    if (!cursor)
        return error == -ENOBUFS ? 431 : error == -EPROTO ? 400 : error;
    char *line = next_line(&cursor);
    if (parse_request_line(line, request, &headers) || parse_headers(cursor, &headers))
        return 400;
    if (headers.is_chunked)
        return 501;
    if (headers.content_length > sizeof request->body)
        return 413;
    request->keep_alive = headers.keep_alive;
    memcpy(request->authorization, headers.authorization, sizeof request->authorization);
    request->body_len = headers.content_length;
    return read_body(stream, request->body, request->body_len);
}

int http_write_response(struct stream *stream, const struct http_response *response)
{
    char head[256], length[96] = "";
    if (response->status != 204)
        snprintf(length, sizeof length, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                 response->body_len);
    int head_len = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n%sConnection: %s\r\n\r\n",
                            response->status, reason_phrase(response->status), length,
                            response->keep_alive ? "keep-alive" : "close");
    return stream_write(stream, head, (size_t)head_len, response->body, response->body_len);
}

int http_write_request(struct stream *stream, const char *method, const char *target,
                       const char *host, const char *headers, const char *body)
{
    char head[2048], length[96] = "";
    size_t body_len = strlen(body);
    if (body_len > 0)
        snprintf(length, sizeof length, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                 body_len);
    int head_len = snprintf(head, sizeof head,
                            "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: shop/1.0\r\n%s%s\r\n",
                            method, target, host, headers, length);
    if (head_len >= (int)sizeof head)
        return -EMSGSIZE;
    return stream_write(stream, head, (size_t)head_len, body, body_len);
}

int http_read_response(struct stream *stream, struct http_response *response)
{
    struct headers headers = {0};
    int error = 0, minor;
    char *cursor = read_head(stream, &error);
    if (!cursor)
        return error;
    char *line = next_line(&cursor);
    if (sscanf(line, "HTTP/1.%1d %3d", &minor, &response->status) != 2 || response->status < 200)
        return -EPROTO;
    headers.keep_alive = minor >= 1;
    if (parse_headers(cursor, &headers))
        return -EPROTO;
    bool has_body = response->status != 204;
    if ((has_body && !headers.has_length) || headers.content_length > sizeof response->body)
        return -EPROTO;
    response->keep_alive = headers.keep_alive;
    response->body_len = has_body ? headers.content_length : 0;
    return read_body(stream, response->body, response->body_len);
}

void http_respond(struct http_response *response, int status, const char *json_format, ...)
{
    va_list arguments;
    va_start(arguments, json_format);
    int len = vsnprintf(response->body, sizeof response->body, json_format, arguments);
    va_end(arguments);
    response->status = status;
    response->body_len = len < (int)sizeof response->body ? (size_t)len : sizeof response->body - 1;
}
