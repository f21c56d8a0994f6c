#include "launcher/options.h"
#include "launcher/outputs.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 32 };

struct command_line {
    char *words[WORDS_MAX];
    int count;
    char text[1024];
};

/* Splits at spaces; "run-traced" comes first. */
static void split(const char *line, struct command_line *out)
{
    char *rest = out->text, *word;
    *out = (struct command_line){.words = {"run-traced"}, .count = 1};
    snprintf(out->text, sizeof out->text, "%s", line);
    while ((word = strsep(&rest, " ")) != NULL)
        if (*word)
            out->words[out->count++] = word;
}

static int parse(const char *line, struct options *options)
{
    static struct command_line words; /* options point into it */
    split(line, &words);
    int error = options_parse(words.count, words.words, options);
    return error || options->mode == OPTIONS_HELP || options->mode == OPTIONS_VERSION ? error : options_finish(options);
}

Test(launcher_options, writes_what_was_chosen_elsewhere)
{
    static const struct {
        const char *line, *out, *path;
        bool is_all;
    } cases[] = {
        {"--html p.html", "p.html", "spans.jsonl", false},
        {"--html=p.html f --errors", "p.html", "f", false},
        {"--convert a.otlp.json f", "a.otlp.json", "f", true},
        {"--html", NULL, NULL, false},
        {"--html p f g", NULL, NULL, false},
        {"--convert a --json f", NULL, NULL, false},
        {"--html p --follow", NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options options;
        int error = parse(cases[i].line, &options);
        if (!cases[i].out) {
            cr_expect_eq(error, -EINVAL, "%s", cases[i].line);
            continue;
        }
        cr_assert_eq(error, 0, "%s", cases[i].line);
        cr_expect_eq(options.mode, OPTIONS_VIEW, "%s", cases[i].line);
        cr_expect_str_eq(options.view.write_path, cases[i].out, "%s", cases[i].line);
        cr_expect_str_eq(options.view_path, cases[i].path, "%s", cases[i].line);
        cr_expect_eq(options.view.write_spans_max == 0, cases[i].is_all, "%s", cases[i].line);
    }
}

Test(launcher_options, reads_what_is_well_formed)
{
    static const struct {
        const char *line, *output, *service, *command;
        bool is_quiet;
        unsigned exporter_count;
    } cases[] = {
        {"curl http://x", "spans.jsonl", NULL, "curl", false, 0},
        {"-- curl", "spans.jsonl", NULL, "curl", false, 0},
        {"-o a curl -o b", "a", NULL, "curl", false, 0},
        {"-oa -q curl", "a", NULL, "curl", true, 0},
        {"--output=a --quiet --service shop curl", "a", "shop", "curl", true, 0},
        {"-e unix:x curl", NULL, NULL, "curl", false, 1},
        {"-e unix:x --exporter tcp:h:1 -o a -s me -- -x", "a", "me", "-x", false, 2},
        {"ls --help", "spans.jsonl", NULL, "ls", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options options;
        cr_assert_eq(parse(cases[i].line, &options), 0, "%s", cases[i].line);
        cr_expect_eq(options.mode, OPTIONS_RUN, "%s", cases[i].line);
        cr_expect_eq(options.is_quiet, cases[i].is_quiet, "%s", cases[i].line);
        cr_expect_eq(options.exporter_count, cases[i].exporter_count, "%s", cases[i].line);
        cr_expect_str_eq(options.command[0], cases[i].command, "%s", cases[i].line);
        cr_expect_str_eq(options.output ? options.output : "-",
                         cases[i].output ? cases[i].output : "-", "%s", cases[i].line);
        cr_expect_str_eq(options.service_name ? options.service_name : "-",
                         cases[i].service ? cases[i].service : "-", "%s", cases[i].line);
    }
}

Test(launcher_options, knows_its_other_modes)
{
    static const struct {
        const char *line;
        enum options_mode mode;
        const char *view_path;
    } cases[] = {
        {"-h", OPTIONS_HELP, NULL},           {"--help curl", OPTIONS_HELP, NULL},
        {"--version", OPTIONS_VERSION, NULL}, {"--view", OPTIONS_VIEW, "spans.jsonl"},
        {"--view x", OPTIONS_VIEW, "x"},      {"--view=x", OPTIONS_VIEW, "x"},
        {"--view -- -x", OPTIONS_VIEW, "-x"},
        {"--view x --errors", OPTIONS_VIEW, "x"},
        {"--errors --limit 3 --view x", OPTIONS_VIEW, "x"},
        {"--check a", OPTIONS_CHECK, "spans.jsonl"}, {"--checks a -", OPTIONS_CHECK, "-"},
        {"--check a /dev/null", OPTIONS_CHECK, "/dev/null"}, {"--view x --check a", OPTIONS_CHECK, "x"},
        {"--check a -- /dev/null", OPTIONS_RUN, NULL}, {"--check a /bin/sh", OPTIONS_RUN, NULL},
        {"--reproducible", OPTIONS_REPRODUCIBLE, "spans.jsonl"}, {"--reproducible --view=x", OPTIONS_REPRODUCIBLE, "x"},
        {"--reproducible /bin/sh", OPTIONS_RUN, NULL}, {"--reproducible --check a /bin/sh", OPTIONS_RUN, NULL},
        {"--check a /dev/null x", OPTIONS_RUN, NULL}, {"--check a /", OPTIONS_RUN, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options options;
        cr_assert_eq(parse(cases[i].line, &options), 0, "%s", cases[i].line);
        cr_expect_eq(options.mode, cases[i].mode, "%s", cases[i].line);
        if (cases[i].view_path)
            cr_expect_str_eq(options.view_path, cases[i].view_path, "%s", cases[i].line);
    }
}

Test(launcher_options, refuses_and_says_what, .init = cr_redirect_stderr)
{
    static const char *const lines[] = {
        "",
        "--",
        "-x ls",
        "--bogus ls",
        "-o",
        "--output",
        "-s",
        "-e",
        "--output= ls",
        "--quiet=1 ls",
        "--view a b",
        "--view=a b",
        "--view a --errors b",
        "--view --slower-than 5",
        "--view --trace 0xab",
        "--view --sort size",
        "--view --limit 0",
        "--view --limit -1",
        "--view --name=",
        "--errors ls",
        "--check",
        "--check a --errors ls",
        "--check a --view x --errors",
        "--check a -D -- ls",
        "--check a --collect d",
        "--check-report x.xml ls",
        "--reproducible --check a /dev/null",
        "--reproducible -D ls",
        "--reproducible --list /dev/null",
        "--diff a",
        "--diff a b c",
        "--diff a b --list",
        "--check-report x.txt --check a ls",
        "-e a -e a -e a -e a -e a -e a -e a -e a -e a ls",
        "-o f -e a -e a -e a -e a -e a -e a -e a -e a ls",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct options options;
        cr_expect_eq(parse(lines[i], &options), -EINVAL, "%s", lines[i]);
    }
}

Test(launcher_options, names_the_unknown_option, .init = cr_redirect_stderr)
{
    struct options options;
    parse("-q --bogus ls", &options);
    cr_assert_stderr_eq_str("run-traced: unknown option --bogus;"
                            " run-traced.sh --help shows what there is\n");
}

Test(launcher_options, takes_what_view_is_to_show)
{
    struct options options;
    cr_assert_eq(parse("--view f --service api --errors --slower-than 1.5s --name /pay --trace 0a1 --sort duration --limit 7",
                       &options), 0);
    cr_expect_str_eq(options.view.service, "api");
    cr_expect(options.view.is_failed);
    cr_expect_eq(options.view.slower_than_us, 1500000);
    cr_expect_str_eq(options.view.name, "/pay");
    cr_expect_str_eq(options.view.trace_prefix, "0a1");
    cr_expect_eq(options.view.sort, VIEW_SORT_DURATION);
    cr_expect_eq(options.view.max_traces, 7);
}

Test(launcher_options, names_the_wrong_value, .init = cr_redirect_stderr)
{
    struct options options;
    parse("--view --sort size", &options);
    cr_assert_stderr_eq_str("run-traced: --sort needs start, duration or errors, not 'size'\n");
}

static struct outputs g_outputs;

static int prepare_in_new_directory(const char *line)
{
    static char directory[] = "/tmp/test_launcher_XXXXXX";
    struct options options;
    cr_assert(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
    cr_assert_eq(parse(line, &options), 0);
    return outputs_prepare(&options, &g_outputs);
}

Test(launcher_outputs, are_made_absolute_and_encoded)
{
    char wanted[640], here[256];
    cr_assert_eq(prepare_in_new_directory("-o a,b% -e unix:s -e tcp:127.0.0.1:80 -e tcp:[::1]:81"
                                          " -e file:/dev/null ls"),
                 0);
    cr_assert(getcwd(here, sizeof here));
    snprintf(wanted, sizeof wanted,
             "file:%s/a%%2cb%%25,unix:%s/s,tcp:127.0.0.1:80,tcp:[::1]:81,file:/dev/null", here,
             here);
    cr_expect_eq(strcasecmp(g_outputs.exporters, wanted), 0, "%s", g_outputs.exporters);
    cr_expect_str_eq(g_outputs.view_path, "a,b%");
    cr_expect_str_eq(g_outputs.description, "in a,b% and to unix:s and to tcp:127.0.0.1:80"
                                            " and to tcp:[::1]:81 and in /dev/null");
}

Test(launcher_outputs, resolve_host_names)
{
    cr_assert_eq(prepare_in_new_directory("-e tcp:localhost:4317 ls"), 0);
    cr_expect(strcmp(g_outputs.exporters, "tcp:127.0.0.1:4317") == 0 ||
                  strcmp(g_outputs.exporters, "tcp:[::1]:4317") == 0,
              "%s", g_outputs.exporters);
    cr_expect_str_eq(g_outputs.view_path, "");
}

Test(launcher_outputs, refuse_a_long_socket_path, .init = cr_redirect_stderr)
{
    char line[256];
    snprintf(line, sizeof line, "-e unix:%0100d ls", 0); /* only its absolute path is */
    cr_assert_eq(prepare_in_new_directory(line), -ENAMETOOLONG);
}

Test(launcher_outputs, refuse_a_file_that_cannot_be_made, .init = cr_redirect_stderr)
{
    cr_assert_eq(prepare_in_new_directory("-e file:no/such ls"), -ENOENT);
}

Test(launcher_options, reads_what_is_to_be_kept)
{
    struct options options;
    cr_assert_eq(parse("--keep errors,1% curl", &options), 0);
    cr_expect(options.keep.is_set && options.keep.errors);
    cr_expect_eq(options.keep.wait_ns, 2000000000);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(parse(i ? "--keep-wait 5s --keep errors curl" : "--keep errors --keep-wait 5s curl", &options), 0);
        cr_expect_eq(options.keep.wait_ns, 5000000000);
    }
    cr_assert_eq(parse("curl", &options), 0);
    cr_expect_not(options.keep.is_set);
}
