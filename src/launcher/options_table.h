/* options_table.h - the options of options.def: what getopt_long and --help say of them. */
#ifndef RUN_TRACED_LAUNCHER_OPTIONS_TABLE_H
#define RUN_TRACED_LAUNCHER_OPTIONS_TABLE_H

#include <getopt.h>
#include <stdbool.h>

/* The place of each in the table. */
enum option_place {
#define OPTION(key, letter, name, argument, of, help) OPTION_##key,
#include "launcher/options.def"
#undef OPTION
    OPTION_COUNT,
    OPTION_NONE = -1
};

/* For getopt_long: behind the last one is its end. */
extern const struct option LONG_OPTIONS[];

/* What getopt_long returns for an option is its letter, or this and its place. */
enum { OPTION_LONG = 256 };

/* option_of_letter - by what getopt_long has returned; NONE: no option's. */
enum option_place option_of_letter(int letter);

/* option_find - by the long name; NONE: there is no such option. */
enum option_place option_find(const char *name);

/* option_is_of_view - --view alone has it. */
bool option_is_of_view(enum option_place place);

#endif
