/* frames.h - return addresses as they lie in a span record (SPAN_PART_FRAMES): an entry for each module, before the
 * first frame in it, and one for each frame, the innermost first. */
#ifndef RUN_TRACED_TRACE_FRAMES_H
#define RUN_TRACED_TRACE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMES_MAX = 32, FRAMES_MODULES_MAX = 16, FRAMES_LEN_MAX = 960 };

/* Pointers into somebody else's memory. */
struct frames_module {
    const char *path;
    const unsigned char *build_id; /* build_id_len bytes; 0: it has none */
    size_t path_len, build_id_len;
};

struct frames {
    size_t len; /* bytes in use */
    unsigned module_count;
    char bytes[FRAMES_LEN_MAX];
};

/* What frames_next() gives. */
struct frames_place {
    const struct frames_module *module; /* NULL: code that lies in none; valid as long as the reader */
    uint64_t offset;                    /* within the call, as the module's file has it; without a module, in memory */
};

struct frames_reader {
    const char *at, *end;
    unsigned module_count;
    struct frames_module modules[FRAMES_MODULES_MAX];
};

/* frames_add_module - its number; -1: there is no room. Hot path, signal-safe. */
int frames_add_module(struct frames *frames, const struct frames_module *module);

/* frames_add - a frame in module @number, or, if that is negative, in none. False: there is no room. Hot path,
 * signal-safe. */
bool frames_add(struct frames *frames, int number, uint64_t offset);

/* frames_read - begins to read @len bytes, whatever they are. */
void frames_read(struct frames_reader *reader, const char *bytes, size_t len);

/* frames_next - the next frame. False at the end, or where the bytes are no frames. */
bool frames_next(struct frames_reader *reader, struct frames_place *out);

#endif
