#include "shim/module.h"

#include <string.h>

/* Notes are padded to 4 bytes each, whatever their segment's alignment says (elf(5), "Notes (Nhdr)"). */
static size_t padded(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

static const unsigned char *note_search(const char *at, const char *end, size_t *len)
{
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
        size_t room = (size_t)(end - at) - sizeof *note;
        if (note->n_namesz > room || note->n_descsz > room || padded(note->n_namesz) + padded(note->n_descsz) > room)
            break;
        const char *name = at + sizeof *note;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
            *len = note->n_descsz;
            return (const unsigned char *)name + padded(note->n_namesz);
        }
        at = name + padded(note->n_namesz) + padded(note->n_descsz);
    }
    return NULL;
}

/* Are these bytes of the object in a segment that can be read? */
static bool is_readable(const struct module *module, const ElfW(Phdr) *segments, size_t count, const ElfW(Phdr) *part)
{
    const char *at = (const char *)module->map->l_addr + part->p_vaddr;
    if (at < module->start || at > module->end || part->p_memsz > (size_t)(module->end - at))
        return false;
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_R && part->p_vaddr >= segments[i].p_vaddr &&
            part->p_vaddr - segments[i].p_vaddr + part->p_memsz <= segments[i].p_filesz)
            return true;
    return false;
}

const unsigned char *module_build_id(const struct module *module, size_t *len)
{
    enum { FIRST_PAGE_LEN = 4096 };
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)module->start;
    if (module->end - module->start < FIRST_PAGE_LEN || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff % 8 || header->e_phoff > FIRST_PAGE_LEN ||
        header->e_phnum > (FIRST_PAGE_LEN - header->e_phoff) / sizeof(ElfW(Phdr)))
        return NULL;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(module->start + header->e_phoff);
    for (size_t i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type != PT_NOTE || !is_readable(module, segments, header->e_phnum, &segments[i]))
            continue;
        const char *notes = (const char *)module->map->l_addr + segments[i].p_vaddr;
        const unsigned char *id = note_search(notes, notes + segments[i].p_memsz, len);
        if (id)
            return id;
    }
    return NULL;
}
