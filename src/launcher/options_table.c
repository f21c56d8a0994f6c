#include "launcher/options_table.h"

#include "launcher/options.h"

#include <string.h>

enum { OF_RUN, OF_VIEW };

_Static_assert((int)OPTION_COUNT <= (int)OPTIONS_COUNT_MAX, "each has its bit in struct options");

const struct option LONG_OPTIONS[] = {
#define OPTION(key, letter, name, argument, of, help) \
    {name, argument, NULL, (letter) ? (letter) : OPTION_LONG + OPTION_##key},
#include "launcher/options.def"
#undef OPTION
    {NULL, 0, NULL, 0},
};

static const char HELP[] =
    "Usage: run-traced.sh [OPTIONS] [--] COMMAND [ARGUMENTS...]\n"
    "       run-traced.sh [-o FILE] [-e URL] --collect DIR\n"
    "       run-traced.sh --view [FILE] [OPTIONS]\n"
    "       run-traced.sh --check EXPR [FILE]\n"
    "       run-traced.sh --compare OLD NEW\n"
    "       run-traced.sh --diff OLD NEW\n"
    "       run-traced.sh --html PAGE [FILE] [OPTIONS]\n"
    "       run-traced.sh --convert OUT [FILE] [OPTIONS]\n"
    "       run-traced.sh --mark NAME\n"
    "\n"
    "Runs COMMAND as it would run without the prefix, and records every HTTP request\n"
    "that it and its child processes send or serve as an OpenTelemetry span.\n"
    "\n"
#define OPTION(key, letter, name, argument, of, help) help
#include "launcher/options.def"
#undef OPTION
    "\n"
    "The exit status is COMMAND's; if a signal killed it, the same signal ends run-traced.\n"
    "125: run-traced itself failed. 126: COMMAND cannot be executed. 127: it was not found.\n";

void options_print_help(FILE *out)
{
    fputs(HELP, out);
}

enum option_place option_of_letter(int letter)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (LONG_OPTIONS[i].val == letter)
            return (enum option_place)i;
    return OPTION_NONE;
}

enum option_place option_find(const char *name)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strcmp(LONG_OPTIONS[i].name, name) == 0)
            return (enum option_place)i;
    return OPTION_NONE;
}

bool option_is_of_view(enum option_place place)
{
    static const unsigned char of_which[] = {
#define OPTION(key, letter, name, argument, of, help) OF_##of,
#include "launcher/options.def"
#undef OPTION
    };
    return of_which[place] == OF_VIEW;
}
