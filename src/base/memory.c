#include "base/memory.h"

#include "base/raw.h"

#include <stdatomic.h>
#include <string.h>

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

THREAD_LOCAL uintptr_t t_memory_pages[MEMORY_PAGES_KNOWN];

static long populate(uintptr_t page, size_t count, int advice)
{
    return raw_syscall3(SYS_madvise, (long)(page * MEMORY_PAGE_LEN), (long)(count * MEMORY_PAGE_LEN), advice);
}

/* madvise(2): the page is brought in as a read of it would, and what such a read would die of is an error. EINVAL is said of
 * memory that must not be read, but also by a kernel that does not know the question: it is asked about our own. */
static bool page_ask(uintptr_t page)
{
    static _Atomic int can_tell; /* 1: yes, -1: no */
    uintptr_t *known = &t_memory_pages[page % MEMORY_PAGES_KNOWN];
    if (*known == page)
        return true;
    long result = populate(page, 1, MADV_POPULATE_READ);
    bool is_refused = result == -EFAULT || result == -ENOMEM || result == -EINVAL; /* others say nothing of the page */
    if (is_refused && !can_tell)
        can_tell = populate((uintptr_t)&can_tell / MEMORY_PAGE_LEN, 1, MADV_POPULATE_READ) == 0 ? 1 : -1;
    if (is_refused && can_tell > 0)
        return false;
    *known = page;
    return true;
}

bool memory_ask(uintptr_t first, uintptr_t last)
{
    if (first == 0 || last < first)
        return false;
    for (uintptr_t page = first; page < last && page < first + MEMORY_PAGES_KNOWN; page++)
        if (!page_ask(page))
            return false;
    return page_ask(last);
}

bool memory_is_writable(void *address, size_t len)
{
    uintptr_t first = (uintptr_t)address / MEMORY_PAGE_LEN, last = ((uintptr_t)address + len - 1) / MEMORY_PAGE_LEN;
    return len == 0 || populate(first, last - first + 1, MADV_POPULATE_WRITE) == 0;
}

/* Page by page, since the string may end with the last one. */
ssize_t memory_string_len(const char *string, size_t max)
{
    size_t at = 0;
    while (at < max) {
        size_t left = MEMORY_PAGE_LEN - (uintptr_t)(string + at) % MEMORY_PAGE_LEN;
        size_t len = MIN(left, max - at);
        if (!memory_is_readable(string + at, len))
            return -1;
        const char *end = memchr(string + at, '\0', len);
        if (end)
            return end - string;
        at += len;
    }
    return (ssize_t)max;
}

/* Unguarded: what the guard would look at is among the pages that are asked for, and there is no sandbox yet. */
void memory_bring_in(void *address, size_t len)
{
    uintptr_t first = (uintptr_t)address / MEMORY_PAGE_LEN, end = (uintptr_t)address + len;
    raw_syscall_unguarded(SYS_madvise, (long)(first * MEMORY_PAGE_LEN), (long)(end - first * MEMORY_PAGE_LEN),
                          MADV_POPULATE_WRITE, 0, 0, 0);
}
