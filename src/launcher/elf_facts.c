#include "launcher/elf_facts.h"

#include "base/compiler.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Phdr) elf_segment;

/* Bounds on the work that a file can make us do. */
enum {
    SEGMENTS_MAX = 256,
    SECTIONS_MAX = 1024,
    DYNAMIC_ENTRIES_MAX = 1024,
    NOTES_LEN_MAX = 4096,
    SECTION_NAME_LEN = 16,
};

/* What the segments say together. */
struct segments {
    bool has_load;
    bool has_interpreter; /* a dynamic loader starts it */
    bool has_soname;      /* a library; where it can be run all the same, the loader itself */
};

static bool read_at(int fd, uint64_t offset, void *buf, size_t len)
{
    if (offset > INT64_MAX - len)
        return false;
    return pread(fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* The loader that runs us can run what has the same identification. */
static bool header_is_native(const elf_header *header)
{
    static elf_header own;
    if (!own.e_machine) {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        bool is_read = fd >= 0 && read_at(fd, 0, &own, sizeof own);
        if (fd >= 0)
            close(fd);
        if (!is_read)
            return true; /* claim nothing */
    }
    return header->e_machine == own.e_machine &&
           header->e_ident[EI_CLASS] == own.e_ident[EI_CLASS] &&
           header->e_ident[EI_DATA] == own.e_ident[EI_DATA];
}

static void facts_read_identity(const elf_header *header, struct elf_facts *facts)
{
    facts->is_elf = true;
    facts->word_bits = header->e_ident[EI_CLASS] == ELFCLASS64   ? 64
                       : header->e_ident[EI_CLASS] == ELFCLASS32 ? 32
                                                                 : 0;
    facts->machine = header->e_machine;
    if (header->e_ident[EI_DATA] != (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB))
        facts->machine = (uint16_t)(facts->machine << 8 | facts->machine >> 8);
    facts->is_foreign = !header_is_native(header);
}

static void facts_read_interpreter(int fd, const elf_segment *segment, struct elf_facts *facts)
{
    size_t len = segment->p_filesz;
    if (len == 0 || len > sizeof facts->interpreter ||
        !read_at(fd, segment->p_offset, facts->interpreter, len))
        len = 1;
    facts->interpreter[len - 1] = 0;
}

static bool dynamic_has_soname(int fd, const elf_segment *segment)
{
    ElfW(Dyn) entry = {.d_tag = DT_NULL + 1};
    size_t count = MIN(segment->p_filesz / sizeof entry, (size_t)DYNAMIC_ENTRIES_MAX);
    for (size_t i = 0; i < count && entry.d_tag != DT_NULL; i++) {
        if (!read_at(fd, segment->p_offset + i * sizeof entry, &entry, sizeof entry))
            return false;
        if (entry.d_tag == DT_SONAME)
            return true;
    }
    return false;
}

static size_t note_align(size_t len)
{
    return (len + 3) & ~(size_t)3;
}

/* Notes follow each other: a header, a name and a description, each padded to four bytes. */
static bool notes_name_go(const char *notes, size_t len)
{
    while (len >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        memcpy(&note, notes, sizeof note);
        notes += sizeof note;
        len -= sizeof note;
        size_t name_len = note_align(note.n_namesz);
        if (name_len > len)
            return false;
        if (note.n_namesz == 4 && memcmp(notes, "Go\0", 4) == 0)
            return true;
        size_t both_len = name_len + note_align(note.n_descsz);
        if (both_len > len)
            return false;
        notes += both_len;
        len -= both_len;
    }
    return false;
}

static void facts_read_notes(int fd, const elf_segment *segment, struct elf_facts *facts)
{
    char notes[NOTES_LEN_MAX];
    size_t len = MIN(segment->p_filesz, sizeof notes);
    if (read_at(fd, segment->p_offset, notes, len) && notes_name_go(notes, len))
        facts->is_go = true;
}

static void facts_read_segment(int fd, const elf_segment *segment, struct segments *segments,
                               struct elf_facts *facts)
{
    switch (segment->p_type) {
    case PT_LOAD:
        segments->has_load = true;
        break;
    case PT_INTERP:
        segments->has_interpreter = true;
        facts_read_interpreter(fd, segment, facts);
        break;
    case PT_DYNAMIC:
        segments->has_soname |= dynamic_has_soname(fd, segment);
        break;
    case PT_NOTE:
        facts_read_notes(fd, segment, facts);
        break;
    }
}

static void facts_read_segments(int fd, const elf_header *header, struct elf_facts *facts)
{
    struct segments segments = {.has_load = false};
    if (header->e_phentsize != sizeof(elf_segment) || header->e_phnum > SEGMENTS_MAX)
        return;
    for (size_t i = 0; i < header->e_phnum; i++) {
        elf_segment segment;
        if (!read_at(fd, header->e_phoff + i * sizeof segment, &segment, sizeof segment))
            return;
        facts_read_segment(fd, &segment, &segments, facts);
    }
    facts->is_static = segments.has_load && !segments.has_interpreter && !segments.has_soname;
}

/* Go's linker leaves a section of this name even where the build id has been left out. */
static void facts_read_sections(int fd, const elf_header *header, struct elf_facts *facts)
{
    static const char go_section[] = ".go.buildinfo";
    ElfW(Shdr) names, section;
    char name[SECTION_NAME_LEN];
    if (header->e_shentsize != sizeof section || header->e_shstrndx >= header->e_shnum ||
        !read_at(fd, header->e_shoff + header->e_shstrndx * sizeof names, &names, sizeof names))
        return;
    for (size_t i = 0; i < MIN(header->e_shnum, (size_t)SECTIONS_MAX); i++) {
        if (!read_at(fd, header->e_shoff + i * sizeof section, &section, sizeof section))
            return;
        if (read_at(fd, names.sh_offset + section.sh_name, name, sizeof go_section) &&
            memcmp(name, go_section, sizeof go_section) == 0)
            facts->is_go = true;
    }
}

void elf_facts_read(int fd, struct elf_facts *facts)
{
    elf_header header;
    *facts = (struct elf_facts){.is_elf = false};
    if (!read_at(fd, 0, &header, sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return;
    facts_read_identity(&header, facts);
    if (facts->is_foreign)
        return;
    facts_read_segments(fd, &header, facts);
    if (!facts->is_go)
        facts_read_sections(fd, &header, facts);
}
