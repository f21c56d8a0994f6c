#include "wire/tls_facts.h"

#include <string.h>

void tls_facts_describe(const struct tls_facts *facts, struct span *span)
{
    if (*facts->version)
        span_set_string(span, ATTRIBUTE_TLS_PROTOCOL_VERSION, facts->version, strlen(facts->version));
    if (*facts->cipher)
        span_set_string(span, ATTRIBUTE_TLS_CIPHER, facts->cipher, strlen(facts->cipher));
}
