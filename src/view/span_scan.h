/* span_scan.h - a span line read where it lies: no tree, no copy, no memory. */
#ifndef RUN_TRACED_VIEW_SPAN_SCAN_H
#define RUN_TRACED_VIEW_SPAN_SCAN_H

#include "view/span_fields.h"

/* span_scan - finds the fields of a line of @len bytes without a NUL, with a NUL behind it, if it is a JSON object as we and
 * most others write it. Returns false if anything about it is unusual (a field twice, an escape in a field that matters, \u, an
 * exponent, deep nesting) or wrong: a JSON library is to judge it then. Values point into @line. */
bool span_scan(const char *line, size_t len, struct span_fields *fields);

#endif
