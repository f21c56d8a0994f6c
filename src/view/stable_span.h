/* stable_span.h - a span's line without what differs from run to run though nothing else does. */
#ifndef RUN_TRACED_VIEW_STABLE_SPAN_H
#define RUN_TRACED_VIEW_STABLE_SPAN_H

#include <stddef.h>

/* A line in parts, in one piece of memory that begins at @body. */
struct stable_span {
    char *body;  /* all members but ids and links, from "name" to the closing brace, ended by NUL:
                    {"name":...,"resource":{...}} */
    char *links; /* the array as it was; NULL: there is none */
};

/* stable_span_make - @line: of a span, @len bytes and a NUL. Members of attributes and of the resource are sorted by
 * name; times become 0, texts as stable_text_append has it, and ids of processes and threads, addresses of hosts, and
 * ports that the kernel chose what REPRODUCIBLE.md says. Returns 0 or -ENOMEM; @out->body is to be given to free(3). */
int stable_span_make(const char *line, size_t len, struct stable_span *out);

#endif
