#include "shim/stack_record.h"

#include "base/compiler.h"
#include "shim/module.h"
#include "shim/python_frames.h"
#include "shim/unwind.h"
#include "trace/frames.h"

#include <string.h>

/* Ours come first. */
enum { OWN_FRAMES_MAX = 16 };

struct recording {
    struct frames frames;
    const struct link_map *maps[FRAMES_MODULES_MAX]; /* of the modules by number */
};

static int module_number(struct recording *recording, const struct module *module)
{
    for (unsigned i = 0; i < recording->frames.module_count; i++)
        if (recording->maps[i] == module->map)
            return (int)i;
    struct frames_module entry = {.path = module->path, .path_len = strlen(module->path)};
    entry.build_id = module_build_id(module, &entry.build_id_len);
    if (!entry.build_id)
        entry.build_id_len = 0;
    int number = frames_add_module(&recording->frames, &entry);
    if (number >= 0)
        recording->maps[number] = module->map;
    return number;
}

/* A return address is one byte behind the call. False: there is no more room. */
static bool frame_add(struct recording *recording, const void *return_address)
{
    const char *call = (const char *)return_address - 1;
    struct module module;
    if (!module_find(call, &module))
        return frames_add(&recording->frames, -1, (uintptr_t)call);
    if (module_is_self(&module))
        return true;
    int number = module_number(recording, &module);
    return number >= 0 && frames_add(&recording->frames, number, module.offset);
}

static NOINLINE void native_record(struct span *span)
{
    const void *addresses[FRAMES_MAX + OWN_FRAMES_MAX];
    struct recording recording = {.frames.len = 0};
    size_t count = unwind_callers(addresses, ARRAY_LEN(addresses));
    for (size_t i = 0; i < count && frame_add(&recording, addresses[i]); i++)
        ;
    span_set_part(span, SPAN_PART_FRAMES, recording.frames.bytes, recording.frames.len);
}

void stack_record(struct span *span)
{
    char bytes[FRAMES_LEN_MAX];
    struct text text = text_on(bytes, sizeof bytes);
    python_frames_stack(&text);
    if (text.len)
        span_set_string(span, ATTRIBUTE_CODE_STACKTRACE, text.bytes, text.len);
    else
        native_record(span);
}
