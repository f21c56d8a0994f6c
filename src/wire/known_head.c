#include "wire/known_head.h"

#include "base/compiler.h"
#include "base/slab.h"

/* A response has nothing but its lines. */
static BULKY_DATA struct slab g_responses = SLAB_INITIALIZER(offsetof(struct known_head, parts), 64, 1024);
static BULKY_DATA struct slab g_requests = SLAB_INITIALIZER(sizeof(struct known_head), 64, 1024);

static struct http1_known *lines_ensure(struct known_head_place *place, struct slab *slab)
{
    uint32_t index;
    if (!place->known && (place->known = slab_alloc(slab, &index)))
        place->known->index = index;
    return place->known ? &place->known->lines : NULL;
}

void known_head_keep_response(struct known_head_place *place, const struct http1_parser *parser, const char *bytes,
                              const struct http1_head *head)
{
    struct http1_known *lines = lines_ensure(place, &g_responses);
    if (lines)
        http1_know(lines, parser, bytes, head->blank_line_at, head);
}

void known_head_keep_request(struct known_head_place *place, const struct http1_parser *parser, const char *bytes,
                             size_t len, const struct http1_head *head, struct http_head *noted)
{
    struct http1_known *lines = lines_ensure(place, &g_requests);
    if (!lines || !http1_know(lines, parser, bytes, len, head))
        return;
    if (!http_head_keep_parts(noted, bytes, lines->bytes, len, &place->known->parts)) {
        lines->len = 0;
        return;
    }
    place->known->described.block.len = 0;
    place->known->described.fingerprint = 0;
    noted->described = &place->known->described;
}

static void forget(struct known_head_place *place, struct slab *slab)
{
    if (place->known)
        slab_free(slab, place->known->index);
    *place = (struct known_head_place){.known = NULL};
}

void known_head_forget_response(struct known_head_place *place)
{
    forget(place, &g_responses);
}

void known_head_forget_request(struct known_head_place *place)
{
    forget(place, &g_requests);
}
