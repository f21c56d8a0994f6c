/* source_place.h - what debug information says of an address in a file: the function, its file and the line. */
#ifndef RUN_TRACED_LAUNCHER_SOURCE_PLACE_H
#define RUN_TRACED_LAUNCHER_SOURCE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Empty strings, and 0: not known. */
struct source_place {
    /* the innermost, inlined or not, that is no plumbing, qualified by its scopes; else the symbol and "+0x..." */
    char function[256];
    char symbol[256];   /* the ELF symbol that covers the address */
    char file[512];     /* absolute, as the compiler was told */
    /* by debug information: the innermost function and those that it is inlined in, "at function (file:line)" each,
     * a line for each that there is room for */
    char stack[1024];
    int32_t line;
    bool is_exact;     /* function is by debug information */
    bool is_demangled; /* it is the symbol's, as the source has it */
};

struct source_file;

/* source_file_open - reads the ELF file behind @fd, which becomes its own, and what separate debug file it has. @path:
 * where that is. NULL: it is none, or there is no libdw. Takes its time. One thread, with everything here. */
struct source_file *source_file_open(int fd, const char *path);

/* source_file_has_build_id - the linker has given it this one. */
bool source_file_has_build_id(struct source_file *file, const uint8_t *id, size_t len);

/* source_file_find - what is at @offset, an address as the file has it. */
void source_file_find(struct source_file *file, uint64_t offset, struct source_place *out);

/* source_file_close - NULL is fine. */
void source_file_close(struct source_file *file);

#endif
