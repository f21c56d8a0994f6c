/* python_layout.h - where CPython 3.8 to 3.13 have what is needed of a thread's frames. Their layout is the same in all
 * releases of a minor version. */
#ifndef RUN_TRACED_SHIM_PYTHON_LAYOUT_H
#define RUN_TRACED_SHIM_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/* How a code object says which instruction is of which line. */
enum python_lines { PYTHON_LNOTAB, PYTHON_LINETABLE, PYTHON_LOCATIONS };

/* Offsets in bytes; 0: there is none. */
struct python_layout {
    uint8_t minor;
    enum python_lines lines;
    /* PyThreadState: its frame, or what has it (3.11 and 3.12), and where */
    uint16_t thread_frame, thread_cframe, cframe_frame;
    /* PyFrameObject, _PyInterpreterFrame from 3.11 on: lasti is an index of instructions up to 3.10, then a pointer */
    uint16_t frame_code, frame_back, frame_lasti, frame_owner;
    /* PyCodeObject: co_qualname from 3.11 on, co_name before; co_lnotab, co_linetable */
    uint16_t code_filename, code_name, code_firstlineno, code_lines, code_instructions;
    /* PyASCIIObject, PyCompactUnicodeObject: what the text follows */
    uint16_t ascii_size, compact_size, utf8_len, utf8;
};

/* The rest has been the same in all of them. */
enum {
    PYTHON_OBJECT_TYPE = 8,
    PYTHON_VAR_SIZE = 16,   /* of bytes: how many */
    PYTHON_BYTES = 32,      /* where they begin */
    PYTHON_TEXT_LEN = 16,   /* in characters */
    PYTHON_TEXT_STATE = 32, /* bit fields: 2 interned, 3 kind, 1 compact, 1 ascii */
};

/* Of the interpreter: addresses by which objects are known for what they are. */
struct python_interpreter {
    const struct python_layout *layout;
    void *(*this_thread)(void); /* PyGILState_GetThisThreadState */
    int (*is_ending)(void);     /* Py_IsFinalizing: what daemon threads have is given back under their hands */
    const void *code_type, *text_type, *bytes_type;
};

/* python_interpreter_find - the CPython of this process, if there is one whose layout is known for sure. Asks the
 * loader, by name. */
bool python_interpreter_find(struct python_interpreter *out);

#endif
