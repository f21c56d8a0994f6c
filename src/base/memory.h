/* memory.h - may this be read? For pointers that a program hands to a system call: the kernel answers EFAULT
 * where we would crash. */
#ifndef RUN_TRACED_BASE_MEMORY_H
#define RUN_TRACED_BASE_MEMORY_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MEMORY_PAGE_LEN = 4096, MEMORY_PAGES_KNOWN = 16 };

/* Behind the function below: not to be used directly. Numbers of pages; 0: none. */
extern THREAD_LOCAL uintptr_t t_memory_pages[MEMORY_PAGES_KNOWN];
bool memory_ask(uintptr_t first, uintptr_t last);

/* memory_is_writable - the same for writing; asks each time, and says no where nobody can tell. */
bool memory_is_writable(void *address, size_t len);

/* memory_bring_in - memory of our own that is about to be written to: one system call instead of a fault for each page,
 * or two. Before Linux 5.14 it does nothing. Library start-up. */
void memory_bring_in(void *address, size_t len);

/* memory_is_readable - are these @len bytes mapped and readable? The kernel is asked once for a page (0.3 to 0.7 us);
 * for some pages a thread remembers that they were. Of more than 64 KiB, the first 64 and the last page are
 * looked at. A page that was taken away since it was last read looks readable still; everything does to a kernel
 * that does not tell, and in a sandbox. Hot path, signal-safe. */
static inline bool memory_is_readable(const void *address, size_t len)
{
    uintptr_t first = (uintptr_t)address / MEMORY_PAGE_LEN;
    uintptr_t last = ((uintptr_t)address + len - (len > 0)) / MEMORY_PAGE_LEN;
    if (LIKELY(first == last && t_memory_pages[first % MEMORY_PAGES_KNOWN] == first && first))
        return true;
    return memory_ask(first, last);
}

/* memory_string_len - how long the NUL-terminated @string is, at most @max bytes; -1: it cannot be read. Hot path,
 * signal-safe. */
ssize_t memory_string_len(const char *string, size_t max);

#endif
