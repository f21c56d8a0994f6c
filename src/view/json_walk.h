/* json_walk.h - the members of an object and the elements of an array, where they lie in a line: no tree, no memory.
 * For lines that a reader has taken for JSON already (span_decode): what is no JSON ends the walk early, and never
 * leads past the NUL. */
#ifndef RUN_TRACED_VIEW_JSON_WALK_H
#define RUN_TRACED_VIEW_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

/* As it stands in the line: of a string what is between the quotes, with its escapes; of an object with its braces. */
struct json_piece {
    enum json_type type;
    const char *text;
    size_t len;
};

struct json_walk {
    const char *at;
};

/* json_walk_into - before the first member or element of the object or array that @text begins with. */
struct json_walk json_walk_into(const char *text);

/* json_walk_member - the next member of an object. Returns false where there is none. */
bool json_walk_member(struct json_walk *walk, struct json_piece *key, struct json_piece *value);

/* json_walk_element - the next element of an array. */
bool json_walk_element(struct json_walk *walk, struct json_piece *value);

/* json_piece_is - whether a string without escapes in it is @word. */
bool json_piece_is(const struct json_piece *piece, const char *word);

/* json_piece_decode - a string without its escapes, in @out (@piece->len bytes are enough); a NUL becomes U+FFFD.
 * Returns its length; it is not terminated. */
size_t json_piece_decode(const struct json_piece *piece, char *out);

#endif
