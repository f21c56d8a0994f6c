#include "trace/frames.h"

#include <string.h>

enum { TAG_MODULE = 'm', TAG_FRAME = 'f', NO_MODULE = 0xff };

/* Before the build id and the path; before nothing. */
struct module_entry {
    uint8_t tag, build_id_len;
    uint16_t path_len;
};

static bool append(struct frames *frames, const void *bytes, size_t len)
{
    if (len > sizeof frames->bytes - frames->len)
        return false;
    if (len)
        memcpy(frames->bytes + frames->len, bytes, len);
    frames->len += len;
    return true;
}

int frames_add_module(struct frames *frames, const struct frames_module *module)
{
    struct module_entry entry = {TAG_MODULE, (uint8_t)module->build_id_len, (uint16_t)module->path_len};
    size_t before = frames->len;
    if (frames->module_count < FRAMES_MODULES_MAX && module->build_id_len <= UINT8_MAX &&
        module->path_len <= UINT16_MAX && append(frames, &entry, sizeof entry) &&
        append(frames, module->build_id, module->build_id_len) && append(frames, module->path, module->path_len))
        return (int)frames->module_count++;
    frames->len = before;
    return -1;
}

bool frames_add(struct frames *frames, int number, uint64_t offset)
{
    uint8_t head[2] = {TAG_FRAME, number < 0 ? NO_MODULE : (uint8_t)number};
    if (sizeof head + sizeof offset > sizeof frames->bytes - frames->len)
        return false;
    return append(frames, head, sizeof head) && append(frames, &offset, sizeof offset);
}

void frames_read(struct frames_reader *reader, const char *bytes, size_t len)
{
    *reader = (struct frames_reader){.at = bytes, .end = bytes + len};
}

/* @len bytes, or NULL if there are less. */
static const char *take(struct frames_reader *reader, size_t len)
{
    const char *taken = reader->at;
    if (len > (size_t)(reader->end - taken))
        return NULL;
    reader->at += len;
    return taken;
}

static bool module_next(struct frames_reader *reader)
{
    struct module_entry entry;
    const char *bytes = take(reader, sizeof entry);
    if (!bytes || reader->module_count == FRAMES_MODULES_MAX)
        return false;
    memcpy(&entry, bytes, sizeof entry);
    const char *build_id = take(reader, entry.build_id_len), *path = build_id ? take(reader, entry.path_len) : NULL;
    if (!path)
        return false;
    reader->modules[reader->module_count++] =
        (struct frames_module){path, (const unsigned char *)build_id, entry.path_len, entry.build_id_len};
    return true;
}

bool frames_next(struct frames_reader *reader, struct frames_place *out)
{
    while (reader->at < reader->end && *reader->at == TAG_MODULE)
        if (!module_next(reader))
            return false;
    const char *head = take(reader, 2), *offset = head ? take(reader, sizeof out->offset) : NULL;
    if (!offset || head[0] != TAG_FRAME)
        return false;
    uint8_t number = (uint8_t)head[1];
    if (number != NO_MODULE && number >= reader->module_count)
        return false;
    out->module = number == NO_MODULE ? NULL : &reader->modules[number];
    memcpy(&out->offset, offset, sizeof out->offset);
    return true;
}
