/* other_libc.h - which C library is a program for? Its dynamic loader's name tells. */
#ifndef RUN_TRACED_BASE_OTHER_LIBC_H
#define RUN_TRACED_BASE_OTHER_LIBC_H

#include <stdbool.h>

/* other_libc_is_loaded_by - is @interpreter, a program's PT_INTERP, the loader of another C library than glibc?
 * This library cannot be loaded there. Signal-safe. */
bool other_libc_is_loaded_by(const char *interpreter);

#endif
