/* cgi_head.h - what the head of a CGI response says of its status. RFC 3875, section 6. */
#ifndef RUN_TRACED_WIRE_CGI_HEAD_H
#define RUN_TRACED_WIRE_CGI_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CGI_LINE_KEPT_LEN = 32 };

struct cgi_head {
    bool is_done;
    bool has_status, has_location, is_local; /* the fields; a Location that is a path */
    uint8_t kept_len;
    int status; /* of the Status field; 0: it makes no sense */
    uint32_t line_len;
    char line[CGI_LINE_KEPT_LEN]; /* the beginning of the line that is being read */
};

/* cgi_head_init - ready for the first line. */
void cgi_head_init(struct cgi_head *head);

/* cgi_head_take - takes bytes up to the end of the head, which is_done tells then. Returns how many: what is left is
 * the body's. Hot path, signal-safe. */
size_t cgi_head_take(struct cgi_head *head, const char *bytes, size_t len);

/* cgi_head_status - of a head that is done: 200 unless it says otherwise, 302 where it has a Location that is a URL.
 * 0: it cannot be known (a Location that is a path is for the server to follow). */
int cgi_head_status(const struct cgi_head *head);

#endif
