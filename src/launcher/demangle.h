/* demangle.h - the names that C++ and Rust (as it mangles by default) have given to symbols. */
#ifndef RUN_TRACED_LAUNCHER_DEMANGLE_H
#define RUN_TRACED_LAUNCHER_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/* demangle - @out becomes the name in the source, with a NUL; of C++ without its parameters. False, @out untouched:
 * @symbol is not mangled in a way that we know (Rust's v0, say), its name does not fit, or there is no libstdc++ to
 * ask. One thread. */
bool demangle(const char *symbol, char *out, size_t size);

#endif
