#include "shim/exports.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <string.h>

static const char *const NAMES[] = {
#define INTERPOSE(name) #name,
#define INTERPOSE_LATER(name)
#include "shim/symbols.def"
#undef INTERPOSE
#undef INTERPOSE_LATER
};

static void libc_exports(struct exports *exports)
{
    const struct link_map *map = _r_debug.r_map;
    while (map && !strstr(map->l_name, "/libc.so"))
        map = map->l_next;
    cr_assert(map && exports_of(map->l_addr, map->l_ld, exports));
}

static void *found_in(const struct exports *exports, const char *name)
{
    bool is_several;
    const ElfW(Sym) *symbol = exports_find(exports, name, exports_hash(name), &is_several);
    return symbol && !is_several ? (void *)(exports->base + symbol->st_value) : NULL;
}

Test(exports, finds_what_the_loader_finds)
{
    struct exports libc;
    void *handle = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    cr_assert(handle);
    libc_exports(&libc);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        cr_expect_eq(found_in(&libc, NAMES[i]), dlsym(handle, NAMES[i]), "%s", NAMES[i]);
}

Test(exports, of_several_versions_the_one_that_is_meant_without)
{
    static const char *const names[] = {"pthread_cond_wait", "memcpy", "regexec", "nftw", "glob"};
    struct exports libc;
    libc_exports(&libc);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is_several;
        const ElfW(Sym) *symbol = exports_find(&libc, names[i], exports_hash(names[i]), &is_several);
        cr_assert(symbol && !is_several, "%s", names[i]);
        if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC) /* others choose for the processor */
            cr_expect_eq((void *)(libc.base + symbol->st_value), dlsym(RTLD_DEFAULT, names[i]), "%s", names[i]);
    }
}

Test(exports, what_is_not_there_is_not_found)
{
    static const char *const names[] = {"", "connec", "connectt", "SSL_write", "no_such_function"};
    struct exports libc;
    libc_exports(&libc);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect_null(found_in(&libc, names[i]), "%s", names[i]);
}
