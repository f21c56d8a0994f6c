/* module.h - the ELF objects of this process: which one an address lies in, what they import, and the
 * names of their functions. No locks. */
#ifndef RUN_TRACED_SHIM_MODULE_H
#define RUN_TRACED_SHIM_MODULE_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct module {
    const struct link_map *map;
    const char *path; /* of the executable too; valid while the module is loaded */
    uintptr_t offset; /* of the address asked for, as addr2line takes it */
    const char *start, *end; /* where it is mapped */
    const void *eh_frame;    /* its PT_GNU_EH_FRAME segment, or NULL */
};

/* module_init - notes the executable's path and maps its symbol table. Library start-up only. */
void module_init(void);

/* module_find - the object that @address lies in; false if none (JIT code) or if libc cannot tell
 * without a lock (before glibc 2.35). Hot path, signal-safe. */
bool module_find(const void *address, struct module *out);

/* module_build_id - the build id that the linker has given to @module, out of its notes in memory, @len bytes; NULL
 * if it has none. Signal-safe. */
const unsigned char *module_build_id(const struct module *module, size_t *len);

/* module_is_self - the object is this library. */
bool module_is_self(const struct module *module);

/* module_is_plumbing - it makes network calls on behalf of others only: libc, libcurl, TLS. */
bool module_is_plumbing(const struct module *module);

/* module_function_name - the function that @module's offset lies in, by the executable's full symbol
 * table or another object's dynamic one; NULL if neither has it. Remembers what it found: a search
 * takes some microseconds, the next time nanoseconds. Hot path, signal-safe. */
const char *module_function_name(const struct module *module);

/* module_any_imports - does any object loaded now, but for libc, call one of these functions by name?
 * @names: NULL-terminated. Start-up only. */
bool module_any_imports(const char *const *names);

/* module_exports - does @map have a function or a variable of this name for others? Asks the object's hash table,
 * not the loader, which allocates where there is none. */
bool module_exports(const struct link_map *map, const char *name);

/* module_self - this library; NULL if it was loaded out of sight (dlmopen). */
const struct link_map *module_self(void);

/* module_prepare - sees to it that module_find works, also where module_init was not called. */
void module_prepare(void);

/* module_imports_walk - calls @found for each name that @map has from others; @version: the one that it asks for, or
 * NULL if it asks for none. */
void module_imports_walk(const struct link_map *map, void (*found)(void *state, const char *name, const char *version),
                         void *state);

/* module_own_version - the version of the symbol that @map has at @address, or NULL. Asks the loader. */
const char *module_own_version(const struct link_map *map, const void *address);

/* module_absolute - @pointer as the dynamic section of @map has it: the loader has made these absolute for most
 * objects, not for all (the vDSO). */
static inline uintptr_t module_absolute(const struct link_map *map, uintptr_t pointer)
{
    return pointer < map->l_addr ? pointer + map->l_addr : pointer;
}

/* module_find_named - the first object loaded, or the first behind @after, whose file's name begins with @prefix, or
 * NULL. Walks the loader's list of objects without its lock. */
const struct link_map *module_find_named(const struct link_map *after, const char *prefix);

#endif
