/* packing.h - MessagePack into bounded text: msgpack-c's packer, and strings that are valid UTF-8. */
#ifndef RUN_TRACED_BACKEND_PACKING_H
#define RUN_TRACED_BACKEND_PACKING_H

#include "base/text.h"
#include "trace/resource.h"
#include "trace/span.h"

#include <msgpack/pack.h>

/* No string is longer: a resource's with each byte as U+FFFD, or an array of a span's as JSON. */
enum { PACKING_STRING_LEN_MAX = MAX(3 * RESOURCE_ATTRIBUTES_LEN_MAX, 6 * SPAN_RECORD_LEN) };

struct packing {
    struct text text;
    msgpack_packer packer; /* into text: this struct stays where it is */
    unsigned count;        /* of the pairs that packing_put_* added */
};

/* packing_init - goes on behind @text; overflow is told of by p->text. */
void packing_init(struct packing *p, const struct text *text);

/* packing_add_string - @string: valid UTF-8, ours; packing_add_text - the same. */
void packing_add_string(struct packing *p, const char *string);
void packing_add_text(struct packing *p, const struct text *text);

/* packing_add_utf8 - any bytes, at most PACKING_STRING_LEN_MAX / 3: what is not valid UTF-8 becomes U+FFFD. */
void packing_add_utf8(struct packing *p, const char *bytes, size_t len);

/* packing_put_* - a pair for a map: a string with a string, or a number. Of a key that comes twice, decoders take the
 * last: what is ours is to come after what is from outside. */
void packing_put_string(struct packing *p, const char *key, const char *value, size_t len);
void packing_put_number(struct packing *p, const char *key, double value);

#endif
