#include "shim/deepbind.h"

#include "base/compiler.h"
#include "base/lock.h"
#include "base/raw.h"
#include "shim/exports.h"
#include "shim/library_entry.h"
#include "shim/module.h"
#include "shim/real.h"

#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { KNOWN_MAX = 2048, SLOT_COUNT = 1024, PAGE_LEN = 4096, LATER = -1 };

struct name {
    char name[REAL_NAME_SIZE]; /* no pointers: they would have to be relocated in every process */
    int16_t real_at; /* of the real one in struct real_calls; LATER: each library has its own */
};

static const struct name NAMES[] = {
#define INTERPOSE(name) {#name, offsetof(struct real_calls, name)},
#define INTERPOSE_LATER(name) {#name, LATER},
#include "shim/symbols.def"
#undef INTERPOSE
#undef INTERPOSE_LATER
};

static _Atomic bool g_is_noted;
static struct lock g_lock;
static BULKY const struct link_map *g_known[KNOWN_MAX]; /* loaded before */
static size_t g_known_count;
static BULKY uint8_t g_by_hash[SLOT_COUNT]; /* index in NAMES + 1; 0: none */

_Static_assert(ARRAY_LEN(NAMES) < 255, "an index fits into a byte");

static size_t slot_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 ^ (uint8_t)*name;
    return hash % SLOT_COUNT;
}

static void names_init(void)
{
    if (g_by_hash[slot_of(NAMES[0].name)])
        return;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        size_t slot = slot_of(NAMES[i].name);
        while (g_by_hash[slot])
            slot = (slot + 1) % SLOT_COUNT;
        g_by_hash[slot] = (uint8_t)(i + 1);
    }
}

static const struct name *name_find(const char *name)
{
    for (size_t slot = slot_of(name); g_by_hash[slot]; slot = (slot + 1) % SLOT_COUNT)
        if (strcmp(NAMES[g_by_hash[slot] - 1].name, name) == 0)
            return &NAMES[g_by_hash[slot] - 1];
    return NULL;
}

static bool is_known(const struct link_map *map)
{
    for (size_t i = 0; i < g_known_count; i++)
        if (g_known[i] == map)
            return true;
    return false;
}

static void known_note(void)
{
    g_known_count = 0;
    for (const struct link_map *map = _r_debug.r_map; map && g_known_count < KNOWN_MAX; map = map->l_next)
        g_known[g_known_count++] = map;
}

void deepbind_note(void)
{
    int saved = errno;
    deepbind_correct();
    if (shim_is_tracing() && lock_acquire(&g_lock)) {
        known_note();
        atomic_store(&g_is_noted, g_known_count < KNOWN_MAX);
        lock_release(&g_lock);
    }
    errno = saved;
}

/* ---- one library ---- */

struct library {
    const struct link_map *map;
    void *handle;
    const ElfW(Sym) *symbols;
    const char *names;
    uintptr_t text_begin, text_end; /* of all that is mapped */
    uintptr_t relro_begin, relro_end;
};

static int segments_read(struct dl_phdr_info *info, size_t info_len, void *state)
{
    struct library *library = state;
    (void)info_len;
    if (info->dlpi_addr != library->map->l_addr || strcmp(info->dlpi_name, library->map->l_name) != 0)
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X)) {
            library->text_begin = begin;
            library->text_end = end;
        } else if (segment->p_type == PT_GNU_RELRO) {
            library->relro_begin = begin;
            library->relro_end = end;
        }
    }
    return 1;
}

static void slot_write(const struct library *library, uintptr_t *slot, uintptr_t value)
{
    uintptr_t page = (uintptr_t)slot / PAGE_LEN * PAGE_LEN;
    bool is_relro = (uintptr_t)slot >= library->relro_begin && (uintptr_t)slot < library->relro_end;
    if (is_relro && raw_syscall3(SYS_mprotect, (long)page, PAGE_LEN, PROT_READ | PROT_WRITE) < 0)
        return;
    __atomic_store_n(slot, value, __ATOMIC_RELEASE);
    if (is_relro)
        raw_syscall3(SYS_mprotect, (long)page, PAGE_LEN, PROT_READ);
}

/* What the library is to reach for @theirs: @theirs itself if that is not what we stand before. */
static void *replacement_of(const struct name *name, void *theirs, void *ours)
{
    if (!theirs || theirs == ours)
        return theirs;
    if (name->real_at == LATER)
        return library_entry_find(name->name, theirs);
    return theirs == *(void *const *)((const char *)real_calls() + name->real_at) ? ours : theirs;
}

static void slot_correct(const struct library *library, uintptr_t *slot, const struct name *name)
{
    uintptr_t value = *slot;
    void *own = exports_own_function(name->name);
    void *theirs = real_dlsym(library->handle, name->name);
    bool is_bound_late = value >= library->text_begin && value < library->text_end;
    void *ours = value == (uintptr_t)theirs || is_bound_late ? replacement_of(name, theirs, own) : theirs;
    if (value != (uintptr_t)own && ours != theirs)
        slot_write(library, slot, (uintptr_t)ours);
}

static bool is_function_slot(ElfW(Xword) info)
{
#if defined(__x86_64__)
    return ELF64_R_TYPE(info) == R_X86_64_JUMP_SLOT || ELF64_R_TYPE(info) == R_X86_64_GLOB_DAT;
#else
    return ELF64_R_TYPE(info) == R_AARCH64_JUMP_SLOT || ELF64_R_TYPE(info) == R_AARCH64_GLOB_DAT;
#endif
}

static void relocations_walk(const struct library *library, uintptr_t table, size_t len)
{
    const ElfW(Rela) *relocations = (const ElfW(Rela) *)table;
    for (size_t i = 0; table && i < len / sizeof *relocations; i++) {
        const ElfW(Sym) *symbol = &library->symbols[ELF64_R_SYM(relocations[i].r_info)];
        const struct name *name =
            is_function_slot(relocations[i].r_info) ? name_find(library->names + symbol->st_name) : NULL;
        if (name)
            slot_correct(library, (uintptr_t *)(library->map->l_addr + relocations[i].r_offset), name);
    }
}

static void library_correct(const struct link_map *map)
{
    struct library library = {.map = map};
    uintptr_t value[DT_NUM] = {0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag > 0 && entry->d_tag < DT_NUM)
            value[entry->d_tag] = entry->d_un.d_val;
    library.symbols = (const ElfW(Sym) *)module_absolute(map, value[DT_SYMTAB]);
    library.names = (const char *)module_absolute(map, value[DT_STRTAB]);
    library.handle = REAL(dlopen)(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
    if (!library.handle)
        return;
    if (value[DT_SYMTAB] && value[DT_STRTAB] && dl_iterate_phdr(segments_read, &library)) {
        relocations_walk(&library, value[DT_RELA] ? module_absolute(map, value[DT_RELA]) : 0, value[DT_RELASZ]);
        if (value[DT_PLTREL] == DT_RELA)
            relocations_walk(&library, value[DT_JMPREL] ? module_absolute(map, value[DT_JMPREL]) : 0, value[DT_PLTRELSZ]);
    }
    REAL(dlclose)(library.handle);
}

void deepbind_correct(void)
{
    if (LIKELY(!atomic_load_explicit(&g_is_noted, memory_order_relaxed)))
        return;
    int saved = errno;
    if (!lock_acquire(&g_lock))
        return;
    if (atomic_exchange(&g_is_noted, false)) {
        names_init();
        for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
            struct module module = {.map = map, .path = map->l_name};
            if (!is_known(map) && map->l_ld && *map->l_name && !module_is_self(&module))
                library_correct(map);
        }
    }
    lock_release(&g_lock);
    errno = saved;
}
