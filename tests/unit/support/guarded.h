/* guarded.h - inputs that end where readable memory ends: one byte too far is a fault. */
#ifndef RUN_TRACED_TESTS_GUARDED_H
#define RUN_TRACED_TESTS_GUARDED_H

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

enum { GUARDED_ROOM = 1 << 20, GUARD_LEN = 4096 };

/* guarded_room - where @len bytes must begin for the last one to lie before the unreadable page. */
static inline char *guarded_room(size_t len)
{
    static char *pages;
    if (!pages) {
        pages = mmap(NULL, GUARDED_ROOM + GUARD_LEN, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq(pages, MAP_FAILED);
        cr_assert_eq(mprotect(pages + GUARDED_ROOM, GUARD_LEN, PROT_NONE), 0);
    }
    cr_assert_leq(len, (size_t)GUARDED_ROOM);
    return pages + GUARDED_ROOM - len;
}

/* guarded - a copy of @input that ends there; the next call overwrites it. */
static inline const char *guarded(const char *input, size_t len)
{
    return len ? memcpy(guarded_room(len), input, len) : guarded_room(0);
}

#endif
