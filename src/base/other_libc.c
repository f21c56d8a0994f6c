#include "base/other_libc.h"

#include <string.h>

bool other_libc_is_loaded_by(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    const char *name = slash ? slash + 1 : interpreter;
    return strncmp(name, "ld-musl", 7) == 0 || strncmp(name, "ld-uClibc", 9) == 0 ||
           strncmp(name, "linker", 6) == 0; /* Android's */
}
