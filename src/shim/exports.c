#include "shim/exports.h"

#include "shim/real.h"

enum { IS_HIDDEN = 0x8000 }; /* in a symbol's version: not what is meant without one */

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

/* The loader has made pointers absolute for most objects, not for all (the vDSO). */
EARLY static const void *pointer_of(uintptr_t base, const ElfW(Dyn) *entry)
{
    uintptr_t pointer = entry->d_un.d_ptr;
    return (const void *)(pointer < base ? pointer + base : pointer);
}

EARLY static bool hash_table_read(const uint32_t *table, struct exports *out)
{
    if (!table || !table[0] || !table[2])
        return false;
    out->bucket_count = table[0];
    out->first = table[1];
    out->filter_len = table[2];
    out->filter_shift = table[3];
    out->filter = (const ElfW(Addr) *)(table + 4);
    out->buckets = (const uint32_t *)(out->filter + out->filter_len);
    out->chain = out->buckets + out->bucket_count;
    return true;
}

EARLY bool exports_of(uintptr_t base, const ElfW(Dyn) *dynamic, struct exports *out)
{
    const uint32_t *table = NULL;
    out->base = base;
    out->symbols = NULL;
    out->names = NULL;
    out->versions = NULL;
    for (const ElfW(Dyn) *entry = dynamic; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_SYMTAB)
            out->symbols = pointer_of(base, entry);
        else if (entry->d_tag == DT_STRTAB)
            out->names = pointer_of(base, entry);
        else if (entry->d_tag == DT_VERSYM)
            out->versions = pointer_of(base, entry);
        else if (entry->d_tag == DT_GNU_HASH)
            table = pointer_of(base, entry);
    }
    return hash_table_read(table, out) && out->symbols && out->names;
}

EARLY bool exports_own(struct exports *out)
{
    return exports_of((uintptr_t)&__ehdr_start, _DYNAMIC, out);
}

EARLY uint32_t exports_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* By hand: a sanitizer's strcmp may not be there yet. */
EARLY static bool is_equal(const char *one, const char *other)
{
    while (*one && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

/* Tells most of what is not there by one word. */
EARLY static bool is_filtered(const struct exports *exports, uint32_t hash)
{
    ElfW(Addr) word = exports->filter[hash / 64 % exports->filter_len];
    return !(word >> hash % 64 & word >> (hash >> exports->filter_shift) % 64 & 1);
}

EARLY static bool is_meant(const struct exports *exports, uint32_t at, const char *name)
{
    const ElfW(Sym) *symbol = &exports->symbols[at];
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_value && visibility != STV_HIDDEN &&
           visibility != STV_INTERNAL && (!exports->versions || !(exports->versions[at] & IS_HIDDEN)) &&
           is_equal(exports->names + symbol->st_name, name);
}

EARLY const ElfW(Sym) *exports_find(const struct exports *exports, const char *name, uint32_t hash, bool *is_several)
{
    const ElfW(Sym) *found = NULL;
    *is_several = false;
    if (is_filtered(exports, hash))
        return NULL;
    uint32_t at = exports->buckets[hash % exports->bucket_count];
    for (bool is_last = at < exports->first; !is_last; at++) {
        uint32_t chained = exports->chain[at - exports->first];
        is_last = chained & 1;
        if ((chained | 1) != (hash | 1) || !is_meant(exports, at, name))
            continue;
        *is_several = found != NULL;
        found = &exports->symbols[at];
    }
    return found;
}

void *exports_own_function(const char *name)
{
    struct exports own;
    bool is_several;
    const ElfW(Sym) *symbol = exports_own(&own) ? exports_find(&own, name, exports_hash(name), &is_several) : NULL;
    return symbol ? (void *)(own.base + symbol->st_value) : NULL;
}
