#include "launcher/options_set.h"

#include "launcher/check_options.h"
#include "launcher/convert.h"
#include "launcher/message.h"
#include "launcher/settings.h"
#include "launcher/view_options.h"
#include "view/html.h"

#include <errno.h>
#include <string.h>

int options_complain(const char *what, const char *word)
{
    message_print("%s%s; run-traced.sh --help shows what there is", what, word);
    return -EINVAL;
}

int options_complain_of_count(void)
{
    message_print("spans can go to at most %d places", EXPORTER_COUNT_MAX);
    return -EINVAL;
}

static int options_add_exporter(struct options *options, const char *url)
{
    if (options->exporter_count == EXPORTER_COUNT_MAX)
        return options_complain_of_count();
    options->exporter_urls[options->exporter_count++] = url;
    return 0;
}

static int options_set_keep(struct options *options, const char *list)
{
    const char *wrong;
    size_t len;
    if (keep_parse(list, &options->keep, &wrong, &len) == 0)
        return 0;
    message_print("--keep: '%.*s' is not known; known are, for example, %s", (int)len, wrong, KEEP_KNOWN);
    return -EINVAL;
}

static int options_set_keep_wait(struct options *options, const char *time)
{
    if (duration_parse(time, strlen(time), &options->keep.wait_ns) == 0)
        return 0;
    return options_complain("--keep-wait needs a time like 2s or 500ms, not ", time);
}

/* @value is one of the choices that the setting of the option @name has; @takes says which they are. */
static int options_set_choice(const char **place, const char *name, const char *value, const char *takes)
{
    char why[256];
    struct text text = text_on(why, sizeof why);
    *place = value;
    return setting_check(setting_find(name), value, &text) ? 0 : options_complain(takes, value);
}

static int options_set_mode(struct options *options, enum options_mode mode)
{
    options->mode = mode;
    return 0;
}

/* An empty value is none; @what says what is missing. */
static int options_need(const char *value, const char *what)
{
    return *value ? 0 : options_complain(what, "");
}

/* Of a file: another form of --view. */
static void options_set_writing(struct options *options, const char *path)
{
    options->mode = OPTIONS_VIEW;
    options->view.write_path = path;
}

/* Those that say what is to be done. Returns 1 if @place is none of them. */
static int options_set_what(struct options *options, enum option_place place, const char *value)
{
    switch (place) {
    case OPTION_HELP:
        return options_set_mode(options, OPTIONS_HELP);
    case OPTION_VERSION:
        return options_set_mode(options, OPTIONS_VERSION);
    case OPTION_PRINT_CONFIG:
        return options_set_mode(options, OPTIONS_PRINT_CONFIG);
    case OPTION_DIFF:
        return options_set_mode(options, OPTIONS_DIFF);
    case OPTION_MARK:
        options->mark = value;
        options->mode = OPTIONS_MARK;
        return options_need(value, "--mark needs a name");
    case OPTION_COLLECT:
        options->collect_path = value;
        options->mode = OPTIONS_COLLECT;
        return options_need(value, "--collect needs the name of a directory");
    case OPTION_VIEW:
        options->view_path = value;
        return options_set_mode(options, OPTIONS_VIEW);
    case OPTION_HTML:
        options_set_writing(options, value);
        options->view.write = html_write;
        options->view.write_spans_max = HTML_SPANS_MAX;
        return options_need(value, "--html needs the name of the page to be written");
    case OPTION_CONVERT:
        options_set_writing(options, value);
        options->view.write = convert_write;
        options->view.write_spans_max = 0;
        return options_need(value, "--convert needs the name of the file to be written");
    default:
        return 1;
    }
}

/* The switches of a run: NULL if @place is none. */
static bool *options_switch(struct options *options, enum option_place place)
{
    switch (place) {
    case OPTION_QUIET:
        return &options->is_quiet;
    case OPTION_DAEMONIZE:
        return &options->is_detached;
    case OPTION_FOLLOW:
        return &options->is_following;
    case OPTION_NO_CALL_SITES:
        return &options->has_no_call_sites;
    case OPTION_COVERAGE:
        return &options->is_coverage_asked;
    case OPTION_NO_KEEP_ENV:
        return &options->is_environment_lost;
    case OPTION_PROCESS_ARGS:
        return &options->has_process_args;
    case OPTION_REPRODUCIBLE:
        return &options->is_reproducible;
    default:
        return NULL;
    }
}

/* Those of a run that have values. */
static int options_set_of_run(struct options *options, enum option_place place, const char *value)
{
    switch (place) {
    case OPTION_OUTPUT:
        options->output = value;
        return options_need(value, "-o needs the name of a file");
    case OPTION_EXPORTER:
        return options_add_exporter(options, value);
    case OPTION_SERVICE:
        options->service_name = value;
        return options_need(value, "-s needs a name");
    case OPTION_KEEP:
        return options_set_keep(options, value);
    case OPTION_KEEP_WAIT:
        return options_set_keep_wait(options, value);
    case OPTION_PROCESS_SPANS:
        return options_set_choice(&options->process_spans, "process-spans", value,
                                  "--process-spans is auto, all or none, not ");
    case OPTION_STACKTRACE:
        return options_set_choice(&options->stacktrace, "stacktrace", value,
                                  "--stacktrace takes errors, all or none, not ");
    case OPTION_TRACE_PER:
        return options_set_choice(&options->trace_per, "trace-per", value,
                                  "--trace-per needs run, process or test, not ");
    default:
        return check_options_set(&options->checks, LONG_OPTIONS[place].name, value);
    }
}

int options_set(struct options *options, enum option_place place, const char *value)
{
    if (option_is_of_view(place))
        return view_options_set(&options->view, LONG_OPTIONS[place].name, value);
    bool *is_on = options_switch(options, place);
    if (is_on) {
        *is_on = true;
        return 0;
    }
    int result = options_set_what(options, place, value);
    return result <= 0 ? result : options_set_of_run(options, place, value);
}
