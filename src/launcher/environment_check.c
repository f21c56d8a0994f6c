#include "launcher/environment_check.h"

#include "launcher/message.h"
#include "trace/ignore.h"
#include "trace/propagator.h"
#include "trace/sampler.h"

#include <stdlib.h>

static void propagator_complain(const char *name, size_t len)
{
    message_print("OTEL_PROPAGATORS: '%.*s' is not known and does not count; known are " PROPAGATORS_KNOWN, (int)len,
                  name);
}

static void pattern_complain(const char *pattern, size_t len)
{
    message_print("RUN_TRACED_IGNORE: '%.*s' does not count; there may be %d patterns of %d characters, each a path that "
                  "begins with '/' or '*', or a method and a path",
                  (int)len, pattern, IGNORE_COUNT_MAX, IGNORE_PATTERN_LEN_MAX);
}

static void sampler_check(void)
{
    const char *name = getenv("OTEL_TRACES_SAMPLER"), *ratio = getenv("OTEL_TRACES_SAMPLER_ARG");
    struct sampler ignored;
    enum sampler_problem problem = sampler_parse(name, ratio, &ignored);
    if (problem == SAMPLER_UNKNOWN)
        message_print("OTEL_TRACES_SAMPLER: '%s' is not supported and does not count; there are " SAMPLERS_KNOWN, name);
    else if (problem == SAMPLER_WRONG_RATIO)
        message_print("OTEL_TRACES_SAMPLER_ARG: '%s' is no number from 0 to 1 and does not count: 1.0 is taken", ratio);
}

void environment_check(void)
{
    struct propagators propagators;
    struct ignore_list patterns;
    propagators_parse(getenv("OTEL_PROPAGATORS"), &propagators, propagator_complain);
    ignore_parse(getenv("RUN_TRACED_IGNORE"), &patterns, pattern_complain);
    sampler_check();
}
