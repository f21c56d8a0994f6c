#include "base/memory.h"

#include "base/raw.h"

THREAD_LOCAL uintptr_t t_memory_pages[MEMORY_PAGES_KNOWN];

/* rt_sigprocmask(2) copies the new set in before it looks at what to do with it: EFAULT if it cannot be read,
 * otherwise EINVAL for the nonsense it is asked to do. */
static bool page_ask(uintptr_t page)
{
    static const long nonsense = -1, set_len = 8;
    uintptr_t *known = &t_memory_pages[page % MEMORY_PAGES_KNOWN];
    if (*known == page && page)
        return true;
    if (raw_syscall6(SYS_rt_sigprocmask, nonsense, (long)(page * MEMORY_PAGE_LEN), 0, set_len, 0, 0) ==
        -EFAULT)
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
