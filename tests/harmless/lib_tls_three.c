/* A TLS library, one of several. */
#define COPY "three"
#include "fake_tls.h"
