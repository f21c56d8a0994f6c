/* links lib_tls_two.so. A plugin with a TLS library of its own. */
#include "fake_user.h"
