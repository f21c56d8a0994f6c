#include "launcher/options.h"

#include "base/text.h"
#include "launcher/check_options.h"
#include "launcher/convert.h"
#include "launcher/message.h"
#include "launcher/view_options.h"
#include "view/html.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

enum {
    OPTION_VERSION = 256,
    OPTION_VIEW,
    OPTION_COLLECT,
    OPTION_FOLLOW,
    OPTION_KEEP,
    OPTION_KEEP_WAIT,
    OPTION_NO_CALL_SITES,
    OPTION_PROCESS_SPANS,
    OPTION_NO_KEEP_ENV,
    OPTION_COVERAGE,
    OPTION_TRACE_PER,
    OPTION_MARK,
    OPTION_PRINT_CONFIG,
    OPTION_CHECK,
    OPTION_CHECKS,
    OPTION_CHECK_REPORT,
    OPTION_DIFF,
    OPTION_STACKTRACE,
    OPTION_REPRODUCIBLE,
    OPTION_HTML,
    OPTION_CONVERT,
    OPTION_OF_VIEW, /* and beyond: those that --view alone has, known by their names */
    OPTION_VIEW_SLOWER_THAN,
    OPTION_VIEW_NAME,
    OPTION_VIEW_TRACE,
    OPTION_VIEW_SORT,
    OPTION_VIEW_LIMIT,
    OPTION_VIEW_LIST,
    OPTION_VIEW_JSON,
    OPTION_VIEW_EVENTS,
    OPTION_VIEW_ANALYZE,
    OPTION_VIEW_DOT,
    OPTION_VIEW_COMPARE,
};

static const struct option LONG_OPTIONS[] = {
    {"output", required_argument, NULL, 'o'},
    {"exporter", required_argument, NULL, 'e'},
    {"service", required_argument, NULL, 's'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"view", optional_argument, NULL, OPTION_VIEW},
    {"collect", required_argument, NULL, OPTION_COLLECT},
    {"follow", no_argument, NULL, OPTION_FOLLOW},
    {"keep", required_argument, NULL, OPTION_KEEP},
    {"keep-wait", required_argument, NULL, OPTION_KEEP_WAIT},
    {"no-call-sites", no_argument, NULL, OPTION_NO_CALL_SITES},
    {"process-spans", required_argument, NULL, OPTION_PROCESS_SPANS},
    {"no-keep-env", no_argument, NULL, OPTION_NO_KEEP_ENV},
    {"stacktrace", required_argument, NULL, OPTION_STACKTRACE},
    {"coverage", no_argument, NULL, OPTION_COVERAGE},
    {"trace-per", required_argument, NULL, OPTION_TRACE_PER},
    {"mark", required_argument, NULL, OPTION_MARK},
    {"daemonize", no_argument, NULL, 'D'},
    {"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
    {"check", required_argument, NULL, OPTION_CHECK},
    {"checks", required_argument, NULL, OPTION_CHECKS},
    {"check-report", required_argument, NULL, OPTION_CHECK_REPORT},
    {"diff", no_argument, NULL, OPTION_DIFF},
    {"reproducible", no_argument, NULL, OPTION_REPRODUCIBLE},
    {"html", required_argument, NULL, OPTION_HTML},
    {"convert", required_argument, NULL, OPTION_CONVERT},
    {"errors", no_argument, NULL, OPTION_OF_VIEW},
    {"slower-than", required_argument, NULL, OPTION_VIEW_SLOWER_THAN},
    {"name", required_argument, NULL, OPTION_VIEW_NAME},
    {"trace", required_argument, NULL, OPTION_VIEW_TRACE},
    {"sort", required_argument, NULL, OPTION_VIEW_SORT},
    {"limit", required_argument, NULL, OPTION_VIEW_LIMIT},
    {"list", no_argument, NULL, OPTION_VIEW_LIST},
    {"json", no_argument, NULL, OPTION_VIEW_JSON},
    {"events", no_argument, NULL, OPTION_VIEW_EVENTS},
    {"analyze", no_argument, NULL, OPTION_VIEW_ANALYZE},
    {"dot", no_argument, NULL, OPTION_VIEW_DOT},
    {"compare", required_argument, NULL, OPTION_VIEW_COMPARE},
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
    "  -o, --output FILE    write the spans to FILE, one JSON object a line\n"
    "                       (default: spans.jsonl; an older one becomes spans.jsonl.old)\n"
    "  -e, --exporter URL   send the spans to URL, and to no default file; may repeat:\n"
    "                       file:PATH (appended to), unix:PATH, tcp:HOST:PORT, console:,\n"
    "                       otlp+http://HOST:4318, zipkin+http://HOST:9411,\n"
    "                       jaeger+http://HOST:14268, datadog+http://HOST:8126 (+https each),\n"
    "                       xray+udp://HOST:2000\n"
    "  -s, --service NAME   the service's name (default: the program's name)\n"
    "  -q, --quiet          print no line of our own, but errors\n"
    "  -D, --daemonize      COMMAND keeps our process id; who collects is a detached process\n"
    "      --follow         wait for the processes that outlive COMMAND as well\n"
    "      --keep LIST      keep whole traces by what they turn out to be: errors,\n"
    "                       slower=500ms, slower=p99 (of those that begin alike), and of the\n"
    "                       rest 1%, at most rate=10/s; several, separated by commas\n"
    "      --keep-wait TIME how long a trace is quiet before it counts as over (default: 2s)\n"
    "      --no-call-sites  do not look up the source lines that calls were made from\n"
    "      --process-spans auto, all or none: which processes are spans themselves; auto:\n"
    "                       where something was seen, and those that they come from\n"
    "      --no-keep-env    do not trace programs that are started with an environment of\n"
    "                       their own (env -i); else they are, and do not see it\n"
    "      --stacktrace WHICH  calls that have their whole stack: errors (default), all, none\n"
    "      --coverage       say at the end what was seen, and what was not and why\n"
    "      --trace-per WHAT a trace for the whole run (the default), for each process, or for\n"
    "                       each test: run, process, test\n"
    "      --mark NAME      in a script that is being traced: a step of that name begins\n"
    "      --collect DIR    collect from services that are started by themselves, with\n"
    "                       LD_PRELOAD and RUN_TRACED_RING=DIR/ring, until interrupted\n"
    "      --view [FILE]    show the traces in FILE (default: spans.jsonl) and where the\n"
    "                       time went; only some of them:\n"
    "      --service NAME, --name TEXT, --errors\n"
    "                       those with a span of that service, with TEXT in its name or\n"
    "                       path, that failed: one span that is all of what is asked for\n"
    "      --slower-than TIME  those that took longer: 500ms, 2s\n"
    "      --trace ID       that one; the beginning of its id is enough\n"
    "      --sort start, duration or errors; --limit N\n"
    "      --list, --json   a line for each, to read or as a JSON object\n"
    "      --events         what happened during each span: connected, first byte, ...\n"
    "      --analyze        all of them together: findings, operations, calls, call sites\n"
    "                       (with --json for programs); --dot: who calls whom, for Graphviz\n"
    "      --compare OLD NEW  what got slower, faster, new or gone, or fails more or less often\n"
    "                       than in OLD, where it is more than chance; also with --json\n"
    "      --follow         traces as they are over, until interrupted or for --limit\n"
    "      --check EXPR     fail if this does not hold of the spans in FILE (default:\n"
    "                       spans.jsonl), or of COMMAND's when it has ended: none(duration > 2s),\n"
    "                       count(db.system.name exists) <= 20 per test; may repeat\n"
    "      --checks FILE    the same of all checks in FILE, with names: NAME: EXPR\n"
    "      --check-report FILE  what became of them, as JUnit (.xml) or TAP (.tap)\n"
    "      --diff OLD NEW   what is new, gone, called more or less often, failing or slower in\n"
    "                       the file NEW, by test and call path; --json: for programs\n"
    "      --reproducible   write COMMAND's spans file so that another run that does the same\n"
    "                       gives the same bytes; of FILE instead: to standard output\n"
    "      --html PAGE [FILE]  the same as one page for browsers, to look around in\n"
    "      --convert OUT [FILE]  the same for other programs: OUT.otlp.json, OUT.otlp.jsonl,\n"
    "                       OUT.zipkin.json; as they are: OUT.jsonl\n"
    "      --print-config   show every setting, its value and where that is from\n"
    "  -h, --help           show this text\n"
    "      --version        show the version\n"
    "\n"
    "The exit status is COMMAND's; if a signal killed it, the same signal ends run-traced.\n"
    "125: run-traced itself failed. 126: COMMAND cannot be executed. 127: it was not found.\n";

void options_print_help(FILE *out)
{
    fputs(HELP, out);
}

static int options_complain(const char *what, const char *word)
{
    message_print("%s%s; run-traced.sh --help shows what there is", what, word);
    return -EINVAL;
}

/* getopt_long has just refused something: names it as the user wrote it. */
static int options_complain_of_word(const char *what, char **argv)
{
    char letter[3] = {'-', (char)optopt, 0};
    if (optopt > 0 && optopt < OPTION_VERSION && strncmp(argv[optind - 1], "--", 2) != 0)
        return options_complain(what, letter);
    return options_complain(what, argv[optind - 1]);
}

static int options_complain_of_count(void)
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

static int options_set_process_spans(struct options *options, const char *which)
{
    options->process_spans = which;
    if (strcmp(which, "auto") == 0 || strcmp(which, "all") == 0 || strcmp(which, "none") == 0)
        return 0;
    return options_complain("--process-spans is auto, all or none, not ", which);
}

static int options_set_stacktrace(struct options *options, const char *which)
{
    options->stacktrace = which;
    if (strcmp(which, "errors") == 0 || strcmp(which, "all") == 0 || strcmp(which, "none") == 0)
        return 0;
    return options_complain("--stacktrace takes errors, all or none, not ", which);
}

static int options_set_trace_per(struct options *options, const char *what)
{
    options->trace_per = what;
    if (strcmp(what, "run") == 0 || strcmp(what, "process") == 0 || strcmp(what, "test") == 0)
        return 0;
    return options_complain("--trace-per needs run, process or test, not ", what);
}

/* The place of an option in the table, by what getopt says; -1: none. */
static int option_place(int letter)
{
    for (int i = 0; LONG_OPTIONS[i].name; i++)
        if (LONG_OPTIONS[i].val == letter)
            return i;
    return -1;
}

static int options_set(struct options *options, int letter, char **argv)
{
    if (letter == OPTION_VIEW_COMPARE && options->mode == OPTIONS_RUN)
        options->mode = OPTIONS_VIEW; /* --compare OLD NEW: nothing is run */
    if (letter >= OPTION_OF_VIEW)
        return view_options_set(&options->view, LONG_OPTIONS[option_place(letter)].name, optarg);
    switch (letter) {
    case 'o':
        options->output = optarg;
        return *optarg ? 0 : options_complain("-o needs the name of a file", "");
    case 'e':
        return options_add_exporter(options, optarg);
    case 's':
        options->service_name = optarg;
        return *optarg ? 0 : options_complain("-s needs a name", "");
    case 'q':
        options->is_quiet = true;
        return 0;
    case 'D':
        options->is_detached = true;
        return 0;
    case OPTION_KEEP:
        return options_set_keep(options, optarg);
    case OPTION_KEEP_WAIT:
        return options_set_keep_wait(options, optarg);
    case OPTION_NO_CALL_SITES:
        options->has_no_call_sites = true;
        return 0;
    case OPTION_COVERAGE:
        options->is_coverage_asked = true;
        return 0;
    case OPTION_NO_KEEP_ENV:
        options->is_environment_lost = true;
        return 0;
    case OPTION_PROCESS_SPANS:
        return options_set_process_spans(options, optarg);
    case OPTION_STACKTRACE:
        return options_set_stacktrace(options, optarg);
    case OPTION_TRACE_PER:
        return options_set_trace_per(options, optarg);
    case OPTION_MARK:
        options->mode = OPTIONS_MARK;
        options->mark = optarg;
        return *optarg ? 0 : options_complain("--mark needs a name", "");
    case OPTION_FOLLOW:
        options->is_following = true;
        return 0;
    case OPTION_COLLECT:
        options->mode = OPTIONS_COLLECT;
        options->collect_path = optarg;
        return *optarg ? 0 : options_complain("--collect needs the name of a directory", "");
    case OPTION_CHECK:
    case OPTION_CHECKS:
    case OPTION_CHECK_REPORT:
        return check_options_set(&options->checks, LONG_OPTIONS[option_place(letter)].name, optarg);
    case OPTION_REPRODUCIBLE:
        options->is_reproducible = true;
        return 0;
    case OPTION_DIFF:
        options->mode = OPTIONS_DIFF;
        return 0;
    case OPTION_PRINT_CONFIG:
        options->mode = OPTIONS_PRINT_CONFIG;
        return 0;
    case 'h':
        options->mode = OPTIONS_HELP;
        return 0;
    case OPTION_VERSION:
        options->mode = OPTIONS_VERSION;
        return 0;
    case OPTION_VIEW:
        options->mode = OPTIONS_VIEW;
        options->view_path = optarg;
        return 0;
    case OPTION_HTML:
        options->mode = OPTIONS_VIEW;
        options->view.write = html_write;
        options->view.write_spans_max = HTML_SPANS_MAX;
        options->view.write_path = optarg;
        return *optarg ? 0 : options_complain("--html needs the name of the page to be written", "");
    case OPTION_CONVERT:
        options->mode = OPTIONS_VIEW;
        options->view.write = convert_write;
        options->view.write_spans_max = 0;
        options->view.write_path = optarg;
        return *optarg ? 0 : options_complain("--convert needs the name of the file to be written", "");
    case ':':
        return options_complain_of_word("an argument is missing after ", argv);
    default:
        return options_complain_of_word("unknown option ", argv);
    }
}

static bool option_is_given(const struct options *options, int letter)
{
    return options->given >> option_place(letter) & 1;
}

/* What --view alone prints in another form. */
static const int FORMS_OF_VIEW[] = {OPTION_FOLLOW, OPTION_VIEW_LIST, OPTION_VIEW_JSON};

/* --view FILE: getopt_long itself knows only --view=FILE. What the file of settings says of the service is meant for runs. */
static int options_finish_view(struct options *options)
{
    for (size_t i = 0; options->view.write && i < ARRAY_LEN(FORMS_OF_VIEW); i++)
        if (option_is_given(options, FORMS_OF_VIEW[i]))
            return options_complain("--html and --convert go without --", LONG_OPTIONS[option_place(FORMS_OF_VIEW[i])].name);
    char **rest = options->command;
    if (option_is_given(options, 's'))
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
    for (int i = 0; LONG_OPTIONS[i].name; i++)
        if (LONG_OPTIONS[i].val >= OPTION_OF_VIEW && options->given >> i & 1)
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
    options->given &= ~(is_json ? 1ULL << option_place(OPTION_VIEW_JSON) : 0);
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

static void option_note(struct options *options, int letter)
{
    int place = option_place(letter);
    if (place < 0 || place >= OPTIONS_COUNT_MAX)
        return;
    options->given |= 1ULL << place;
    options->given_values[place] = LONG_OPTIONS[place].has_arg ? optarg : "on";
}

static int option_find(const char *name)
{
    for (int i = 0; LONG_OPTIONS[i].name; i++)
        if (strcmp(LONG_OPTIONS[i].name, name) == 0)
            return i;
    return -1;
}

void options_set_from_file(struct options *options, const char *name, const char *value)
{
    int place = option_find(name);
    if (place < 0 || options->given >> place & 1)
        return;
    optarg = (char *)value;
    options_set(options, LONG_OPTIONS[place].val, NULL);
}

const char *options_given(const struct options *options, const char *name, char *room, size_t size)
{
    int place = option_find(name);
    struct text text = text_on(room, size);
    if (place < 0 || !(options->given >> place & 1))
        return NULL;
    if (LONG_OPTIONS[place].val != 'e')
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

int options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.mode = OPTIONS_RUN};
    opterr = 0;
    optind = 0; /* glibc: start anew, so that tests can parse more than once */
    int letter;
    /* '+': the first word that is no option ends them; ':': a missing argument is told apart. */
    while ((letter = getopt_long(argc, argv, "+:o:e:s:qhD", LONG_OPTIONS, NULL)) != -1 ||
           options_take_file(options, argc, argv)) {
        if (letter == -1)
            continue;
        int error = options_set(options, letter, argv);
        if (error)
            return error;
        option_note(options, letter);
        if (options->mode == OPTIONS_HELP || options->mode == OPTIONS_VERSION)
            return 0;
    }
    options->command = argv + optind;
    options->is_command_sure = strcmp(argv[optind - 1], "--") == 0;
    return 0;
}
