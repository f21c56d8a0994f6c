/* python_lines.h - which line of a Python function an instruction is of. Pure: bytes in, a number out; signal-safe. */
#ifndef RUN_TRACED_SHIM_PYTHON_LINES_H
#define RUN_TRACED_SHIM_PYTHON_LINES_H

#include "shim/python_layout.h"

#include <stddef.h>

/* python_line - of the instruction @at bytes behind the first one, by a table of @len bytes whatever they are; 0: of
 * none. CPython, Objects/lnotab_notes.txt (3.8 to 3.10) and Objects/locations.md. */
int python_line(enum python_lines kind, const unsigned char *table, size_t len, int first_line, size_t at);

#endif
