/* library.h - where the preloaded library is, and how LD_PRELOAD can name it. */
#ifndef RUN_TRACED_LAUNCHER_LIBRARY_H
#define RUN_TRACED_LAUNCHER_LIBRARY_H

#include <stddef.h>

/* library_find - the absolute path of librun-traced.so, which lies beside this program. Where
 * LD_PRELOAD cannot hold that path (a space or a colon separates its entries, a '$' begins a
 * substitution), that of a symbolic link to it, and where root's children under other users could not
 * reach it, that of a copy. Both stay: programs that outlive the run still execute others.
 * @path: receives it; @size bytes. Returns 0, or a negative errno after a message. */
int library_find(char *path, size_t size);

/* library_link - makes a symbolic link to @target in the directory /tmp/run-traced-UID, which
 * nobody else can write to, or finds the one that is there. @link: receives its path; @size bytes.
 * Returns 0 or a negative errno: -EPERM if somebody else made that directory. */
int library_link(const char *target, char *link, size_t size);

/* library_copy - the same with a copy of @original, readable by all: for root, whose children may be
 * users that cannot reach the original. */
int library_copy(const char *original, char *copy, size_t size);

/* library_preload_value - the value for LD_PRELOAD: what is there already, less any
 * librun-traced*.so, then ours. @existing: the value now, or NULL. @value: receives it; @size
 * bytes. Returns 0 or -ENAMETOOLONG. */
int library_preload_value(const char *existing, const char *library, char *value, size_t size);

#endif
