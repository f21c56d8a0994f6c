#include "launcher/run_checks.h"

#include "launcher/message.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

int run_checks_load(struct run_checks *checks, const struct check_options *options)
{
    *checks = (struct run_checks){.options = options};
    return check_load(options, &checks->set);
}

int run_checks_begin(struct run_checks *checks, const struct outputs *outputs)
{
    struct stat st;
    if (checks->set.count == 0)
        return 0;
    if (!outputs->view_path[0]) {
        message_print("--check needs the spans in a file, in the format of this program; add one with -o FILE");
        return -EINVAL;
    }
    checks->path = outputs->view_path;
    checks->from = stat(checks->path, &st) == 0 ? st.st_size : 0;
    return 0;
}

int run_checks_end(struct run_checks *checks)
{
    enum check_status status = CHECK_STATUS_HOLDS;
    if (checks->path)
        status = check_file(&checks->set, checks->options, checks->path, checks->from, false, stderr);
    check_set_free(&checks->set);
    return status == CHECK_STATUS_TROUBLE ? EXIT_LAUNCHER_FAILED
           : status == CHECK_STATUS_FAILS ? EXIT_FAILURE
                                          : EXIT_SUCCESS;
}
