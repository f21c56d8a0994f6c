/* plumbing.h - C++ namespaces and Rust crates that make calls on behalf of others, and are linked into the programs
 * that do. */
#ifndef RUN_TRACED_TRACE_PLUMBING_H
#define RUN_TRACED_TRACE_PLUMBING_H

#include <stdbool.h>
#include <stddef.h>

/* plumbing_has_name - @name is qualified, as source code has it (std::net::TcpStream::connect, <std::…>, &std::…).
 * Signal-safe. */
bool plumbing_has_name(const char *name, size_t len);

/* plumbing_has_symbol - the same of a symbol, as C++ and Rust (legacy and v0) mangle names; false for all others.
 * Signal-safe. */
bool plumbing_has_symbol(const char *symbol);

#endif
