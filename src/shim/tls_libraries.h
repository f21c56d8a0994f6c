/* tls_libraries.h - the TLS libraries whose functions are interposed. */
#ifndef RUN_TRACED_SHIM_TLS_LIBRARIES_H
#define RUN_TRACED_SHIM_TLS_LIBRARIES_H

#include "shim/library.h"

extern struct library_family g_openssl_family; /* openssl.c */
extern struct library_family g_gnutls_family;  /* gnutls.c */

#endif
