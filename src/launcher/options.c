#include "launcher/options.h"

#include "base/text.h"
#include "launcher/check_options.h"
#include "launcher/options_set.h"
#include "launcher/options_table.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

/* getopt_long has just refused something: names it as the user wrote it. */
static int options_complain_of_word(const char *what, char **argv)
{
    char letter[3] = {'-', (char)optopt, 0};
    if (optopt > 0 && optopt < OPTION_LONG && strncmp(argv[optind - 1], "--", 2) != 0)
        return options_complain(what, letter);
    return options_complain(what, argv[optind - 1]);
}

static bool option_is_given(const struct options *options, enum option_place place)
{
    return options->given >> place & 1;
}

/* What --view alone prints in another form. */
static const enum option_place FORMS_OF_VIEW[] = {OPTION_FOLLOW, OPTION_LIST, OPTION_JSON};

/* --view FILE: getopt_long itself knows only --view=FILE. What the file of settings says of the service is meant for
 * runs. */
static int options_finish_view(struct options *options)
{
    for (size_t i = 0; options->view.write && i < ARRAY_LEN(FORMS_OF_VIEW); i++)
        if (option_is_given(options, FORMS_OF_VIEW[i]))
            return options_complain("--html and --convert go without --", LONG_OPTIONS[FORMS_OF_VIEW[i]].name);
    char **rest = options->command;
    if (option_is_given(options, OPTION_SERVICE))
        options->view.service = options->service_name;
    options->view.is_following = option_is_given(options, OPTION_FOLLOW);
    if (options->view.is_following && options->view.report != VIEW_REPORT_NONE)
        return options_complain("--follow shows each trace when it is over, not with --analyze, --dot or --compare", "");
    if (!options->view_path && *rest)
        options->view_path = *rest++;
    if (*rest)
        return options_complain(options->view.report == VIEW_REPORT_COMPARE
                                    ? "--compare takes two files, OLD and NEW; too many: "
                                    : "one file is shown; too many: ",
                                *rest);
    if (!options->view_path)
        options->view_path = SPANS_FILE_DEFAULT;
    return 0;
}

/* What chooses among traces is --view's alone. */
static int options_complain_of_view(const struct options *options, const char *what)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_is_of_view((enum option_place)i) && option_is_given(options, (enum option_place)i))
            return options_complain(what, LONG_OPTIONS[i].name);
    return 0;
}

static bool options_have_checks(const struct options *options)
{
    return options->checks.source_count > 0;
}

static bool options_are_of_file(const struct options *options)
{
    return options_have_checks(options) || options->is_reproducible;
}

/* A file is looked at, and nothing is run: that of --view, or the word behind the options, or the default one. */
static bool options_take_finished_file(struct options *options)
{
    char **rest = options->command;
    bool is_file = !*rest || (!rest[1] && !options->is_command_sure && check_options_is_file(*rest));
    if (options->mode != OPTIONS_RUN || !options_are_of_file(options) || !is_file)
        return false;
    options->view_path = *rest ? *rest : SPANS_FILE_DEFAULT;
    return true;
}

static int options_finish_file(struct options *options)
{
    options->mode = options->is_reproducible ? OPTIONS_REPRODUCIBLE : OPTIONS_CHECK;
    options->checks.is_quiet = options->is_quiet;
    if (options->is_reproducible && options_have_checks(options))
        return options_complain("--check and --reproducible can look at a run together, but not at a file", "");
    return options_complain_of_view(options, "all spans of the file are looked at; there is no --");
}

/* Two files: where they are the words behind the options, no options stand between or behind. */
static int options_finish_diff(struct options *options)
{
    char **rest = options->command;
    for (int i = 0; i < 2; i++)
        if (!options->diff_paths[i] && *rest)
            options->diff_paths[i] = *rest++;
    if (!options->diff_paths[1])
        return options_complain("--diff needs two files, of the old run and of the new one", "");
    if (*rest)
        return options_complain("--diff takes two files; too many: ", *rest);
    bool is_json = options->view.is_json;
    options->given &= ~(is_json ? 1ULL << OPTION_JSON : 0);
    return options_complain_of_view(options, "--diff compares all spans; it takes no --");
}

static int options_complain_of_checks(const struct options *options)
{
    if (options->checks.report_count && !options_have_checks(options))
        return options_complain("--check-report tells of checks: it needs --check or --checks", "");
    if (options_are_of_file(options) && (options->is_detached || options->mode == OPTIONS_COLLECT))
        return options_complain("--check and --reproducible wait for a command's end, which is not to be had with ",
                                options->is_detached ? "-D" : "--collect");
    return 0;
}

static int options_finish_run(struct options *options)
{
    if (options_complain_of_view(options, "there is no --view for --") || options_complain_of_checks(options))
        return -EINVAL;
    options->checks.is_quiet = options->is_quiet;
    if (options->mode == OPTIONS_RUN && !*options->command)
        return options_complain("no command given", "");
    if (options->mode == OPTIONS_MARK && *options->command)
        return options_complain("--mark starts no command; too many: ", *options->command);
    if (options->mode == OPTIONS_COLLECT && *options->command)
        return options_complain("--collect starts no command; too many: ", *options->command);
    if (options->keep.wait_ns && !options->keep.is_set)
        return options_complain("--keep-wait says how long --keep waits: it needs one", "");
    options->is_default_output = !options->output && options->exporter_count == 0;
    if (options->is_default_output)
        options->output = SPANS_FILE_DEFAULT;
    if (options->output && options->exporter_count == EXPORTER_COUNT_MAX)
        return options_complain_of_count();
    return 0;
}

static void option_note(struct options *options, enum option_place place)
{
    options->given |= 1ULL << place;
    options->given_values[place] = LONG_OPTIONS[place].has_arg ? optarg : "on";
}

void options_set_from_file(struct options *options, const char *name, const char *value)
{
    enum option_place place = option_find(name);
    if (place != OPTION_NONE && !option_is_given(options, place))
        options_set(options, place, value);
}

const char *options_given(const struct options *options, const char *name, char *room, size_t size)
{
    enum option_place place = option_find(name);
    struct text text = text_on(room, size);
    if (place == OPTION_NONE || !option_is_given(options, place))
        return NULL;
    if (place != OPTION_EXPORTER)
        return options->given_values[place];
    for (unsigned i = 0; i < options->exporter_count; i++) {
        text_append_string(&text, i ? "," : "");
        text_append_string(&text, options->exporter_urls[i]);
    }
    return text_terminate(&text);
}

int options_finish(struct options *options)
{
    if (options->mode == OPTIONS_DIFF)
        return options_finish_diff(options);
    if (options->mode == OPTIONS_VIEW && options_finish_view(options))
        return -EINVAL;
    if ((options->mode == OPTIONS_VIEW && options_are_of_file(options)) || options_take_finished_file(options))
        return options_finish_file(options);
    if (options->mode == OPTIONS_VIEW)
        return 0;
    return options->mode == OPTIONS_PRINT_CONFIG ? 0 : options_finish_run(options);
}

/* Where the next file goes that --view or --diff takes; NULL: nowhere. */
static const char **options_next_file(struct options *options)
{
    if (options->mode == OPTIONS_VIEW)
        return options->view_path ? NULL : &options->view_path;
    if (options->mode != OPTIONS_DIFF || options->diff_paths[1])
        return NULL;
    return &options->diff_paths[options->diff_paths[0] != NULL];
}

/* These may have files among their options: nothing is run that they could be meant for. */
static bool options_take_file(struct options *options, int argc, char **argv)
{
    const char **file = options_next_file(options);
    if (!file || optind >= argc || strcmp(argv[optind - 1], "--") == 0)
        return false;
    *file = argv[optind++];
    return true;
}

/* What getopt_long has just read. */
static int options_take(struct options *options, int letter, char **argv)
{
    enum option_place place = option_of_letter(letter);
    if (place == OPTION_NONE)
        return options_complain_of_word(letter == ':' ? "an argument is missing after " : "unknown option ", argv);
    if (place == OPTION_COMPARE && options->mode == OPTIONS_RUN)
        options->mode = OPTIONS_VIEW; /* --compare OLD NEW: nothing is run */
    int error = options_set(options, place, optarg);
    if (!error)
        option_note(options, place);
    return error;
}

/* The options' letters, as getopt has them. '+': the first word that is no option ends them; ':': a missing argument is
 * told apart. */
static void letters_fill(char letters[static 2 * OPTION_COUNT + 3])
{
    *letters++ = '+';
    *letters++ = ':';
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (LONG_OPTIONS[i].val >= OPTION_LONG)
            continue;
        *letters++ = (char)LONG_OPTIONS[i].val;
        if (LONG_OPTIONS[i].has_arg == required_argument)
            *letters++ = ':';
    }
    *letters = '\0';
}

int options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.mode = OPTIONS_RUN};
    opterr = 0;
    optind = 0; /* glibc: start anew, so that tests can parse more than once */
    int letter;
    char letters[2 * OPTION_COUNT + 3];
    letters_fill(letters);
    while ((letter = getopt_long(argc, argv, letters, LONG_OPTIONS, NULL)) != -1 ||
           options_take_file(options, argc, argv)) {
        if (letter == -1)
            continue;
        int error = options_take(options, letter, argv);
        if (error)
            return error;
        if (options->mode == OPTIONS_HELP || options->mode == OPTIONS_VERSION)
            return 0;
    }
    options->command = argv + optind;
    options->is_command_sure = strcmp(argv[optind - 1], "--") == 0;
    return 0;
}
