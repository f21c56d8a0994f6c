/* A TLS library, one of several. */
#define COPY "four"
#include "fake_tls.h"
