#include "shim/python_code.h"

#include "base/compiler.h"
#include "base/utf8.h"
#include "shim/python_lines.h"

#include <string.h>

const void *python_pointer(const void *object, size_t offset)
{
    const void *pointer;
    memcpy(&pointer, (const char *)object + offset, sizeof pointer);
    return pointer;
}

static size_t size_at(const void *object, size_t offset)
{
    return (size_t)python_pointer(object, offset);
}

static int number_at(const void *object, size_t offset)
{
    int number;
    memcpy(&number, (const char *)object + offset, sizeof number);
    return number;
}

static bool is_of_type(const void *object, const void *type)
{
    return object && (uintptr_t)object % sizeof(void *) == 0 && python_pointer(object, PYTHON_OBJECT_TYPE) == type;
}

int python_place_line(const struct python_place *place)
{
    const struct python_layout *layout = place->interpreter->layout;
    const void *lines = python_pointer(place->code, layout->code_lines);
    int first_line = number_at(place->code, layout->code_firstlineno);
    if (!is_of_type(lines, place->interpreter->bytes_type))
        return 0;
    int line = python_line(layout->lines, (const unsigned char *)lines + PYTHON_BYTES, size_at(lines, PYTHON_VAR_SIZE),
                           first_line, place->at);
    return MAX(line, 0);
}

/* A surrogate stands for a byte of a file's name that is no text. */
static void code_point_append(struct text *text, uint32_t c)
{
    char bytes[4] = {(char)c};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        text_append_string(text, UTF8_REPLACEMENT);
        return;
    }
    for (size_t i = len; len > 1 && --i > 0; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    if (len > 1)
        bytes[0] = (char)((0xf00 >> len) | c);
    text_append(text, bytes, len);
}

static void text_decode(struct text *text, const char *from, size_t count, unsigned width)
{
    for (size_t i = 0; i < count && !text->overflowed; i++) {
        uint32_t c = 0;
        memcpy(&c, from + i * width, width); /* little-endian, as all machines that we know */
        code_point_append(text, c);
    }
}

static void string_append(const struct python_place *place, const void *string, struct text *text)
{
    const struct python_layout *layout = place->interpreter->layout;
    if (!is_of_type(string, place->interpreter->text_type))
        return;
    unsigned state = (unsigned)number_at(string, PYTHON_TEXT_STATE);
    unsigned width = state >> 2 & 7;
    bool is_compact = state >> 5 & 1, is_ascii = state >> 6 & 1;
    size_t count = size_at(string, PYTHON_TEXT_LEN);
    if (is_compact && is_ascii)
        text_append(text, (const char *)string + layout->ascii_size, count);
    else if (is_compact && (width == 1 || width == 2 || width == 4))
        text_decode(text, (const char *)string + layout->compact_size, count, width);
}

void python_place_file(const struct python_place *place, struct text *text)
{
    string_append(place, python_pointer(place->code, place->interpreter->layout->code_filename), text);
}

void python_place_function(const struct python_place *place, struct text *text)
{
    string_append(place, python_pointer(place->code, place->interpreter->layout->code_name), text);
}
