/* resource.h - what all spans of a process have in common: the OpenTelemetry resource.
 * No pointers, so that it can live in memory that another process reads. */
#ifndef RUN_TRACED_TRACE_RESOURCE_H
#define RUN_TRACED_TRACE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RESOURCE_SERVICE_NAME_LEN_MAX = 256,
    RESOURCE_EXECUTABLE_NAME_LEN_MAX = 256,
    RESOURCE_HOST_NAME_LEN_MAX = 64,
    RESOURCE_ATTRIBUTES_LEN_MAX = 3512,
};

struct resource {
    uint16_t service_name_len;
    uint16_t executable_name_len;
    uint16_t host_name_len;
    uint16_t attributes_len; /* bytes of attributes[] in use */
    char service_name[RESOURCE_SERVICE_NAME_LEN_MAX];
    char executable_name[RESOURCE_EXECUTABLE_NAME_LEN_MAX]; /* of process.executable.name */
    char host_name[RESOURCE_HOST_NAME_LEN_MAX];
    /* Further attributes, each: key length and value length (uint16_t), key, value. No key
     * twice, and none of those that have a field of their own. */
    char attributes[RESOURCE_ATTRIBUTES_LEN_MAX];
};

/* One further attribute; neither part is NUL-terminated. */
struct resource_attribute {
    const char *key;
    const char *value;
    size_t key_len;
    size_t value_len;
};

/* resource_init - finds out about this process: once, from the library's constructor, since
 * programs overwrite their arguments and their environment later. No allocation, errno
 * untouched. service.name is OTEL_SERVICE_NAME, else service.name of OTEL_RESOURCE_ATTRIBUTES,
 * else the name that the program was called by. The other attributes of OTEL_RESOURCE_ATTRIBUTES
 * follow; where that is malformed it is ignored as a whole, and what exceeds
 * RESOURCE_ATTRIBUTES_LEN_MAX is left out. OpenTelemetry, "Resource SDK", section "Specifying
 * resource information via an environment variable". */
void resource_init(void);

/* resource_current - this process's resource; all empty before resource_init(). Hot path. */
const struct resource *resource_current(void);

/* resource_executable_path - *@path becomes that of the process's executable, not NUL-terminated. Returns its length in
 * bytes, 0 if it is not known or before resource_init(). */
size_t resource_executable_path(const char **path);

/* resource_attribute_next - walks over the further attributes. @at: 0 at first, then left alone.
 * Returns false at the end, and where a length would lead out of the resource. Hot path. */
bool resource_attribute_next(const struct resource *resource, size_t *at,
                             struct resource_attribute *out);

#endif
