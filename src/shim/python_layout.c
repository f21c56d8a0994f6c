#include "shim/python_layout.h"

#include "base/compiler.h"
#include "shim/real.h"

#include <string.h>

/* By the headers of 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1 and 3.13.0, on a machine of 64 bits. */
static const struct python_layout LAYOUTS[] = {
    {8, PYTHON_LNOTAB, 24, 0, 0, 32, 24, 104, 0, 104, 112, 40, 120, 0, 48, 72, 48, 56},
    {9, PYTHON_LNOTAB, 24, 0, 0, 32, 24, 104, 0, 104, 112, 40, 120, 0, 48, 72, 48, 56},
    {10, PYTHON_LINETABLE, 24, 0, 0, 32, 24, 96, 0, 104, 112, 40, 120, 0, 48, 72, 48, 56},
    {11, PYTHON_LOCATIONS, 0, 56, 8, 32, 48, 56, 69, 112, 128, 72, 136, 184, 48, 72, 48, 56},
    {12, PYTHON_LOCATIONS, 0, 56, 0, 0, 8, 56, 70, 112, 128, 68, 136, 192, 40, 56, 40, 48},
    {13, PYTHON_LOCATIONS, 72, 0, 0, 0, 8, 56, 70, 112, 128, 68, 136, 200, 40, 56, 40, 48},
};

/* The beginning of what _PyRuntime says of itself from 3.13 on, for debuggers. */
struct debug_offsets {
    char cookie[8];
    uint64_t version, free_threaded;
    uint64_t runtime[3], interpreter[13];
    uint64_t thread_size, thread_prev, thread_next, thread_interpreter, thread_frame, thread_rest[4];
    uint64_t frame_size, frame_previous, frame_executable, frame_instruction, frame_locals, frame_owner;
    uint64_t code_size, code_filename, code_name, code_qualname, code_linetable, code_firstlineno, code_argcount,
        code_locals[2], code_instructions;
};

/* "3.11.7 (main, ...": a release or a candidate for one, since before that all may change. */
static int minor_version(const char *version)
{
    if (strncmp(version, "3.", 2) != 0)
        return -1;
    char *end;
    long minor = strtol(version + 2, &end, 10);
    size_t len = strcspn(end, " +");
    return memchr(end, 'a', len) || memchr(end, 'b', len) || minor > INT8_MAX ? -1 : (int)minor;
}

static bool is_confirmed(const struct python_layout *layout, const struct debug_offsets *own)
{
    if (layout->minor < 13)
        return true;
    return own && memcmp(own->cookie, "xdebugpy", sizeof own->cookie) == 0 &&
           own->version >> 16 == (0x0300u | layout->minor) && !own->free_threaded &&
           own->thread_frame == layout->thread_frame && own->frame_previous == layout->frame_back &&
           own->frame_executable == layout->frame_code && own->frame_instruction == layout->frame_lasti &&
           own->frame_owner == layout->frame_owner && own->code_filename == layout->code_filename &&
           own->code_qualname == layout->code_name && own->code_linetable == layout->code_lines &&
           own->code_firstlineno == layout->code_firstlineno && own->code_instructions == layout->code_instructions;
}

static const struct python_layout *layout_find(int minor)
{
    for (size_t i = 0; i < ARRAY_LEN(LAYOUTS); i++)
        if (LAYOUTS[i].minor == minor)
            return &LAYOUTS[i];
    return NULL;
}

bool python_interpreter_find(struct python_interpreter *out)
{
    const char *(*version)(void) = (const char *(*)(void))real_dlsym(RTLD_DEFAULT, "Py_GetVersion");
    const char *type_type = real_dlsym(RTLD_DEFAULT, "PyType_Type");
    const char *code_type = real_dlsym(RTLD_DEFAULT, "PyCode_Type");
    struct python_interpreter found = {
        .layout = version ? layout_find(minor_version(version())) : NULL,
        .this_thread = (void *(*)(void))real_dlsym(RTLD_DEFAULT, "PyGILState_GetThisThreadState"),
        .is_ending = (int (*)(void))real_dlsym(RTLD_DEFAULT, "Py_IsFinalizing"),
        .code_type = code_type,
        .text_type = real_dlsym(RTLD_DEFAULT, "PyUnicode_Type"),
        .bytes_type = real_dlsym(RTLD_DEFAULT, "PyBytes_Type"),
    };
    if (!found.is_ending) /* up to 3.12 */
        found.is_ending = (int (*)(void))real_dlsym(RTLD_DEFAULT, "_Py_IsFinalizing");
    if (!found.layout || !found.this_thread || !found.is_ending || !type_type || !code_type || !found.text_type ||
        !found.bytes_type || !is_confirmed(found.layout, real_dlsym(RTLD_DEFAULT, "_PyRuntime")))
        return false;
    /* Builds for debugging Python itself may have more at the beginning of each object. */
    const char *type;
    memcpy(&type, code_type + PYTHON_OBJECT_TYPE, sizeof type);
    if (type != type_type)
        return false;
    *out = found;
    return true;
}
