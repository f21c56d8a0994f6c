/* test_sampler.c - which traces are recorded: what the two variables say, and that all who ask agree. */
#include "trace/sampler.h"

#include "base/compiler.h"
#include "trace/traceparent.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void use(const char *name, const char *ratio)
{
    cr_assert_eq(sampler_parse(name, ratio, &g_sampler), SAMPLER_FINE, "%s %s", name, ratio);
}

Test(sampler, understands_the_standard_names_and_tells_what_is_wrong)
{
    static const struct {
        const char *name, *ratio;
        enum sampler_problem problem;
        bool is_parent_based;
        uint64_t threshold;
    } rows[] = {
        {NULL, NULL, SAMPLER_FINE, true, SAMPLER_ALL},
        {"", "0.5", SAMPLER_FINE, true, SAMPLER_ALL},
        {"always_on", NULL, SAMPLER_FINE, false, SAMPLER_ALL},
        {"always_on", "nonsense", SAMPLER_FINE, false, SAMPLER_ALL},
        {"Always_Off", NULL, SAMPLER_FINE, false, SAMPLER_NONE},
        {"traceidratio", NULL, SAMPLER_FINE, false, SAMPLER_ALL},
        {"traceidratio", "", SAMPLER_FINE, false, SAMPLER_ALL},
        {"traceidratio", "0.25", SAMPLER_FINE, false, SAMPLER_NONE / 4 * 3},
        {"traceidratio", "0", SAMPLER_FINE, false, SAMPLER_NONE},
        {"traceidratio", "1", SAMPLER_FINE, false, SAMPLER_ALL},
        {"traceidratio", "2.5e-1", SAMPLER_FINE, false, SAMPLER_NONE / 4 * 3},
        {"parentbased_always_on", NULL, SAMPLER_FINE, true, SAMPLER_ALL},
        {"parentbased_always_off", NULL, SAMPLER_FINE, true, SAMPLER_NONE},
        {"parentbased_traceidratio", ".5", SAMPLER_FINE, true, SAMPLER_NONE / 2},
        {"parentbased_traceidratio", "1.1", SAMPLER_WRONG_RATIO, true, SAMPLER_ALL},
        {"traceidratio", "-0.1", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"traceidratio", "50%", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"traceidratio", "nan", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"traceidratio", "0x1p-1", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"traceidratio", " 0.5", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"traceidratio", "0.5 ", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"traceidratio", "e", SAMPLER_WRONG_RATIO, false, SAMPLER_ALL},
        {"jaeger_remote", "endpoint=x", SAMPLER_UNKNOWN, true, SAMPLER_ALL},
        {"xray", NULL, SAMPLER_UNKNOWN, true, SAMPLER_ALL},
        {"always", NULL, SAMPLER_UNKNOWN, true, SAMPLER_ALL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sampler sampler;
        cr_expect_eq(sampler_parse(rows[i].name, rows[i].ratio, &sampler), rows[i].problem, "%s %s", rows[i].name,
                     rows[i].ratio);
        cr_expect_eq(sampler.is_parent_based, rows[i].is_parent_based, "%s", rows[i].name);
        cr_expect_eq(sampler.threshold, rows[i].threshold, "%s %s: %llx", rows[i].name, rows[i].ratio,
                     (unsigned long long)sampler.threshold);
        cr_expect_eq(sampler.is_default, sampler.is_parent_based && sampler.threshold == SAMPLER_ALL);
    }
}

/* The order of the last seven bytes decides, and nothing before them. */
Test(sampler, looks_at_the_last_56_bits_of_the_trace_id)
{
    static const struct {
        const char *trace_id, *ratio;
        bool is_sampled;
    } rows[] = {
        {"00000000000000000080000000000000", "0.5", true},
        {"ffffffffffffffffff7fffffffffffff", "0.5", false},
        {"000000000000000000ffffffffffffff", "1e-16", true},
        {"000000000000000000fffffffffffff0", "1e-16", false},
        {"fffffffffffffffffffffffffffffffe", "0", false},
        {"01000000000000000000000000000000", "1", true},
        {"01000000000000000000000000000000", "0.999", false},
        {"000000000000000000c0000000000000", "0.25", true},
        {"000000000000000000bfffffffffffff", "0.25", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span_context context;
        char value[TRACEPARENT_LEN + 1] = "00-";
        memcpy(value + 3, rows[i].trace_id, 32);
        memcpy(value + 35, "-b7ad6b7169203331-00", 21);
        cr_assert_eq(traceparent_parse(value, TRACEPARENT_LEN, &context), 0);
        use("traceidratio", rows[i].ratio);
        cr_expect_eq(sampler_root_flags(context.trace_id) == TRACE_FLAG_SAMPLED, rows[i].is_sampled, "%s at %s",
                     rows[i].trace_id, rows[i].ratio);
    }
}

static struct span_context parent_with(uint8_t flags)
{
    return (struct span_context){
        .is_valid = true, .trace_flags = flags, .trace_id = {[9] = 0x40, [15] = 1}, .span_id = {1}};
}

Test(sampler, decides_for_roots_and_children)
{
    enum { NO = 0, YES = 1, RANDOM = TRACE_FLAG_RANDOM };
    static const struct {
        const char *name, *ratio;
        bool root, of_sampled, of_unsampled; /* the parent's id is at a quarter */
    } rows[] = {
        {NULL, NULL, true, true, false},
        {"parentbased_always_on", NULL, true, true, false},
        {"parentbased_always_off", NULL, false, true, false},
        {"parentbased_traceidratio", "0", false, true, false},
        {"always_on", NULL, true, true, true},
        {"always_off", NULL, false, false, false},
        {"traceidratio", "0", false, false, false},
        {"traceidratio", "1", true, true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span_context root, child, sampled = parent_with(RANDOM | YES), unsampled = parent_with(NO);
        use(rows[i].name, rows[i].ratio);
        span_context_child(&root, NULL);
        cr_expect_eq(root.trace_flags, RANDOM | rows[i].root, "%s", rows[i].name);
        span_context_child(&child, &sampled);
        cr_expect_eq(child.trace_flags, RANDOM | rows[i].of_sampled, "%s", rows[i].name);
        span_context_child(&child, &unsampled);
        cr_expect_eq(child.trace_flags, rows[i].of_unsampled, "%s", rows[i].name);
    }
    use("traceidratio", "0.7");
    struct span_context child, sampled = parent_with(YES);
    span_context_child(&child, &sampled);
    cr_expect_eq(child.trace_flags, NO, "a quarter is below 0.3");
    use("traceidratio", "0.8");
    span_context_child(&child, &sampled);
    cr_expect_eq(child.trace_flags, YES);
}

Test(sampler, what_is_ignored_stays_so_for_all_that_is_done_for_it)
{
    struct span_context ignored = parent_with(TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM), child, grandchild;
    char value[TRACEPARENT_LEN];
    use("always_on", NULL);
    span_context_ignore(&ignored);
    span_context_child(&child, &ignored);
    span_context_child(&grandchild, &child);
    cr_assert_not(span_context_is_sampled(&grandchild));
    traceparent_format(&grandchild, value);
    cr_assert_arr_eq(value + 52, "-02", 3, "what is our own stays here");
}

Test(sampler, follows_what_the_trace_is_a_part_of_if_it_is_parent_based)
{
    struct span_context context = parent_with(TRACE_FLAG_SAMPLED);
    sampler_follow(&context, false);
    cr_assert_not(span_context_is_sampled(&context));
    use("parentbased_always_off", NULL);
    sampler_follow(&context, true);
    cr_assert(span_context_is_sampled(&context));
    use("always_on", NULL);
    sampler_follow(&context, false);
    cr_assert(span_context_is_sampled(&context));
}

enum { IDS = 20000 };

static void ids_make(uint8_t ids[IDS][TRACE_ID_LEN])
{
    uint64_t state = 42; /* SplitMix64 */
    for (int i = 0; i < IDS; i++)
        for (int j = 0; j < TRACE_ID_LEN; j += 8) {
            uint64_t x = state += 0x9e3779b97f4a7c15ULL;
            x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
            x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
            x ^= x >> 31;
            memcpy(&ids[i][j], &x, sizeof x);
        }
}

/* Four standard deviations; and a trace that a small ratio keeps is kept by each larger one. */
Test(sampler, keeps_the_share_that_was_asked_for)
{
    static uint8_t ids[IDS][TRACE_ID_LEN];
    static bool was_kept[IDS];
    static const struct {
        const char *ratio;
        int expected, within;
    } rows[] = {{"0.001", 20, 18}, {"0.01", 200, 57}, {"0.1", 2000, 170}, {"0.5", 10000, 283}, {"0.9", 18000, 170}};
    ids_make(ids);
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        int count = 0;
        use("parentbased_traceidratio", rows[row].ratio);
        for (int i = 0; i < IDS; i++) {
            bool is_kept = sampler_root_flags(ids[i]);
            cr_assert(is_kept || !was_kept[i], "%s keeps less", rows[row].ratio);
            was_kept[i] = is_kept;
            count += is_kept;
        }
        cr_expect_leq(abs(count - rows[row].expected), rows[row].within, "%s: %d", rows[row].ratio, count);
    }
}

Test(sampler, is_of_the_same_opinion_in_each_process)
{
    static uint8_t ids[IDS][TRACE_ID_LEN];
    static char opinions[2][IDS];
    int ends[2], status;
    ids_make(ids);
    cr_assert_eq(pipe(ends), 0);
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.3", 1);
    pid_t child = fork();
    sampler_init_from_environment();
    for (int i = 0; i < IDS; i++)
        opinions[child == 0][i] = sampler_root_flags(ids[i]) != 0;
    if (child == 0)
        _exit(write(ends[1], opinions[1], IDS) != IDS);
    for (ssize_t at = 0; at < IDS;)
        at += read(ends[0], opinions[1] + at, (size_t)(IDS - at));
    waitpid(child, &status, 0);
    cr_assert_arr_eq(opinions[0], opinions[1], IDS);
    cr_assert(memchr(opinions[0], 1, IDS) && memchr(opinions[0], 0, IDS));
}

Test(sampler, contexts_in_the_default_are_as_they_were)
{
    struct span_context root;
    cr_assert(g_sampler.is_default);
    span_context_child(&root, NULL);
    cr_assert_eq(root.trace_flags, TRACE_FLAG_SAMPLED | TRACE_FLAG_RANDOM);
    cr_assert_not(sampler_is_off());
    use("always_off", NULL);
    cr_assert(sampler_is_off());
    use("parentbased_always_off", NULL);
    cr_assert_not(sampler_is_off());
}
