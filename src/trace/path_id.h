/* path_id.h - which segments of a path are ids, and so no part of a route. */
#ifndef RUN_TRACED_TRACE_PATH_ID_H
#define RUN_TRACED_TRACE_PATH_ID_H

#include <stdbool.h>
#include <stddef.h>

/* path_id_len - how much of the beginning of a path's segment is an id: all of it, all but a file name's extension, or
 * nothing (0). Ids are: digits alone; UUIDs; 16 hex digits or more; ULIDs; opaque tokens (path_id_is_token). Hot path,
 * signal-safe. */
size_t path_id_len(const char *segment, size_t len);

/* path_id_is_token - it looks random: 20 letters, digits, '-', '_', '.', '~', '=' or more with capitals, small letters and
 * digits among them; or 24 with four digits among them and no '-'. */
bool path_id_is_token(const char *bytes, size_t len);

#endif
