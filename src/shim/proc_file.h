/* proc_file.h - what the kernel tells of another process of ours, while the library starts. Raw system calls alone. */
#ifndef RUN_TRACED_SHIM_PROC_FILE_H
#define RUN_TRACED_SHIM_PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* proc_file_read - the beginning of /proc/@pid/@name, @size - 1 bytes at most, with a NUL behind it. Returns how many
 * bytes; 0 if it cannot be read. */
size_t proc_file_read(int pid, const char *name, char *bytes, size_t size);

/* proc_has_variable - was the program in process @pid started with @entry ("NAME=", or "NAME=value") in its environment?
 * False also if nobody can say. */
bool proc_has_variable(int pid, const char *entry);

#endif
