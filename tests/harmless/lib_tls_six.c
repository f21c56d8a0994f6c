/* A TLS library, one of several. */
#define COPY "six"
#include "fake_tls.h"
