#include "trace/sampler.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct sampler g_sampler = {.is_parent_based = true, .threshold = SAMPLER_ALL, .is_default = true};

static const struct known {
    const char *name;
    bool is_parent_based, has_ratio;
    uint64_t threshold;
} KNOWN[] = {
    {"always_on", false, false, SAMPLER_ALL},
    {"always_off", false, false, SAMPLER_NONE},
    {"traceidratio", false, true, SAMPLER_ALL},
    {"parentbased_always_on", true, false, SAMPLER_ALL},
    {"parentbased_always_off", true, false, SAMPLER_NONE},
    {"parentbased_traceidratio", true, true, SAMPLER_ALL},
};

static const struct known *known_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(KNOWN); i++)
        if (text_is_name(name, strlen(name), KNOWN[i].name))
            return &KNOWN[i];
    return NULL;
}

/* strtod alone would take white space, hexadecimal numbers, infinity and what is none. */
static bool ratio_parse(const char *text, double *ratio)
{
    char *end;
    if (strspn(text, "0123456789.eE+-") != strlen(text))
        return false;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value <= 1))
        return false;
    *ratio = value;
    return true;
}

static bool is_given(const char *value)
{
    return value && *value;
}

enum sampler_problem sampler_parse(const char *name, const char *ratio, struct sampler *out)
{
    const struct known *known = is_given(name) ? known_find(name) : NULL;
    enum sampler_problem problem = is_given(name) && !known ? SAMPLER_UNKNOWN : SAMPLER_FINE;
    double share = 1;
    if (!known)
        known = known_find("parentbased_always_on");
    *out = (struct sampler){.is_parent_based = known->is_parent_based, .threshold = known->threshold};
    if (known->has_ratio && is_given(ratio) && !ratio_parse(ratio, &share))
        problem = SAMPLER_WRONG_RATIO;
    if (known->has_ratio)
        out->threshold = SAMPLER_NONE - (uint64_t)(share * (double)SAMPLER_NONE);
    out->is_default = out->is_parent_based && out->threshold == SAMPLER_ALL;
    return problem;
}

void sampler_init_from_environment(void)
{
    sampler_parse(getenv("OTEL_TRACES_SAMPLER"), getenv("OTEL_TRACES_SAMPLER_ARG"), &g_sampler);
}

uint64_t sampler_trace_randomness(const uint8_t trace_id[TRACE_ID_LEN])
{
    uint64_t randomness = 0;
    for (int i = TRACE_ID_LEN - 7; i < TRACE_ID_LEN; i++)
        randomness = randomness << 8 | trace_id[i];
    return randomness;
}

uint8_t sampler_root_flags(const uint8_t trace_id[TRACE_ID_LEN])
{
    return sampler_trace_randomness(trace_id) >= g_sampler.threshold ? TRACE_FLAG_SAMPLED : 0;
}

static void flag_set(struct span_context *context, uint8_t sampled)
{
    context->trace_flags = (uint8_t)((context->trace_flags & ~TRACE_FLAG_SAMPLED) | sampled);
}

void sampler_decide(struct span_context *context, bool has_parent)
{
    if (context->trace_flags & TRACE_FLAG_IGNORED || (has_parent && g_sampler.is_parent_based))
        return;
    flag_set(context, sampler_root_flags(context->trace_id));
}

void sampler_follow(struct span_context *context, bool is_sampled)
{
    if (g_sampler.is_parent_based)
        flag_set(context, is_sampled ? TRACE_FLAG_SAMPLED : 0);
}
