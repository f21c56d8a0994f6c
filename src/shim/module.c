#include "shim/module.h"

#include "base/compiler.h"
#include "base/raw.h"
#include "shim/exports.h"
#include "shim/real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

struct symbol_table {
    const ElfW(Sym) *symbols;
    size_t count;
    const char *names;
    size_t names_len; /* 0: unknown */
};

/* One remembered answer: where in a table the symbol stands. It is checked against the object that is
 * loaded now before its name is read: another one may lie at the same place by then. */
struct remembered {
    _Atomic(const struct link_map *) map;
    _Atomic uintptr_t offset;
    _Atomic size_t index; /* in the executable's full table, or the object's dynamic one */
};

static int (*g_find_object)(void *, struct dl_find_object *);
static BULKY char g_executable_path[4096];
static struct symbol_table g_executable_symbols;
static BULKY struct remembered g_remembered[1024];

/* The section headers' view of the file: checked, since it may be anything. */
static void symbol_table_read(const char *file, size_t len, struct symbol_table *out)
{
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)file;
    if (len < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof(ElfW(Shdr)) || header->e_shoff > len ||
        header->e_shnum > (len - header->e_shoff) / sizeof(ElfW(Shdr)) || header->e_shoff % 8)
        return;
    const ElfW(Shdr) *sections = (const ElfW(Shdr) *)(file + header->e_shoff);
    for (size_t i = 0; i < header->e_shnum; i++) {
        const ElfW(Shdr) *table = &sections[i];
        if (table->sh_type != SHT_SYMTAB || table->sh_link >= header->e_shnum)
            continue;
        const ElfW(Shdr) *names = &sections[table->sh_link];
        if (table->sh_offset > len || table->sh_size > len - table->sh_offset ||
            table->sh_offset % 8 || names->sh_offset > len ||
            names->sh_size > len - names->sh_offset || names->sh_size == 0 ||
            file[names->sh_offset + names->sh_size - 1] != '\0')
            continue;
        *out = (struct symbol_table){
            .symbols = (const ElfW(Sym) *)(file + table->sh_offset),
            .count = table->sh_size / sizeof(ElfW(Sym)),
            .names = file + names->sh_offset,
            .names_len = names->sh_size,
        };
        return;
    }
}

/* Three system calls; the descriptor is closed before the program's first instruction. */
static void executable_map(void)
{
    struct stat st;
    int fd = raw_open("/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (raw_fstat(fd, &st) == 0 && st.st_size > 0) {
        const char *file = raw_mmap((size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd);
        if (file)
            symbol_table_read(file, (size_t)st.st_size, &g_executable_symbols);
        if (file && !g_executable_symbols.symbols)
            raw_munmap((void *)file, (size_t)st.st_size);
    }
    raw_close(fd);
}

void module_init(void)
{
    long len = raw_syscall6(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe",
                            (long)g_executable_path, sizeof g_executable_path - 1, 0, 0);
    g_executable_path[MAX(len, 0)] = '\0';
    module_prepare();
    executable_map();
}

void module_prepare(void)
{
    /* Since glibc 2.35; looked up, so that the library still loads under an older one. */
    if (!g_find_object)
        g_find_object = (int (*)(void *, struct dl_find_object *))real_dlsym(RTLD_DEFAULT, "_dl_find_object");
}

bool module_find(const void *address, struct module *out)
{
    struct dl_find_object object;
    if (!g_find_object || g_find_object((void *)address, &object) != 0)
        return false;
    out->map = object.dlfo_link_map;
    out->path = out->map->l_name[0] ? out->map->l_name : g_executable_path;
    out->offset = (uintptr_t)address - out->map->l_addr;
    out->start = object.dlfo_map_start;
    out->end = object.dlfo_map_end;
    out->eh_frame = object.dlfo_eh_frame;
    return true;
}

EARLY const struct link_map *module_self(void)
{
    static const struct link_map *self;
    extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));
    for (const struct link_map *map = self ? NULL : _r_debug.r_map; map && !self; map = map->l_next)
        if (map->l_ld == _DYNAMIC)
            self = map;
    return self;
}

bool module_is_self(const struct module *module)
{
    return module->map == module_self();
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool name_begins(const char *path, const char *const *prefixes)
{
    const char *base = base_name(path);
    for (; *prefixes; prefixes++)
        if (strncmp(base, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

static bool is_loader_or_libc(const char *path)
{
    static const char *const prefixes[] = {"libc.so", "ld-linux", NULL};
    return name_begins(path, prefixes);
}

bool module_is_plumbing(const struct module *module)
{
    static const char *const prefixes[] = {"libcurl",   "libssl",   "libcrypto", "libgnutls",
                                           "libstdc++", "libgcc_s", NULL};
    return is_loader_or_libc(module->path) || name_begins(module->path, prefixes);
}

static bool symbol_covers(const struct symbol_table *table, size_t index, uintptr_t offset)
{
    const ElfW(Sym) *symbol = &table->symbols[index];
    return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
           offset - symbol->st_value < symbol->st_size &&
           (!table->names_len || symbol->st_name < table->names_len);
}

/* The index of the function that @offset lies in, or the table's count. */
static size_t symbol_search(const struct symbol_table *table, uintptr_t offset)
{
    size_t i = 0;
    while (i < table->count && !symbol_covers(table, i, offset))
        i++;
    return i;
}

/* @hash: the GNU hash table, or NULL. The table's count only if the old kind of hash table tells it. */
static void dynamic_table(const struct link_map *map, struct symbol_table *out,
                          const uint32_t **hash)
{
    uintptr_t symbols = 0, names = 0;
    *hash = NULL;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            symbols = module_absolute(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_STRTAB)
            names = module_absolute(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_STRSZ)
            out->names_len = entry->d_un.d_val;
        else if (entry->d_tag == DT_GNU_HASH)
            *hash = (const uint32_t *)module_absolute(map, entry->d_un.d_ptr);
        else if (entry->d_tag == DT_HASH)
            out->count = ((const uint32_t *)module_absolute(map, entry->d_un.d_ptr))[1];
    }
    out->symbols = (const ElfW(Sym) *)symbols;
    out->names = (const char *)names;
    if (!symbols || !names)
        out->count = 0;
}

/* One behind the last symbol that is hashed: the end of its bucket's chain. The names' place does not tell: patchelf,
 * for one, moves them away from the symbols. */
static size_t exports_end(const uint32_t *hash)
{
    const uint32_t *buckets = (const uint32_t *)((const ElfW(Addr) *)(hash + 4) + hash[2]);
    const uint32_t *chain = buckets + hash[0];
    size_t last = 0;
    for (uint32_t i = 0; i < hash[0]; i++)
        last = MAX(last, buckets[i]);
    if (last < hash[1] || !last)
        return 0;
    while (!(chain[last - hash[1]] & 1))
        last++;
    return last + 1;
}

static size_t index_recall(const struct remembered *remembered, const struct module *module)
{
    if (atomic_load_explicit(&remembered->map, memory_order_acquire) != module->map ||
        atomic_load_explicit(&remembered->offset, memory_order_relaxed) != module->offset)
        return SIZE_MAX;
    return atomic_load_explicit(&remembered->index, memory_order_relaxed);
}

static void index_remember(struct remembered *remembered, const struct module *module, size_t index)
{
    atomic_store_explicit(&remembered->map, NULL, memory_order_release);
    atomic_store_explicit(&remembered->offset, module->offset, memory_order_relaxed);
    atomic_store_explicit(&remembered->index, index, memory_order_relaxed);
    atomic_store_explicit(&remembered->map, module->map, memory_order_release);
}

const char *module_function_name(const struct module *module)
{
    struct symbol_table table = {0};
    const uint32_t *hash;
    size_t slot = (module->offset ^ module->offset >> 10) % ARRAY_LEN(g_remembered);
    bool is_executable = !module->map->l_name[0] && g_executable_symbols.symbols;
    if (is_executable) {
        table = g_executable_symbols;
    } else {
        dynamic_table(module->map, &table, &hash);
        if (hash && table.symbols && !table.count)
            table.count = exports_end(hash);
    }
    size_t index = index_recall(&g_remembered[slot], module);
    if (index == table.count)
        return NULL; /* it was searched for, and is not there */
    if (index > table.count || !symbol_covers(&table, index, module->offset)) {
        index = symbol_search(&table, module->offset);
        index_remember(&g_remembered[slot], module, index);
    }
    return index < table.count ? table.names + table.symbols[index].st_name : NULL;
}

/* What is imported is not hashed, and comes first: hash[1] is where that ends. Where nothing is hashed (a program
 * that exports nothing) linkers write 1 there, and all is imported: as far as it looks like that. */
static size_t imports_end(const struct symbol_table *table, const uint32_t *hash)
{
    if (hash && exports_end(hash))
        return hash[1];
    if (!hash || table->count)
        return table->count;
    size_t end = 1;
    while (table->symbols[end].st_shndx == SHN_UNDEF && table->symbols[end].st_name &&
           table->symbols[end].st_name < table->names_len)
        end++;
    return end;
}

static bool imports(const struct link_map *map, const char *const *names)
{
    struct symbol_table table = {0};
    const uint32_t *hash;
    dynamic_table(map, &table, &hash);
    size_t end = table.symbols ? imports_end(&table, hash) : 0;
    for (size_t i = 1; i < end; i++)
        for (const char *const *name = names; *name; name++)
            if (strcmp(table.names + table.symbols[i].st_name, *name) == 0)
                return true;
    return false;
}

bool module_exports(const struct link_map *map, const char *name)
{
    struct exports exports;
    bool is_several;
    return exports_of(map->l_addr, map->l_ld, &exports) &&
           exports_find(&exports, name, exports_hash(name), &is_several);
}

/* Symbol versions: "Symbol Versioning", Linux Standard Base Core Specification, 10.7. */
struct versions {
    const ElfW(Half) *of_symbols; /* NULL: it has none */
    const char *needed, *defined;
};

static struct versions versions_of(const struct link_map *map)
{
    struct versions versions = {0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        const char *at = (const char *)module_absolute(map, entry->d_un.d_ptr);
        if (entry->d_tag == DT_VERSYM)
            versions.of_symbols = (const ElfW(Half) *)at;
        else if (entry->d_tag == DT_VERNEED)
            versions.needed = at;
        else if (entry->d_tag == DT_VERDEF)
            versions.defined = at;
    }
    return versions;
}

static const char *needed_version(const struct versions *versions, const char *names, size_t index)
{
    const char *at = versions->needed;
    while (versions->of_symbols && at) {
        const ElfW(Verneed) *file = (const ElfW(Verneed) *)at;
        const char *place = at + file->vn_aux;
        for (int i = 0; i < file->vn_cnt; i++) {
            const ElfW(Vernaux) *version = (const ElfW(Vernaux) *)place;
            if (version->vna_other == (versions->of_symbols[index] & 0x7fff))
                return names + version->vna_name;
            place += version->vna_next;
        }
        at = file->vn_next ? at + file->vn_next : NULL;
    }
    return NULL;
}

static const char *defined_version(const struct versions *versions, const char *names, size_t index)
{
    const char *at = versions->defined;
    while (versions->of_symbols && at) {
        const ElfW(Verdef) *version = (const ElfW(Verdef) *)at;
        bool is_base = version->vd_flags & VER_FLG_BASE;
        if (!is_base && version->vd_ndx == (versions->of_symbols[index] & 0x7fff))
            return names + ((const ElfW(Verdaux) *)(at + version->vd_aux))->vda_name;
        at = version->vd_next ? at + version->vd_next : NULL;
    }
    return NULL;
}

void module_imports_walk(const struct link_map *map, void (*found)(void *state, const char *name, const char *version),
                         void *state)
{
    struct symbol_table table = {0};
    const uint32_t *hash;
    struct versions versions = versions_of(map);
    dynamic_table(map, &table, &hash);
    size_t end = table.symbols ? imports_end(&table, hash) : 0;
    for (size_t i = 1; i < end; i++)
        if (table.symbols[i].st_shndx == SHN_UNDEF)
            found(state, table.names + table.symbols[i].st_name, needed_version(&versions, table.names, i));
}

const char *module_own_version(const struct link_map *map, const void *address)
{
    struct symbol_table table = {0};
    struct versions versions = versions_of(map);
    const uint32_t *hash;
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    dynamic_table(map, &table, &hash);
    if (!dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol || symbol < table.symbols)
        return NULL;
    return defined_version(&versions, table.names, (size_t)(symbol - table.symbols));
}

bool module_any_imports(const char *const *names)
{
    for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
        struct module module = {.map = map, .path = map->l_name};
        if (!module_is_self(&module) && !is_loader_or_libc(module.path) && map->l_ld &&
            imports(map, names))
            return true;
    }
    return false;
}

const struct link_map *module_find_named(const struct link_map *after, const char *prefix)
{
    const struct link_map *map = after ? after->l_next : _r_debug.r_map;
    while (map && strncmp(base_name(map->l_name), prefix, strlen(prefix)) != 0)
        map = map->l_next;
    return map;
}
