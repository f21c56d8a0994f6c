/* html_pack.h - a stream that comes out compressed and in letters that no markup is made of: base64 of zlib's format. */
#ifndef RUN_TRACED_VIEW_HTML_PACK_H
#define RUN_TRACED_VIEW_HTML_PACK_H

#include <stdio.h>

/* html_pack - writes @len bytes so to @out (RFC 1950, RFC 4648 section 4). Returns 0, -ENOMEM or -EIO. */
int html_pack(const char *bytes, size_t len, FILE *out);

#endif
