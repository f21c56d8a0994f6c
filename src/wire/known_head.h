/* known_head.h - the head that went by last in one direction of a connection: the next one is most likely the same. What
 * is the same byte by byte need be neither parsed nor described again. All functions: with the connection's lock held;
 * hot path, signal-safe. */
#ifndef RUN_TRACED_WIRE_KNOWN_HEAD_H
#define RUN_TRACED_WIRE_KNOWN_HEAD_H

#include "wire/http_head.h"

struct known_head {
    uint32_t link; /* belongs to the slab */
    uint32_t index;
    struct http1_known lines;
    /* Of a request alone: */
    struct http_parts parts; /* they lie in lines */
    struct http_described described;
};

/* What a direction has of it. */
struct known_head_place {
    struct known_head *known; /* NULL: nothing */
    uint8_t other_count;      /* heads since one was known that were not, as far as they are counted */
};

/* known_head_of - what http1_take_known_head is to look for; NULL: nothing. */
static inline const struct http1_known *known_head_of(const struct known_head_place *place)
{
    return place->known ? &place->known->lines : NULL;
}

/* known_head_has_come - the head was the known one. */
static inline void known_head_has_come(struct known_head_place *place)
{
    place->other_count = 1;
}

/* known_head_other_came - the head was another one. Returns whether it is to be kept: not a connection's first, which
 * may be its last, nor each one where they are never the same. */
static inline bool known_head_other_came(struct known_head_place *place)
{
    unsigned count = place->other_count++;
    return count > 0 && (count <= 4 || count % 16 == 0);
}

/* known_head_keep_response - keeps a whole head, up to its blank line. */
void known_head_keep_response(struct known_head_place *place, const struct http1_parser *parser, const char *bytes,
                              const struct http1_head *head);

/* known_head_keep_request - keeps the first @len bytes of a head, whole lines, behind which it says nothing but of
 * contexts; else nothing is known then. @noted: what was noted of all of it, which belongs to what is kept from then
 * on. */
void known_head_keep_request(struct known_head_place *place, const struct http1_parser *parser, const char *bytes,
                             size_t len, const struct http1_head *head, struct http_head *noted);

/* known_head_forget - for a response and for a request; nothing is known then. */
void known_head_forget_response(struct known_head_place *place);
void known_head_forget_request(struct known_head_place *place);

#endif
