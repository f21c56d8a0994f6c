/* A TLS library, one of several. */
#define COPY "one"
#include "fake_tls.h"
