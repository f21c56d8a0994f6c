/* options_set.h - what each option does to struct options. */
#ifndef RUN_TRACED_LAUNCHER_OPTIONS_SET_H
#define RUN_TRACED_LAUNCHER_OPTIONS_SET_H

#include "launcher/options.h"
#include "launcher/options_table.h"

/* options_set - sets the option at @place to @value (NULL: it takes none, or has none), which must stay. Returns 0, or
 * -EINVAL after a message. */
int options_set(struct options *options, enum option_place place, const char *value);

/* options_complain - says @what, followed by @word, and where help is. Returns -EINVAL. */
int options_complain(const char *what, const char *word);

/* options_complain_of_count - there are more exporters than there is room for. Returns -EINVAL. */
int options_complain_of_count(void);

#endif
