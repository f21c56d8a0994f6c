/* fastcgi_params.h - the name-value pairs of a PARAMS stream: its content goes in piecemeal, pairs come out. FastCGI
 * Specification 1.0, sections 3.4 and 5.2. */
#ifndef RUN_TRACED_WIRE_FASTCGI_PARAMS_H
#define RUN_TRACED_WIRE_FASTCGI_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FASTCGI_NAME_LEN_MAX = 64, FASTCGI_VALUE_LEN_MAX = 8192 };

/* The value does not lie there in one piece. */
#define FASTCGI_NO_OFFSET UINT64_MAX

struct fastcgi_pair {
    bool is_complete; /* false: all input was consumed */
    const char *name; /* valid until the next call, as the value is */
    size_t name_len;  /* 0: longer than FASTCGI_NAME_LEN_MAX */
    const char *value;
    size_t value_len; /* what there is of it */
    bool is_cut;      /* it is longer than FASTCGI_VALUE_LEN_MAX, and was split */
    uint64_t offset;  /* of value[0] */
};

struct fastcgi_params {
    uint8_t state;
    uint32_t had; /* bytes of the part that is being read */
    uint32_t name_len, value_len;
    uint64_t offset, value_end; /* of the value, as far as it has come */
    uint8_t length[4];
    char name[FASTCGI_NAME_LEN_MAX];
    char value[FASTCGI_VALUE_LEN_MAX]; /* one that is split */
};

/* fastcgi_params_init - ready for the first pair. */
void fastcgi_params_init(struct fastcgi_params *params);

/* fastcgi_params_next - takes content up to the end of the next pair. @offset: of bytes[0]. Returns the count of bytes
 * consumed. Hot path, signal-safe. */
size_t fastcgi_params_next(struct fastcgi_params *params, const char *bytes, size_t len, uint64_t offset,
                           struct fastcgi_pair *pair);

/* fastcgi_params_is_between - no pair has begun that is not complete. */
bool fastcgi_params_is_between(const struct fastcgi_params *params);

#endif
