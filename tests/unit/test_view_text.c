/* What is printed, character by character: durations, untrusted text, bars; and the string pool. */
#include "base/compiler.h"
#include "view/bar.h"
#include "view/duration_text.h"
#include "view/screen.h"
#include "view/string_pool.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *g_bytes;
static size_t g_len;

static struct screen screen_in_memory(const char *locale, enum view_color color)
{
    struct screen screen;
    struct view_options options = {.width = 80, .color = color};
    setenv("LC_ALL", locale, 1);
    screen_open(&screen, open_memstream(&g_bytes, &g_len), &options);
    return screen;
}

static void screen_expect(struct screen *screen, const char *name, const char *expected)
{
    cr_assert_eq(screen_close(screen), 0);
    cr_expect_str_eq(g_bytes, expected, "%s: got '%s'", name, g_bytes);
    fclose(screen->out);
    free(g_bytes);
}

Test(view_duration, reads_well)
{
    static const struct {
        int64_t us;
        int digits;
        const char *expected;
    } rows[] = {
        {-5, 3, "0 µs"},
        {0, 3, "0 µs"},
        {92, 3, "92 µs"},
        {999, 3, "999 µs"},
        {1000, 3, "1.00 ms"},
        {9994, 3, "9.99 ms"},
        {9996, 3, "10.0 ms"},
        {99960, 3, "100 ms"},
        {843000, 3, "843 ms"},
        {843000, 2, "843 ms"},
        {999499, 3, "999 ms"},
        {999500, 3, "1.00 s"},
        {1020000, 3, "1.02 s"},
        {1020000, 2, "1.0 s"},
        {2300000, 2, "2.3 s"},
        {9960000, 2, "10 s"},
        {59499999, 3, "59.5 s"},
        {59500000, 3, "1 min 0 s"},
        {125000000, 3, "2 min 5 s"},
        {7500000000, 3, "2 h 5 min"},
        {90000000000, 3, "1 d 1 h"},
        {9007199254740992, 3, "104249 d 23 h"},
    };
    char text[DURATION_TEXT_LEN];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_expect_str_eq(duration_text(rows[i].us, rows[i].digits, true, text), rows[i].expected,
                         "%lld: got '%s'", (long long)rows[i].us, text);
    cr_expect_str_eq(duration_text(92, 3, false, text), "92 us");
}

Test(view_duration, gives_local_time_with_its_zone)
{
    char text[LOCAL_TIME_TEXT_LEN];
    setenv("TZ", "IST-5:30", 1);
    tzset();
    cr_expect_str_eq(local_time_text(1699999999123456, text), "2023-11-15T03:43:19.123+05:30");
    setenv("TZ", "NST3:30", 1);
    tzset();
    cr_expect_str_eq(local_time_text(0, text), "1969-12-31T20:30:00.000-03:30");
}

Test(view_screen, never_prints_untrusted_text_raw)
{
    static const struct {
        const char *name, *text;
        int columns;
        const char *utf8, *ascii;
    } rows[] = {
        {"plain", "abc", 9, "abc", "abc"},
        {"cut", "abcdef", 4, "abc…", "abc~"},
        {"exactly", "abcd", 4, "abcd", "abcd"},
        {"no room", "abcd", 0, "", ""},
        {"escape", "a\033[31mb", 9, "a�[31mb", "a?[31mb"},
        {"controls", "\x01\t\r\n\x7f", 9, "�����", "?????"},
        {"C1 control", "\xc2\x9b" "2J", 9, "�2J", "?2J"},
        {"raw C1 byte", "\x9b" "2J", 9, "�2J", "?2J"},
        {"right to left", "\u202e" "abc", 9, "�abc", "?abc"},
        {"zero width", "a\u200bb", 9, "a�b", "a?b"},
        {"cut UTF-8", "\xe6\xbc", 9, "��", "??"},
        {"overlong", "\xc0\x9b", 9, "��", "??"},
        {"surrogate", "\xed\xa0\x80", 9, "���", "???"},
        {"wide", "漢字", 9, "漢字", "??"},
        {"wide, cut in half", "漢字", 3, "漢…", "??"},
        {"combining", "e\u0301x", 2, "e\u0301x", "e~"},
        {"a tower of marks", "e\u0301\u0301\u0301\u0301x", 2, "e\u0301\u0301x", "e~"},
        {"a mark on nothing", "\u0301x", 9, "x", "?x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct screen screen = screen_in_memory("C.UTF-8", VIEW_COLOR_NEVER);
        screen_text(&screen, STYLE_PLAIN, rows[i].text, rows[i].columns);
        screen_expect(&screen, rows[i].name, rows[i].utf8);
        screen = screen_in_memory("C", VIEW_COLOR_NEVER);
        screen_text(&screen, STYLE_PLAIN, rows[i].text, rows[i].columns);
        screen_expect(&screen, rows[i].name, rows[i].ascii);
    }
}

Test(view_screen, leaves_no_blanks_at_the_end_of_a_line)
{
    struct screen screen = screen_in_memory("C.UTF-8", VIEW_COLOR_NEVER);
    screen_pad(&screen, 2);
    screen_put(&screen, STYLE_PLAIN, "a");
    screen_pad(&screen, 5);
    screen_newline(&screen);
    screen_expect(&screen, "pad", "  a\n");
}

Test(view_screen, takes_its_character_set_from_the_environment)
{
    static const struct {
        const char *lc_all, *lang;
        bool is_utf8;
    } rows[] = {
        {"C", NULL, false},      {"POSIX", NULL, false},        {"C.UTF-8", NULL, true},
        {NULL, NULL, true},      {NULL, "C", false},            {NULL, "C.UTF-8", true},
        {"", "C.UTF-8", true},   {"xx_XX.nonsense", NULL, true},
    };
    unsetenv("LC_CTYPE");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct screen screen = screen_in_memory("C", VIEW_COLOR_NEVER);
        screen_expect(&screen, "unused", "");
        rows[i].lc_all ? setenv("LC_ALL", rows[i].lc_all, 1) : unsetenv("LC_ALL");
        rows[i].lang ? setenv("LANG", rows[i].lang, 1) : unsetenv("LANG");
        screen_open(&screen, stdout, NULL);
        cr_expect_eq(screen.is_utf8, rows[i].is_utf8, "row %zu", i);
        screen_close(&screen);
    }
}

Test(view_screen, takes_its_width_from_columns_where_there_is_no_terminal)
{
    static const struct {
        const char *columns;
        int option, expected;
    } rows[] = {{"132", 0, 132}, {"132", 80, 80}, {NULL, 0, 100},     {"", 0, 100},
                {"-3", 0, 100},  {"x", 0, 100},   {"99999", 0, 400}, {"5", 0, 40}};
    FILE *out = tmpfile();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct screen screen;
        struct view_options options = {.width = rows[i].option};
        rows[i].columns ? setenv("COLUMNS", rows[i].columns, 1) : unsetenv("COLUMNS");
        screen_open(&screen, out, &options);
        cr_expect_eq(screen.width, rows[i].expected, "row %zu: %d", i, screen.width);
        cr_expect_not(screen.has_color, "a file is no terminal");
        screen_close(&screen);
    }
    fclose(out);
}

Test(view_bar, is_exact_to_an_eighth)
{
    static const struct {
        int64_t from, to, total;
        const char *utf8, *color, *ascii;
    } rows[] = {
        {0, 80, 80, "██████████", "\033[38;5;9m█\033[0m\033[38;5;9m████████\033[0m\033[38;5;9m█\033[0m",
         "=========="},
        {0, 3, 80, "▍", "\033[38;5;9m▍\033[0m", "="},
        {0, 0, 80, "▏", "\033[38;5;9m▏\033[0m", "="},
        {80, 80, 80, "         ▕", "         \033[38;5;9m\033[7m▉\033[27m\033[0m", "         ="},
        {8, 20, 80, " █▌", " \033[38;5;9m█\033[0m\033[38;5;9m▌\033[0m", " =="},
        {12, 24, 80, " ▐█", " \033[38;5;9m\033[7m▌\033[27m\033[0m\033[38;5;9m█\033[0m", " =="},
        {7, 9, 80, "▕▏", "\033[38;5;9m\033[7m▉\033[27m\033[0m\033[38;5;9m▏\033[0m", "="},
        {1, 3, 80, "▎", "\033[38;5;9m▎\033[0m", "="},
        {5, 7, 80, "▕", "\033[38;5;9m\033[7m▊\033[27m\033[0m", "="},
        {0, 0, 0, "██████████", NULL, "=========="},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *expected[] = {rows[i].utf8, rows[i].color, rows[i].ascii};
        for (int mode = 0; mode < 3; mode++) {
            struct screen screen = screen_in_memory(
                mode == 2 ? "C" : "C.UTF-8", mode == 1 ? VIEW_COLOR_ALWAYS : VIEW_COLOR_NEVER);
            bar_draw(&screen, 9, 10, (const int64_t[]){rows[i].from, rows[i].to}, rows[i].total);
            char name[32];
            snprintf(name, sizeof name, "row %zu mode %d", i, mode);
            if (expected[mode]) {
                screen_expect(&screen, name, expected[mode]);
            } else {
                screen_close(&screen);
                fclose(screen.out);
                free(g_bytes);
            }
        }
    }
}

Test(view_bar, never_leaves_its_columns)
{
    for (int columns = 1; columns < 12; columns++)
        for (int64_t from = 0; from <= 40; from++)
            for (int64_t to = from; to <= 40; to++) {
                struct screen screen = screen_in_memory("C.UTF-8", VIEW_COLOR_NEVER);
                bar_draw(&screen, STYLE_PLAIN, columns, (const int64_t[]){from, to}, 40);
                screen_put(&screen, STYLE_PLAIN, "|");
                fflush(screen.out);
                cr_assert_eq(screen_text_columns(&screen, g_bytes), columns + 1, "%d: %d-%d",
                             columns, (int)from, (int)to);
                screen_close(&screen);
                fclose(screen.out);
                free(g_bytes);
            }
}

Test(string_pool, keeps_each_string_once)
{
    struct string_pool pool = {0};
    const char *first = string_pool_intern(&pool, "payment-service", 15);
    cr_expect_str_eq(first, "payment-service");
    cr_expect_eq(string_pool_intern(&pool, "payment-service!", 15), first);
    cr_expect_neq(string_pool_intern(&pool, "payment", 7), first);
    cr_expect_str_eq(string_pool_intern(&pool, "", 0), "");
    cr_expect_eq(pool.count, 3);
    string_pool_free(&pool);
}

Test(string_pool, looks_at_few_slots_however_many_strings)
{
    enum { STRINGS = 200000 };
    struct string_pool pool = {0};
    char text[32];
    for (int i = 0; i < STRINGS; i++)
        string_pool_intern(&pool, text, (size_t)snprintf(text, sizeof text, "/users/%d", i));
    cr_expect_eq(pool.count, STRINGS);
    cr_expect_lt(pool.probe_count, 10u * STRINGS);
    cr_expect_not(pool.is_out_of_memory);
    string_pool_free(&pool);
}
