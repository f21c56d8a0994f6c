#include "launcher/call_stack.h"

#include "base/compiler.h"
#include "base/text.h"

#include <string.h>

/* For the line that says how many there are no lines for. */
enum { REST_LINE_LEN_MAX = 24 };

static void place_append(const struct frames_place *frame, const struct call_place *place, struct text *text)
{
    if (place->stack[0]) {
        text_append_utf8(text, place->stack, strlen(place->stack));
        return;
    }
    text_append_string(text, "at ");
    if (place->function[0]) {
        text_append_utf8(text, place->function, strlen(place->function));
        text_append_string(text, " (");
    }
    if (place->line) {
        text_append_utf8(text, place->file, strlen(place->file));
        text_append_char(text, ':');
        text_append_decimal(text, place->line);
    } else if (frame->module) {
        text_append_utf8(text, frame->module->path, frame->module->path_len);
    }
    if (!place->function[0] && !place->line) {
        text_append_string(text, frame->module ? "+" : "");
        text_append_hex_number(text, frame->offset);
    }
    text_append_string(text, place->function[0] ? ")" : "");
}

static void stack_append(struct call_sites *sites, struct frames_reader *reader, struct traced_process *process,
                         struct text *text)
{
    struct frames_place frame;
    int left_out = 0;
    for (int i = 0; i < FRAMES_MAX && frames_next(reader, &frame); i++) {
        struct call_place place = {.function = "", .file = "", .stack = ""};
        size_t len = text->len;
        if (!left_out)
            call_sites_find(sites, &frame, process, &place);
        if (len)
            text_append_char(text, '\n');
        place_append(&frame, &place, text);
        if (!left_out && !text->overflowed)
            continue;
        text->len = len;
        left_out++;
    }
    if (!left_out)
        return;
    text->capacity += REST_LINE_LEN_MAX;
    text_append_string(text, "\n... and ");
    text_append_decimal(text, left_out);
    text_append_string(text, " more");
}

void call_stack_describe(struct call_sites *sites, struct span *span, struct traced_process *process)
{
    char bytes[FRAMES_LEN_MAX], out[SPAN_BYTES_LEN];
    size_t len;
    const char *frames = span_part(span, SPAN_PART_FRAMES, &len);
    if (!frames)
        return;
    struct frames_reader reader;
    len = MIN(len, sizeof bytes);
    memcpy(bytes, frames, len);
    frames_read(&reader, bytes, len);
    span_remove_part(span, SPAN_PART_FRAMES);
    size_t room = span_room(span);
    if (room < 2 * REST_LINE_LEN_MAX)
        return;
    struct text text = text_on(out, room - REST_LINE_LEN_MAX);
    stack_append(sites, &reader, process, &text);
    if (text.len)
        span_set_string(span, ATTRIBUTE_CODE_STACKTRACE, text.bytes, text.len);
}
