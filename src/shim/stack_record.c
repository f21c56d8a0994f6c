#include "shim/stack_record.h"

#include "base/compiler.h"
#include "shim/module.h"
#include "shim/python_frames.h"
#include "shim/unwind.h"
#include "trace/frames.h"

#include <string.h>

/* And ours, which come first. */
enum { WALKED_MAX = FRAMES_MAX + 16 };

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

/* False: there is no more room. */
static bool frame_add(struct recording *recording, const char *call)
{
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
    struct recording recording = {.frames.len = 0};
    struct unwind_frame frame;
    unwind_begin(&frame);
    for (int i = 0; i < WALKED_MAX && frame_add(&recording, unwind_call(&frame)) && unwind_next(&frame); i++)
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
