#include "launcher/diagnosis.h"

#include "launcher/elf_facts.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)

enum { SEGMENT_COUNT = 3 };

/* A small program file that has everything we look at. */
struct image {
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[SEGMENT_COUNT];
    ElfW(Shdr) sections[2];
    char interpreter[32];
    ElfW(Nhdr) note;
    char note_name[4], note_description[4];
    char section_names[32];
};

static uint16_t native_machine(void)
{
    ElfW(Ehdr) header;
    int fd = open("/proc/self/exe", O_RDONLY);
    cr_assert_eq(read(fd, &header, sizeof header), (ssize_t)sizeof header);
    close(fd);
    return header.e_machine;
}

static struct image image_make(const char *interpreter, const char *note_name, const char *section)
{
    struct image image = {.header = {.e_type = ET_DYN, .e_phnum = SEGMENT_COUNT, .e_shnum = 2}};
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = NATIVE_CLASS;
    image.header.e_ident[EI_DATA] = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
    image.header.e_machine = native_machine();
    image.header.e_phentsize = sizeof(ElfW(Phdr));
    image.header.e_shentsize = sizeof(ElfW(Shdr));
    image.header.e_phoff = offsetof(struct image, segments);
    image.header.e_shoff = offsetof(struct image, sections);
    image.segments[0].p_type = PT_LOAD;
    image.segments[1].p_type = interpreter ? PT_INTERP : PT_NULL;
    image.segments[1].p_offset = offsetof(struct image, interpreter);
    image.segments[1].p_filesz = interpreter ? strlen(interpreter) + 1 : 0;
    image.segments[2].p_type = PT_NOTE;
    image.segments[2].p_offset = offsetof(struct image, note);
    image.segments[2].p_filesz = sizeof image.note + 8;
    image.note = (ElfW(Nhdr)){.n_namesz = 4, .n_descsz = 4, .n_type = 4};
    snprintf(image.interpreter, sizeof image.interpreter, "%s", interpreter ? interpreter : "");
    memcpy(image.note_name, note_name, strnlen(note_name, sizeof image.note_name));
    image.sections[0].sh_offset = offsetof(struct image, section_names);
    image.sections[1].sh_name = 1;
    snprintf(image.section_names + 1, sizeof image.section_names - 1, "%s", section);
    return image;
}

static int file_of(const void *bytes, size_t len)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    return fd;
}

static struct elf_facts facts_of(const void *bytes, size_t len)
{
    struct elf_facts facts;
    int fd = file_of(bytes, len);
    elf_facts_read(fd, &facts);
    close(fd);
    return facts;
}

Test(elf_facts, tell_static_from_dynamic)
{
    struct image image = image_make("/lib/ld.so", "GNU", ".text");
    struct elf_facts facts = facts_of(&image, sizeof image);
    cr_expect(facts.is_elf && !facts.is_static && !facts.is_go && !facts.is_foreign);
    cr_expect_str_eq(facts.interpreter, "/lib/ld.so");
    image = image_make(NULL, "GNU", ".text");
    cr_expect(facts_of(&image, sizeof image).is_static);
}

Test(elf_facts, know_go_by_note_and_by_section)
{
    struct image image = image_make(NULL, "Go", ".text");
    cr_expect(facts_of(&image, sizeof image).is_go);
    image = image_make(NULL, "GNU", ".go.buildinfo");
    cr_expect(facts_of(&image, sizeof image).is_go);
    image = image_make(NULL, "GNU", ".go.buildinfoX");
    cr_expect_not(facts_of(&image, sizeof image).is_go);
}

Test(elf_facts, know_other_machines)
{
    struct image image = image_make(NULL, "GNU", ".text");
    image.header.e_machine = EM_68K;
    cr_expect(facts_of(&image, sizeof image).is_foreign);
    image = image_make(NULL, "GNU", ".text");
    image.header.e_ident[EI_CLASS] = ELFCLASS32;
    struct elf_facts facts = facts_of(&image, sizeof image);
    cr_expect(facts.is_foreign && facts.word_bits == 32 && !facts.is_static);
    image = image_make(NULL, "GNU", ".text");
    image.header.e_ident[EI_DATA] ^= ELFDATA2LSB ^ ELFDATA2MSB;
    cr_expect(facts_of(&image, sizeof image).is_foreign);
}

/* A cut file may hide facts, but invents none: what lacks its loader's name is not called static.
 */
Test(elf_facts, every_truncation_is_safe)
{
    struct image image = image_make("/lib/ld.so", "Go", ".go.buildinfo");
    for (size_t len = 0; len < sizeof image; len++) {
        struct elf_facts facts = facts_of(&image, len);
        cr_expect_not(facts.is_static, "%zu bytes", len);
        cr_expect(!facts.interpreter[0] || strcmp(facts.interpreter, "/lib/ld.so") == 0);
    }
}

Test(elf_facts, every_corrupted_byte_is_safe)
{
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct image good = image_make("/lib/ld.so", "Go", ".go.buildinfo");
    for (size_t at = 0; at < sizeof good; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            struct image image = good;
            ((unsigned char *)&image)[at] = values[i];
            struct elf_facts facts = facts_of(&image, sizeof image);
            cr_expect(memchr(facts.interpreter, 0, sizeof facts.interpreter));
        }
}

Test(elf_facts, random_files_are_safe)
{
    struct image image;
    srandom(1);
    for (int round = 0; round < 2000; round++) {
        image = image_make("/lib/ld.so", "Go", ".go.buildinfo");
        for (int i = 0; i < 20; i++)
            ((unsigned char *)&image)[(size_t)random() % sizeof image] = (unsigned char)random();
        facts_of(&image, sizeof image);
    }
}

Test(diagnosis, finds_a_scripts_interpreter)
{
    static const struct {
        const char *head, *interpreter;
    } cases[] = {
        {"#!/bin/sh\n", "/bin/sh"},
        {"#! \t/bin/sh -e\nrest", "/bin/sh"},
        {"#!/bin/sh", "/bin/sh"},
        {"#!/usr/bin/env python3\n", "python3"},
        {"#!/usr/bin/env -S A=b python3 -u\n", "python3"},
        {"#!/usr/bin/env\n", NULL},
        {"#!\n", NULL},
        {"#!", NULL},
        {"#", NULL},
        {"", NULL},
        {"\177ELF", NULL},
        {"echo", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char found[64];
        bool is_script =
            diagnosis_script_interpreter(cases[i].head, strlen(cases[i].head), found, sizeof found);
        cr_expect_eq(is_script, cases[i].interpreter != NULL, "%s", cases[i].head);
        if (is_script && cases[i].interpreter)
            cr_expect_str_eq(found, cases[i].interpreter, "%s", cases[i].head);
    }
}

/* Compiles a program that does nothing, in a new directory. Returns its path. */
static const char *compile(const char *flags)
{
    static char directory[32], path[64];
    char line[256];
    strcpy(directory, "/tmp/test_diagnosis_XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/program", directory);
    snprintf(line, sizeof line, "echo 'int main(void){return 0;}' | gcc %s -x c - -o %s", flags,
             path);
    cr_assert_eq(system(line), 0);
    return path;
}

static struct diagnosis diagnosis_of(const char *path)
{
    struct diagnosis diagnosis;
    diagnosis_make(path, "./program", &diagnosis);
    return diagnosis;
}

Test(diagnosis, of_real_programs)
{
    cr_expect_eq(diagnosis_of(compile("-pie -fPIE")).kind, DIAGNOSIS_NONE);
    cr_expect_eq(diagnosis_of(compile("-no-pie")).kind, DIAGNOSIS_NONE);
    cr_expect_eq(diagnosis_of(compile("-static-pie -fPIE")).kind, DIAGNOSIS_STATIC);
    struct diagnosis diagnosis = diagnosis_of(compile("-static"));
    cr_expect_eq(diagnosis.kind, DIAGNOSIS_STATIC);
    cr_expect_not(diagnosis.is_preload_harmful);
    cr_expect_str_eq(diagnosis.reason, "./program is statically linked: its calls cannot be seen;"
                                       " it runs untraced");
}

Test(diagnosis, of_another_libc)
{
    struct diagnosis diagnosis =
        diagnosis_of(compile("-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"));
    cr_expect_eq(diagnosis.kind, DIAGNOSIS_OTHER_LIBC);
    cr_expect(diagnosis.is_preload_harmful);
}

Test(diagnosis, of_other_privileges)
{
    if (getuid() != 0)
        cr_skip("needs root");
    const char *path = compile("");
    cr_assert_eq(chmod(path, 04755), 0);
    cr_expect_eq(diagnosis_of(path).kind, DIAGNOSIS_NONE, "root's own setuid changes nothing");
    cr_assert_eq(chown(path, 65534, 65534), 0);
    cr_assert_eq(chmod(path, 04755), 0);
    cr_expect_eq(diagnosis_of(path).kind, DIAGNOSIS_PRIVILEGED);
    cr_assert_eq(chmod(path, 02755), 0);
    cr_expect_eq(diagnosis_of(path).kind, DIAGNOSIS_PRIVILEGED);
    cr_assert_eq(chmod(path, 02745), 0);
    cr_expect_eq(diagnosis_of(path).kind, DIAGNOSIS_NONE,
                 "without group execution it is no setgid");
}

Test(diagnosis, of_what_cannot_be_read)
{
    static const char *const paths[] = {"/nonexistent", "/", "/dev/null", "/proc/self/mem", ""};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        cr_expect_eq(diagnosis_of(paths[i]).kind, DIAGNOSIS_NONE, "%s", paths[i]);
}

Test(diagnosis, of_the_dynamic_loader_itself)
{
    char interpreter[256] = "";
    struct elf_facts facts;
    int fd = open("/bin/true", O_RDONLY);
    elf_facts_read(fd, &facts);
    close(fd);
    snprintf(interpreter, sizeof interpreter, "%s", facts.interpreter);
    cr_expect_eq(diagnosis_of(interpreter).kind, DIAGNOSIS_NONE, "%s", interpreter);
}
