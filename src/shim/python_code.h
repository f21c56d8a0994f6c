/* python_code.h - what a code object of CPython says of a place in it. Reads memory that the interpreter keeps: the
 * object must be in use. No lock, no call into Python; signal-safe. */
#ifndef RUN_TRACED_SHIM_PYTHON_CODE_H
#define RUN_TRACED_SHIM_PYTHON_CODE_H

#include "base/text.h"
#include "shim/python_layout.h"

struct python_place {
    const struct python_interpreter *interpreter;
    const void *code;
    size_t at; /* the instruction, in bytes behind the first */
};

/* python_pointer - the one at @offset of an object, a thread state or a frame. */
const void *python_pointer(const void *object, size_t offset);

/* python_place_line - 0: none. */
int python_place_line(const struct python_place *place);

/* python_place_file - appends its file, as Python has it, in UTF-8. */
void python_place_file(const struct python_place *place, struct text *text);

/* python_place_function - the same for the function's name, qualified from 3.11 on. */
void python_place_function(const struct python_place *place, struct text *text);

#endif
