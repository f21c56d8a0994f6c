/* url.h - the parts of a URL, as servers and clients take them; RFC 3986. Hot path, signal-safe. */
#ifndef RUN_TRACED_TRACE_URL_H
#define RUN_TRACED_TRACE_URL_H

#include "base/text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Pieces of the URL; an absent one has no length. */
struct url {
    const char *authority, *path, *query; /* the query without its '?' */
    size_t authority_len, path_len, query_len;
    bool has_query;
    bool is_telling; /* it is malformed so that its authority may be the beginning of a password */
};

/* url_parse - @bytes: absolute ("http://h/p"; libcurl takes one to three slashes), a path with or without query, or what
 * begins with an authority ("h:443", "h/p", as curl and CONNECT have it). The fragment belongs to none. */
void url_parse(const char *bytes, size_t len, struct url *out);

/* What may begin something that is more than a path: @ ; % ? # and backslash, which some take for a slash. */
extern const bool URL_SPECIAL[256];

#ifdef __SSE2__
/* A bit for each of these among 16 bytes. */
static ALWAYS_INLINE unsigned url_specials(const char *bytes)
{
    const __m128i piece = _mm_loadu_si128((const __m128i *)bytes);
    __m128i found = _mm_or_si128(_mm_cmpeq_epi8(piece, _mm_set1_epi8('@')), _mm_cmpeq_epi8(piece, _mm_set1_epi8(';')));
    found = _mm_or_si128(found, _mm_cmpeq_epi8(piece, _mm_set1_epi8('%')));
    found = _mm_or_si128(found, _mm_cmpeq_epi8(piece, _mm_set1_epi8('?')));
    found = _mm_or_si128(found, _mm_cmpeq_epi8(piece, _mm_set1_epi8('#')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(found, _mm_cmpeq_epi8(piece, _mm_set1_epi8('\\'))));
}
#endif

/* url_plain_len - how many bytes there are before the first of them. */
static ALWAYS_INLINE size_t url_plain_len(const char *bytes, size_t len)
{
    size_t at = 0;
#ifdef __SSE2__
    for (; len - at >= 16; at += 16) {
        unsigned found = url_specials(bytes + at);
        if (found)
            return at + (size_t)__builtin_ctz(found);
    }
    if (at && at < len) { /* the last 16, of which some have been looked at */
        unsigned found = url_specials(bytes + len - 16);
        return found ? len - 16 + (size_t)__builtin_ctz(found) : len;
    }
#endif
    while (at < len && !URL_SPECIAL[(uint8_t)bytes[at]])
        at++;
    return at;
}

/* url_is_absolute - it has a scheme and what follows one. */
bool url_is_absolute(const char *bytes, size_t len);

/* url_host - what of an authority is host and port: all behind the userinfo. @len: in and out. */
const char *url_host(const char *authority, size_t *len);

/* url_userinfo_len - how much of @bytes is userinfo, with the '@' (or %40) that ends it: up to the last one that has a colon
 * (or %3A) before it, or, where @is_authority, to the last one. */
size_t url_userinfo_len(const char *bytes, size_t len, bool is_authority);

/* url_cut_len - how long a URL of @len bytes is when cut to @max: at the last place where a part of it ends. */
size_t url_cut_len(const char *bytes, size_t len, size_t max);

#endif
