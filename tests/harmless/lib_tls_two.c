/* A TLS library, one of several. */
#define COPY "two"
#include "fake_tls.h"
