/* A TLS library, one of several. */
#define COPY "five"
#include "fake_tls.h"
