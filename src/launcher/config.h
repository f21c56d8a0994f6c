/* config.h - what is set up, from run-traced.conf, the environment and the options: the later the stronger. */
#ifndef RUN_TRACED_LAUNCHER_CONFIG_H
#define RUN_TRACED_LAUNCHER_CONFIG_H

#include "launcher/options.h"

#include <stdio.h>

/* config_apply - reads the file: what it says goes into our environment, where that has nothing, and into @options, which
 * have been parsed, where they were not given. A wrong value, of the environment as well, is named with its place, and
 * does not count; not where the user wants us quiet. Returns 0, or -EINVAL after a message if the options cannot be
 * used together. */
int config_apply(struct options *options);

/* config_print - every setting, a line each, as a file could have it, and where its value is from. After config_apply. */
void config_print(const struct options *options, FILE *out);

#endif
