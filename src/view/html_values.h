/* html_values.h - each distinct JSON value of a file kept once and numbered: a page's spans refer to them. */
#ifndef RUN_TRACED_VIEW_HTML_VALUES_H
#define RUN_TRACED_VIEW_HTML_VALUES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* All zero: empty. */
struct html_values {
    struct html_value *slots;
    size_t capacity; /* slots; a power of two */
    size_t count;
    char *bytes; /* the values, parted by commas */
    size_t len, room;
};

/* html_values_add - the number of the value whose JSON text is @json, from 0; equal texts have one number. Returns it, or
 * -ENOMEM. */
long html_values_add(struct html_values *values, const char *json, size_t len);

/* html_values_print - writes them as one JSON array. */
void html_values_print(const struct html_values *values, FILE *out);

/* html_values_free - gives back all memory. */
void html_values_free(struct html_values *values);

#endif
