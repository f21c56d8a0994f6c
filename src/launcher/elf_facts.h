/* elf_facts.h - what an executable file says of itself, as far as preloading depends on it. */
#ifndef RUN_TRACED_LAUNCHER_ELF_FACTS_H
#define RUN_TRACED_LAUNCHER_ELF_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct elf_facts {
    bool is_elf;
    bool is_foreign;   /* for another machine, word size or byte order; then nothing below is set */
    bool is_static;    /* a program that no dynamic loader starts, and which is not one itself */
    bool is_go;        /* made by the Go compiler */
    uint16_t machine;  /* EM_... */
    uint8_t word_bits; /* 32 or 64; 0: unknown */
    char interpreter[256]; /* the dynamic loader of a dynamic program; empty if too long */
};

/* elf_facts_read - inspects the file behind @fd, which may hold anything and may change meanwhile:
 * every offset and length is checked, nothing is mapped, and the work is bounded.
 * What cannot be read is left false or empty. Allocates nothing. */
void elf_facts_read(int fd, struct elf_facts *facts);

#endif
