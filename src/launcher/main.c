/* main.c - run-traced: runs a command with the tracing library preloaded, or shows what was traced.
 */
#include "launcher/collect.h"
#include "launcher/config.h"
#include "launcher/mark.h"
#include "launcher/message.h"
#include "launcher/options.h"
#include "launcher/run.h"
#include "view/reproducible.h"
#include "view/run_diff.h"
#include "view/view.h"

#include <stdio.h>
#include <stdlib.h>

/* By this the tracing library knows us (shim/life.c). */
__attribute__((visibility("default"), used)) const char run_traced_launcher = 1;

static int finish_output(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_LAUNCHER_FAILED;
}

/* As diff and grep: 2 is trouble. */
static int check(const struct options *options)
{
    struct check_set set;
    enum check_status status = CHECK_STATUS_TROUBLE;
    if (check_load(&options->checks, &set) == 0)
        status = check_file(&set, &options->checks, options->view_path, 0, true, stdout);
    check_set_free(&set);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    message_guard_descriptors();
    if (options_parse(argc, argv, &options))
        return EXIT_LAUNCHER_FAILED;
    bool is_asked = options.mode == OPTIONS_HELP || options.mode == OPTIONS_VERSION;
    if (!is_asked && config_apply(&options))
        return EXIT_LAUNCHER_FAILED;
    switch (options.mode) {
    case OPTIONS_HELP:
        options_print_help(stdout);
        return finish_output();
    case OPTIONS_VERSION:
        puts("run-traced " RUN_TRACED_VERSION);
        return finish_output();
    case OPTIONS_PRINT_CONFIG:
        config_print(&options, stdout);
        return finish_output();
    case OPTIONS_VIEW:
        return view_file(options.view_path, stdout, &options.view);
    case OPTIONS_CHECK:
        return check(&options);
    case OPTIONS_DIFF:
        return run_diff_files(options.diff_paths[0], options.diff_paths[1], options.view.is_json, stdout);
    case OPTIONS_REPRODUCIBLE:
        return reproducible_print(options.view_path);
    case OPTIONS_MARK:
        return mark_make(options.mark);
    case OPTIONS_COLLECT:
        return collect(&options);
    default:
        return run_command(&options);
    }
}
