#include "wire/protocol.h"

#include "base/compiler.h"

/* In the order in which they are asked. */
static const struct protocol *const PROTOCOLS[] = {&PROTOCOL_HTTP1, &PROTOCOL_TLS};

const struct protocol *protocol_recognise(const char *bytes, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(PROTOCOLS); i++)
        if (PROTOCOLS[i]->recognise(bytes, len))
            return PROTOCOLS[i];
    return NULL;
}
