/* target.h - a backend as users write it: otlp+http://HOST:4318, zipkin+https://HOST/PATH, xray+udp://HOST, console:,
 * file:PATH?format=otlp-json. */
#ifndef RUN_TRACED_BACKEND_TARGET_H
#define RUN_TRACED_BACKEND_TARGET_H

#include "backend/format.h"

enum {
    TARGET_URL_LEN_MAX = 2048,
    TARGET_PATH_LEN_MAX = 4095,
    TARGET_HOST_LEN_MAX = 255,
    TARGET_HEADERS_MAX = 16,
    TARGET_HEADERS_LEN_MAX = 4096,
};

enum target_kind { TARGET_HTTP, TARGET_UDP, TARGET_FILE, TARGET_CONSOLE };

struct target {
    enum target_kind kind;
    const struct format *format;
    char url[TARGET_URL_LEN_MAX + 1];  /* HTTP: what is posted to */
    char name[TARGET_URL_LEN_MAX + 1]; /* for people: as it was written, but without userinfo and query */
    char host[TARGET_HOST_LEN_MAX + 1]; /* UDP */
    char port[6];
    char path[TARGET_PATH_LEN_MAX + 1]; /* FILE */
    uint64_t rotate_len;                /* FILE: bytes after which it becomes PATH.1; 0: never */
    /* HTTP, from the standard variables: */
    char headers[TARGET_HEADERS_LEN_MAX + 1]; /* "Name: value" after "Name: value", each ended by NUL; then an empty one */
    const char *certificate, *client_certificate, *client_key; /* files; NULL: the system's, none */
    uint64_t timeout_ns;                                       /* of one request */
    bool is_compressed;                                        /* gzip */
};

/* target_is_one - does @url name a backend? Else it is for export/exporter.h. */
bool target_is_one(const char *url);

/* target_parse - reads a backend's URL. Behind it, ?format=NAME chooses among the formats of an otlp backend or a file,
 * ?compression=gzip and ?timeout=MILLISECONDS are as the variables of the same name, ?rotate=SIZE (a number and K, M
 * or G) is a file's; what else is there is the backend's. @error: a sentence for people on failure.
 * Returns 0 or -EINVAL; @out is unspecified then. */
int target_parse(const char *url, struct target *out, struct text *error);

/* target_format_of_file - the format that the name of a spans file asks for, "spans.otlp.jsonl", "spans.zipkin.json"; NULL:
 * the native one. */
const struct format *target_format_of_file(const char *path);

/* target_post_to - @out becomes the http:// or https:// @url, as it is, in @format. */
void target_post_to(const char *url, const struct format *format, struct target *out);

/* target_file - @out becomes the file @path in @format. */
void target_file(const char *path, const struct format *format, struct target *out);

#endif
