/* exports.h - what an ELF object has for others, by its GNU hash table: no lock, no memory, and a third of the time
 * that the loader takes. System V ABI, "Dynamic Linking"; the table itself: sourceware.org/gnu-gabi. */
#ifndef RUN_TRACED_SHIM_EXPORTS_H
#define RUN_TRACED_SHIM_EXPORTS_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct exports {
    uintptr_t base; /* what the symbols' values are counted from */
    const ElfW(Sym) *symbols;
    const char *names;
    const ElfW(Half) *versions; /* of the symbols; NULL: it has none */
    const ElfW(Addr) *filter;
    uint32_t filter_len, filter_shift; /* words */
    const uint32_t *buckets;
    uint32_t bucket_count;
    const uint32_t *chain;
    uint32_t first; /* symbol that is hashed */
};

/* exports_of - reads where the tables of the object at @base with the dynamic section @dynamic are. False: it has none
 * of this kind. */
bool exports_of(uintptr_t base, const ElfW(Dyn) *dynamic, struct exports *out);

/* exports_own - the same of this library. */
bool exports_own(struct exports *out);

/* exports_hash - @name's, for exports_find. */
uint32_t exports_hash(const char *name);

/* exports_find - the symbol of this name, whatever its version, that is not hidden behind a newer one; NULL: there is
 * none. @is_several: there are more than one, of different versions. */
const ElfW(Sym) *exports_find(const struct exports *exports, const char *name, uint32_t hash, bool *is_several);

/* exports_own_function - this library's function of that name, or NULL. */
void *exports_own_function(const char *name);

#endif
