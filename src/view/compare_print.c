#include "view/compare_print.h"

#include "base/compiler.h"
#include "view/duration_text.h"
#include "view/json_out.h"
#include "view/profile_json.h"

static const struct {
    const char *title;
    const char *name;
    bool has_times, has_errors;
} VERDICTS[VERDICT_COUNT] = {
    [VERDICT_SLOWER] = {"Slower", "slower", true, false},
    [VERDICT_FASTER] = {"Faster", "faster", true, false},
    [VERDICT_MORE_ERRORS] = {"Fails more often", "more_errors", false, true},
    [VERDICT_FEWER_ERRORS] = {"Fails less often", "fewer_errors", false, true},
    [VERDICT_NEW] = {"New", "new", false, false},
    [VERDICT_GONE] = {"Gone", "gone", false, false},
};

static void side_print(struct screen *screen, const char *name, const char *path, const struct profile *profile)
{
    char traces[COUNT_TEXT_LEN], spans[COUNT_TEXT_LEN];
    screen_put(screen, STYLE_BOLD, name);
    screen_text(screen, STYLE_PLAIN, path, 4096);
    screen_format(screen, STYLE_DIM, ": %s trace%s of %s span%s", count_text(profile->trace_count, traces),
                  profile->trace_count == 1 ? "" : "s", count_text(profile->span_count, spans),
                  profile->span_count == 1 ? "" : "s");
    if (profile->left_out_count)
        screen_format(screen, STYLE_ERROR, "; %s left out: too large", count_text(profile->left_out_count, traces));
    screen_newline(screen);
}

static void label_print(struct screen *screen, const struct service_colors *colors, const struct stats_key *key)
{
    bool is_call = key->kind == VIEW_KIND_CLIENT || key->kind == VIEW_KIND_PRODUCER;
    screen_pad(screen, 2);
    screen_text(screen, service_color(colors, key->service), key->service, screen->width);
    screen_put(screen, STYLE_DIM, !is_call ? " " : screen->is_utf8 ? " → " : " -> ");
    screen_text(screen, STYLE_PLAIN, key->what, screen->width);
    if (!key->other)
        return;
    screen_put(screen, STYLE_DIM, ", called by ");
    screen_text(screen, service_color(colors, key->other), key->other, screen->width);
}

static void p_print(struct screen *screen, double p)
{
    if (p < 0.0001)
        screen_put(screen, STYLE_DIM, ", p < 0.0001)");
    else
        screen_format(screen, STYLE_DIM, ", p = %.4f)", p);
}

static void times_print(struct screen *screen, const struct compared *item)
{
    char before[DURATION_TEXT_LEN], after[DURATION_TEXT_LEN], n[COUNT_TEXT_LEN], m[COUNT_TEXT_LEN];
    int64_t before_us = samples_percentile(&item->before->us, 50), after_us = samples_percentile(&item->after->us, 50);
    screen_format(screen, STYLE_BOLD, ": median %s, was %s", duration_text(after_us, 3, screen->is_utf8, after),
                  duration_text(before_us, 3, screen->is_utf8, before));
    if (before_us > 0)
        screen_format(screen, STYLE_PLAIN, " (%+.0f %%)", (double)(after_us - before_us) * 100 / (double)before_us);
    screen_format(screen, STYLE_DIM, " (of %s, %s", count_text(item->after->us.count, n),
                  count_text(item->before->us.count, m));
    p_print(screen, item->time_p);
}

static void errors_print(struct screen *screen, const struct compared *item)
{
    char texts[4][COUNT_TEXT_LEN];
    screen_format(screen, STYLE_BOLD, ": %s of %s, was %s of %s", count_text(item->after->error_count, texts[0]),
                  count_text(item->after->us.count, texts[1]), count_text(item->before->error_count, texts[2]),
                  count_text(item->before->us.count, texts[3]));
    screen_format(screen, STYLE_DIM, " (%.1f %%, was %.1f %%",
                  (double)item->after->error_count * 100 / (double)item->after->us.count,
                  (double)item->before->error_count * 100 / (double)item->before->us.count);
    p_print(screen, item->error_p);
}

static void only_print(struct screen *screen, struct stats *stats)
{
    char count[COUNT_TEXT_LEN], p50[DURATION_TEXT_LEN];
    screen_format(screen, STYLE_PLAIN, ": %s time%s, median %s", count_text(stats->us.count, count),
                  stats->us.count == 1 ? "" : "s",
                  duration_text(samples_percentile(&stats->us, 50), 3, screen->is_utf8, p50));
    if (stats->error_count)
        screen_format(screen, STYLE_ERROR, ", %s failed", count_text(stats->error_count, count));
}

static void item_print(struct screen *screen, const struct service_colors *colors, const struct compared *item,
                       enum verdict verdict)
{
    label_print(screen, colors, compare_key(item));
    if (VERDICTS[verdict].has_times)
        times_print(screen, item);
    else if (VERDICTS[verdict].has_errors)
        errors_print(screen, item);
    else
        only_print(screen, item->after ? item->after : item->before);
    screen_newline(screen);
}

static void verdict_print(struct screen *screen, const struct service_colors *colors,
                          const struct comparison *comparison, enum verdict verdict, size_t max)
{
    char count[COUNT_TEXT_LEN];
    size_t all = comparison->verdict_counts[verdict], shown = 0;
    if (all == 0)
        return;
    screen_newline(screen);
    screen_put(screen, STYLE_BOLD, VERDICTS[verdict].title);
    screen_newline(screen);
    for (size_t i = 0; i < comparison->count && shown < max; i++) {
        if (!(comparison->items[i].verdicts >> verdict & 1))
            continue;
        item_print(screen, colors, &comparison->items[i], verdict);
        shown++;
    }
    if (shown == all)
        return;
    screen_format(screen, STYLE_DIM, "  (and %s more: --limit N)", count_text(all - shown, count));
    screen_newline(screen);
}

void compare_print(struct screen *screen, const struct service_colors *colors, const struct compare_sides *sides,
                   const struct comparison *comparison, size_t max)
{
    char count[COUNT_TEXT_LEN];
    side_print(screen, "Before ", sides->before_path, sides->before);
    side_print(screen, "After  ", sides->after_path, sides->after);
    for (unsigned v = 0; v < VERDICT_COUNT; v++)
        verdict_print(screen, colors, comparison, v, max);
    screen_newline(screen);
    screen_format(screen, STYLE_PLAIN, "%s operation%s: no difference beyond chance and noise",
                  count_text(comparison->same_count, count), comparison->same_count == 1 ? "" : "s");
    screen_newline(screen);
    if (comparison->rare_count == 0)
        return;
    screen_format(screen, STYLE_PLAIN, "%s operation%s: too rare to say, fewer than %d in one of the files",
                  count_text(comparison->rare_count, count), comparison->rare_count == 1 ? "" : "s", COMPARE_COUNT_MIN);
    screen_newline(screen);
}

static void side_put(struct json_out *json, const char *key, const char *path, const struct profile *profile)
{
    json_open(json, key, '{');
    json_string(json, "file", path);
    json_number(json, "traces", (int64_t)profile->trace_count);
    json_number(json, "spans", (int64_t)profile->span_count);
    json_number(json, "leftOutTraces", (int64_t)profile->left_out_count);
    json_close(json, '}');
}

static void stats_put(struct json_out *json, const char *key, struct stats *stats)
{
    if (!stats)
        return;
    json_open(json, key, '{');
    json_number(json, "count", (int64_t)stats->us.count);
    json_number(json, "errors", (int64_t)stats->error_count);
    json_number(json, "p50", samples_percentile(&stats->us, 50));
    json_number(json, "p95", samples_percentile(&stats->us, 95));
    json_number(json, "p99", samples_percentile(&stats->us, 99));
    json_close(json, '}');
}

static void item_put(struct json_out *json, const struct compared *item)
{
    const struct stats_key *key = compare_key(item);
    json_open(json, NULL, '{');
    json_string(json, "service", key->service);
    json_string(json, "kind", view_kind_name(key->kind));
    json_string(json, "operation", key->what);
    json_string(json, "caller", key->other);
    json_open(json, "verdicts", '[');
    for (unsigned v = 0; v < VERDICT_COUNT; v++)
        if (item->verdicts >> v & 1)
            json_string(json, NULL, VERDICTS[v].name);
    if (item->is_rare)
        json_string(json, NULL, "too_rare");
    json_close(json, ']');
    stats_put(json, "before", item->before);
    stats_put(json, "after", item->after);
    if (item->before && item->after && !item->is_rare) {
        json_share(json, "timeP", item->time_p);
        json_share(json, "errorP", item->error_p);
    }
    json_close(json, '}');
}

void compare_json_print(const struct compare_sides *sides, const struct comparison *comparison, FILE *out)
{
    struct json_out json = {.out = out};
    json_open(&json, NULL, '{');
    side_put(&json, "before", sides->before_path, sides->before);
    side_put(&json, "after", sides->after_path, sides->after);
    json_open(&json, "operations", '[');
    for (size_t i = 0; i < comparison->count; i++)
        item_put(&json, &comparison->items[i]);
    json_close(&json, ']');
    json_close(&json, '}');
    json_newline(&json);
}
