/* tls_facts.h - what is known of the TLS session that a connection's bytes go through. */
#ifndef RUN_TRACED_WIRE_TLS_FACTS_H
#define RUN_TRACED_WIRE_TLS_FACTS_H

#include "trace/span.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are NUL-terminated; empty: not known. */
struct tls_facts {
    bool is_client;
    char version[8]; /* "1.3" */
    char cipher[48];
    char protocol[16];           /* RFC 7301: as the two have agreed, "h2" */
    char server_name[256];       /* RFC 6066, section 3: as the client said it */
    uint64_t handshake_start_ns; /* monotonic; 0: not known */
    uint64_t handshake_end_ns;
};

/* tls_facts_describe - adds the version and the cipher. Hot path. */
void tls_facts_describe(const struct tls_facts *facts, struct span *span);

#endif
