/* exporter.h - where spans are to go, as users write it: file:PATH, unix:PATH or tcp:HOST:PORT. */
#ifndef RUN_TRACED_EXPORT_EXPORTER_H
#define RUN_TRACED_EXPORT_EXPORTER_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    EXPORTER_COUNT_MAX = 8,
    EXPORTER_PATH_LEN_MAX = 4095,
    EXPORTER_HOST_LEN_MAX = 255,
};

enum exporter_kind { EXPORTER_FILE, EXPORTER_UNIX, EXPORTER_TCP };

struct exporter {
    enum exporter_kind kind;
    uint16_t port;                        /* TCP */
    char host[EXPORTER_HOST_LEN_MAX + 1]; /* TCP: a name, or an address without brackets */
    char path[EXPORTER_PATH_LEN_MAX + 1]; /* FILE, UNIX */
};

/* exporter_parse - reads one exporter's URL.
 * @url: @len bytes, not NUL-terminated. In PATH, %XX stands for the byte XX: %2C for a comma,
 * %25 for the percent sign. HOST is a name, an IPv4 address or an [IPv6 address].
 * @error: receives a sentence for people on failure, such as "unknown exporter 'foo:': use
 * file:PATH, unix:PATH or tcp:HOST:PORT"; NULL if not wanted.
 * Returns 0 or -EINVAL; @out is unspecified then. No allocation. */
int exporter_parse(const char *url, size_t len, struct exporter *out, struct text *error);

/* exporter_make_absolute - a relative path becomes absolute by the current directory, since
 * programs change theirs. Returns 0, or a negative errno (-ENAMETOOLONG, or getcwd's) and leaves
 * @exporter as it was. Uses @exporter alone: no allocation, no large stack. */
int exporter_make_absolute(struct exporter *exporter);

/* exporter_format - adds the URL again, encoded so that it can stand in RUN_TRACED_EXPORTER. */
void exporter_format(const struct exporter *exporter, struct text *text);

/* exporter_list_parse - reads the value of RUN_TRACED_EXPORTER: URLs separated by commas. Those
 * that are malformed or beyond the first @max good ones are skipped; paths are made absolute.
 * Returns how many there are in @out. */
unsigned exporter_list_parse(const char *list, struct exporter *out, unsigned max);

/* exporter_address - the socket address of a UNIX or TCP exporter.
 * Returns 0; -EINVAL for a FILE and for a host that is neither a numeric address nor "localhost"
 * (the launcher resolves names before it hands them on); -ENAMETOOLONG for a path of more than
 * 107 bytes. No allocation, no look-up. */
int exporter_address(const struct exporter *exporter, struct sockaddr_storage *address,
                     socklen_t *len);

#endif
