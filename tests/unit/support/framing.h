/* framing.h - the framing of a message's body as an endpoint chooses it. RFC 9112, 6.3. */
#ifndef RUN_TRACED_TESTS_FRAMING_H
#define RUN_TRACED_TESTS_FRAMING_H

#include "wire/http1.h"

/* framing_choose - at HTTP1_HEAD_END. @is_head: the response answers HEAD; @status: of the response. */
static inline void framing_choose(struct http1_parser *parser, bool is_head, int status)
{
    bool is_bodyless = is_head || status / 100 == 1 || status == 204 || status == 304;
    http1_set_framing(parser, !parser->is_response ? HTTP1_FRAMING_DECLARED
                              : is_bodyless        ? HTTP1_FRAMING_NONE
                                                   : HTTP1_FRAMING_RESPONSE);
}

#endif
