/* module_file.h - the file that a traced process has loaded code from: is what is at its path now still that? */
#ifndef RUN_TRACED_LAUNCHER_MODULE_FILE_H
#define RUN_TRACED_LAUNCHER_MODULE_FILE_H

#include "launcher/traced_processes.h"
#include "trace/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { MODULE_PATH_LEN_MAX = 511 };

/* No two files, and no two contents of one, have the same. No padding: compared and hashed as bytes. */
struct module_file {
    /* One with a build id is known by that; what may be found where (the path's hash) decides what is known of it. */
    uint8_t build_id[BUILD_ID_LEN_MAX];
    uint64_t build_id_len; /* 0: none, and what follows counts */
    uint64_t path_hash;
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t changed_unix_nano; /* its contents, its name or its attributes; in this kernel's coarse clock */
};

/* module_file_find - the file at @path, if it is a regular one and must be what @process has loaded. It must not
 * have changed since the process started (if that is not known, since @oldest_boottime_ns, before which none did),
 * and that sees the same files as we do; as long as it is alive, what it has mapped must not have been replaced.
 * False: there is no telling. Opens nothing that opening would do something to. */
bool module_file_find(const char *path, struct traced_process *process, uint64_t oldest_boottime_ns,
                      struct module_file *out);

/* module_file_open - a descriptor to read @path by, if it is a regular file, and @file still unless that is known by
 * a build id, which the caller has to compare; or -1. */
int module_file_open(const char *path, const struct module_file *file);

#endif
