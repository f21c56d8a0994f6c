/* unwind_reader.h - reading .eh_frame: numbers of all kinds, never past an end. Signal-safe. */
#ifndef RUN_TRACED_SHIM_UNWIND_READER_H
#define RUN_TRACED_SHIM_UNWIND_READER_H

#include "shim/module.h"

#include <stddef.h>
#include <stdint.h>

struct unwind_reader {
    const uint8_t *at, *end;
    bool is_bad; /* there was less than was asked for, or what is not understood; everything is 0 from then on */
};

/* unwind_read_number - @len bytes, 1, 2, 4 or 8, in this machine's order. */
uint64_t unwind_read_number(struct unwind_reader *reader, size_t len);

/* unwind_read_uleb, unwind_read_sleb - a number of variable length (DWARF 5, 7.6). */
uint64_t unwind_read_uleb(struct unwind_reader *reader);
int64_t unwind_read_sleb(struct unwind_reader *reader);

/* unwind_read_part - the next @len bytes, as a reader of their own. */
struct unwind_reader unwind_read_part(struct unwind_reader *reader, uint64_t len);

/* unwind_read_string - up to its NUL. */
const char *unwind_read_string(struct unwind_reader *reader);

/* unwind_read_pointer - one encoded as @encoding (DW_EH_PE_*): absolute, or relative to where it stands. */
uintptr_t unwind_read_pointer(struct unwind_reader *reader, uint8_t encoding);

/* unwind_skip_pointer - one of any encoding. */
void unwind_skip_pointer(struct unwind_reader *reader, uint8_t encoding);

/* unwind_entry_find - by the table of .eh_frame_hdr, the entry that @pc may be in: behind its length. False: there
 * is none. */
bool unwind_entry_find(const struct module *module, uintptr_t pc, struct unwind_reader *out);

#endif
