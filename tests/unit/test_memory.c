/* test_memory.c - what can be read and what cannot. */
#include "base/memory.h"

#include "base/raw.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

/* @count pages of which only those with a bit in @readable can be read. */
static char *pages_map(size_t count, uint64_t readable)
{
    char *pages = mmap(NULL, count * MEMORY_PAGE_LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(pages, MAP_FAILED);
    for (size_t i = 0; i < count; i++)
        if (readable & 1ULL << i)
            cr_assert_eq(mprotect(pages + i * MEMORY_PAGE_LEN, MEMORY_PAGE_LEN, PROT_READ), 0);
    return pages;
}

Test(memory, what_is_there_is_readable)
{
    int on_the_stack = 0;
    cr_assert(memory_is_readable(&on_the_stack, sizeof on_the_stack));
    cr_assert(memory_is_readable("text", 4));
    cr_assert(memory_is_readable("text", 4), "known by now");
}

Test(memory, what_is_no_address_is_not)
{
    cr_assert_not(memory_is_readable(NULL, 1));
    cr_assert_not(memory_is_readable((void *)0x10, 1));
    cr_assert_not(memory_is_readable((void *)-1, 1));
    cr_assert_not(memory_is_readable((void *)-1, 100), "it would wrap around");
    cr_assert_not(memory_is_readable((void *)(1ULL << 63), 1));
}

/* In a sandbox nothing can be asked: what the kernel would say of bad memory is not known there. */
Test(memory, nothing_is_unreadable_where_nobody_can_be_asked)
{
    char *pages = pages_map(2, 0);
    cr_assert_not(memory_is_readable(pages, 1));
    g_raw_is_forbidden = true;
    cr_assert(memory_is_readable(pages + MEMORY_PAGE_LEN, 1));
    g_raw_is_forbidden = false;
}

Test(memory, every_page_counts)
{
    char *pages = pages_map(5, 0x17); /* all but the fourth */
    cr_assert(memory_is_readable(pages, 3 * MEMORY_PAGE_LEN));
    cr_assert_not(memory_is_readable(pages, 3 * MEMORY_PAGE_LEN + 1));
    cr_assert_not(memory_is_readable(pages, 5 * MEMORY_PAGE_LEN));
    cr_assert_not(memory_is_readable(pages + 3 * MEMORY_PAGE_LEN, 1));
    cr_assert(memory_is_readable(pages + 4 * MEMORY_PAGE_LEN, MEMORY_PAGE_LEN));
    cr_assert(memory_is_readable(pages + 3 * MEMORY_PAGE_LEN - 1, 1));
}

Test(memory, of_much_the_beginning_and_the_end_count)
{
    size_t count = 40;
    char *pages = pages_map(count, ~0ULL & ~(1ULL << 39));
    cr_assert(memory_is_readable(pages, 39 * MEMORY_PAGE_LEN));
    cr_assert_not(memory_is_readable(pages, 40 * MEMORY_PAGE_LEN));
}

Test(memory, a_string_may_end_with_the_last_page)
{
    char *pages = mmap(NULL, 3 * MEMORY_PAGE_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *string = pages + MEMORY_PAGE_LEN / 2;
    memset(string, 'a', 3 * MEMORY_PAGE_LEN / 2);
    cr_assert_eq(mprotect(pages + 2 * MEMORY_PAGE_LEN, MEMORY_PAGE_LEN, PROT_NONE), 0);
    cr_assert_eq(memory_string_len(string, 9999), -1, "it does not end");
    cr_assert_eq(memory_string_len(string, 3 * MEMORY_PAGE_LEN / 2), 3 * MEMORY_PAGE_LEN / 2);
    pages[2 * MEMORY_PAGE_LEN - 1] = '\0';
    cr_assert_eq(memory_string_len(string, 9999), 3 * MEMORY_PAGE_LEN / 2 - 1);
    cr_assert_eq(memory_string_len(string, 5), 5);
    cr_assert_eq(memory_string_len(NULL, 5), -1);
}

Test(memory, no_bytes_are_readable_where_some_would_be)
{
    char *pages = pages_map(2, 1);
    cr_assert(memory_is_readable(pages + MEMORY_PAGE_LEN - 1, 0));
    cr_assert_not(memory_is_readable(pages + MEMORY_PAGE_LEN, 0));
}
