/* python_plumbing.h - which Python files make requests on behalf of others. Pure; signal-safe. */
#ifndef RUN_TRACED_SHIM_PYTHON_PLUMBING_H
#define RUN_TRACED_SHIM_PYTHON_PLUMBING_H

#include "shim/site_cache.h"

/* python_file_kind - by its path: the standard library and packages are known by the directory that they are
 * installed in, so that a program may have a socket.py of its own. */
enum site_kind python_file_kind(const char *path, size_t len);

#endif
