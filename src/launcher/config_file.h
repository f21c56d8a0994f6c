/* config_file.h - finding and reading run-traced.conf. */
#ifndef RUN_TRACED_LAUNCHER_CONFIG_FILE_H
#define RUN_TRACED_LAUNCHER_CONFIG_FILE_H

#include <stdio.h>

/* config_file_open - the first of these that is there: $RUN_TRACED_CONFIG (empty: none at all), ./run-traced.conf,
 * $XDG_CONFIG_HOME/run-traced/run-traced.conf (~/.config without it), /etc/run-traced.conf. Spans go where it says: but for the
 * one that the user named, it must be a regular file of the user's or root's that nobody else can write to, and no symbolic
 * link in the current directory; else it is passed over, and @complain is called with a sentence. NULL: there is none.
 * @path: static, as people know it. */
FILE *config_file_open(const char **path, void (*complain)(const char *sentence));

/* config_file_line - takes "KEY = VALUE" apart, in place: white space around both does not count, nor does what follows a '#'
 * at the beginning or after a blank. Returns 1; 0 where there is nothing in the line; -EINVAL. */
int config_file_line(char *line, char **key, char **value);

#endif
