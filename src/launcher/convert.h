/* convert.h - spans of a file in the format of another program. */
#ifndef RUN_TRACED_LAUNCHER_CONVERT_H
#define RUN_TRACED_LAUNCHER_CONVERT_H

#include "view/view_source.h"

/* convert_write - writes the spans to @path ("-": standard output) in the format that its name asks for: "x.otlp.json" one
 * object, "x.otlp.jsonl" one on each line, "x.zipkin.json" one array; any other the lines as they are. Says on stderr what
 * the format has no room for. Returns 0, -EEXIST where something else is there, or another negative errno. */
int convert_write(const struct view_source *source, const char *path);

#endif
