#include "shim/python_frames.h"

#include "base/compiler.h"
#include "shim/module.h"
#include "shim/python_code.h"
#include "shim/python_plumbing.h"
#include "trace/attribute_block.h"

#include <string.h>

enum { FRAMES_MAX = 64, STACK_FRAMES_MAX = 32, INSTRUCTION_BYTES = 2, CODE_LEN_MAX = 1 << 26 };
enum { FUNCTION_LEN_MAX = 160, FILE_LEN_MAX = 336 };

static struct python_interpreter g_interpreter;
_Atomic bool g_python_frames_are_known;
static _Atomic bool g_is_tried;
static BULKY struct site_cache g_sites;

void python_frames_prepare(void)
{
    if (atomic_load_explicit(&g_is_tried, memory_order_relaxed))
        return;
    for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
        if (!map->l_ld || !module_exports(map, "PyGILState_GetThisThreadState"))
            continue;
        if (atomic_exchange(&g_is_tried, true))
            return;
        if (python_interpreter_find(&g_interpreter))
            atomic_store_explicit(&g_python_frames_are_known, true, memory_order_release);
        return;
    }
}

/* ---- frames ---- */

/* The innermost frame of this thread, or NULL. */
static const void *frame_first(void)
{
    if (LIKELY(!python_frames_are_known()))
        return NULL;
    const struct python_layout *layout = g_interpreter.layout;
    const void *thread = g_interpreter.is_ending() ? NULL : g_interpreter.this_thread();
    if (!thread || !layout->thread_cframe)
        return thread ? python_pointer(thread, layout->thread_frame) : NULL;
    const void *cframe = python_pointer(thread, layout->thread_cframe);
    return cframe ? python_pointer(cframe, layout->cframe_frame) : NULL;
}

/* Asked at each frame: the main thread may begin to end the interpreter while this one, a daemon, is at it. */
static const void *frame_next(const void *frame)
{
    return g_interpreter.is_ending() ? NULL : python_pointer(frame, g_interpreter.layout->frame_back);
}

static ptrdiff_t frame_instruction(const void *frame, const void *code)
{
    const struct python_layout *layout = g_interpreter.layout;
    int index;
    if (layout->code_instructions)
        return (const char *)python_pointer(frame, layout->frame_lasti) -
               ((const char *)code + layout->code_instructions);
    memcpy(&index, (const char *)frame + layout->frame_lasti, sizeof index);
    return layout->lines == PYTHON_LNOTAB ? index : index * INSTRUCTION_BYTES;
}

/* False: it is none of Python code, but stands for a call from C. */
static bool frame_read(const void *frame, struct python_place *out)
{
    enum { OWNED_BY_C_STACK = 3 };
    const struct python_layout *layout = g_interpreter.layout;
    if (layout->frame_owner && ((const char *)frame)[layout->frame_owner] == OWNED_BY_C_STACK)
        return false;
    const void *code = python_pointer(frame, layout->frame_code);
    if (!code || (uintptr_t)code % sizeof code || python_pointer(code, PYTHON_OBJECT_TYPE) != g_interpreter.code_type)
        return false;
    ptrdiff_t at = frame_instruction(frame, code);
    if (at > CODE_LEN_MAX || at < -INSTRUCTION_BYTES)
        return false;
    *out = (struct python_place){&g_interpreter, code, (size_t)MAX(at, 0)};
    return true;
}

/* ---- sites ---- */

/* What another code object would not have all alike, which may come to lie there when this one is gone. */
static struct site_key place_key(const struct python_place *place)
{
    const struct python_layout *layout = g_interpreter.layout;
    int first_line;
    memcpy(&first_line, (const char *)place->code + layout->code_firstlineno, sizeof first_line);
    return (struct site_key){{(uintptr_t)place->code, place->at,
                              (uintptr_t)python_pointer(place->code, layout->code_filename),
                              (uintptr_t)python_pointer(place->code, layout->code_name),
                              (uintptr_t)python_pointer(place->code, layout->code_lines), (uintptr_t)first_line}};
}

/* A file's name that was cut would be another one's. */
static void site_fill(struct site *site, const struct python_place *place)
{
    char function_bytes[FUNCTION_LEN_MAX], file_bytes[FILE_LEN_MAX];
    struct text function = text_on(function_bytes, sizeof function_bytes),
                file = text_on(file_bytes, sizeof file_bytes);
    int line = python_place_line(place);
    python_place_function(place, &function);
    python_place_file(place, &file);
    site->kind = python_file_kind(file.bytes, file.len);
    site->block.len = 0;
    if (function.len)
        attribute_block_add_string(&site->block, ATTRIBUTE_CODE_FUNCTION_NAME, function.bytes, function.len);
    if (line && file.len && !file.overflowed &&
        attribute_block_add_string(&site->block, ATTRIBUTE_CODE_FILE_PATH, file.bytes, file.len))
        attribute_block_add_int(&site->block, ATTRIBUTE_CODE_LINE_NUMBER, line);
}

/* @spare: for what there is no room for. */
static const struct site *place_site(const struct python_place *place, struct site *spare)
{
    struct site_key key = place_key(place);
    struct site *site = site_find(&g_sites, &key);
    if (LIKELY(site && site_is_ready(site)))
        return site;
    site_fill(site ? site : spare, place);
    if (site)
        site_publish(site, &key);
    return site ? site : spare;
}

bool python_frames_describe(struct span *span)
{
    const void *frame = frame_first();
    const struct site *found = NULL;
    struct site spares[2];
    for (int i = 0; frame && i < FRAMES_MAX; i++, frame = frame_next(frame)) {
        struct python_place place;
        if (!frame_read(frame, &place))
            continue;
        const struct site *site = place_site(&place, &spares[found == &spares[0]]);
        if (site->kind != SITE_LOOP || !found)
            found = site;
        if (site->kind != SITE_PLUMBING)
            break;
    }
    if (found)
        span_add_attributes(span, &found->block);
    return found != NULL;
}

static void place_append(const struct python_place *place, struct text *text)
{
    size_t len = text->len;
    if (len)
        text_append_char(text, '\n');
    text_append_string(text, "at ");
    python_place_function(place, text);
    text_append_string(text, " (");
    python_place_file(place, text);
    text_append_char(text, ':');
    text_append_decimal(text, python_place_line(place));
    text_append_char(text, ')');
    if (text->overflowed)
        text->len = len;
}

void python_frames_stack(struct text *text)
{
    const void *frame = frame_first();
    for (int i = 0; frame && i < STACK_FRAMES_MAX && !text->overflowed; i++, frame = frame_next(frame)) {
        struct python_place place;
        if (frame_read(frame, &place))
            place_append(&place, text);
    }
}

void python_frames_visit(bool (*visit)(const struct text *file, const struct text *function, void *argument), void *argument)
{
    const void *frame = frame_first();
    bool is_wanted = true;
    for (int i = 0; frame && is_wanted && i < STACK_FRAMES_MAX; i++, frame = frame_next(frame)) {
        char function_bytes[FUNCTION_LEN_MAX], file_bytes[FILE_LEN_MAX];
        struct text function = text_on(function_bytes, sizeof function_bytes),
                    file = text_on(file_bytes, sizeof file_bytes);
        struct python_place place;
        if (!frame_read(frame, &place))
            continue;
        python_place_function(&place, &function);
        python_place_file(&place, &file);
        is_wanted = visit(&file, &function, argument);
    }
}

const void *python_frames_here(void)
{
    return frame_first();
}

bool python_frames_above(const void *base, struct text *function)
{
    struct python_place place;
    bool is_any = false;
    const void *frame = frame_first();
    for (int i = 0; frame && frame != base && i < FRAMES_MAX; i++, frame = frame_next(frame))
        is_any = frame_read(frame, &place) || is_any;
    if (!is_any || frame != base)
        return false;
    python_place_function(&place, function);
    return true;
}
