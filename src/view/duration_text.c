#include "view/duration_text.h"

#include "base/compiler.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Decimals so that @digits significant ones show, as the value will be rounded. */
static int decimals_for(double value, int digits)
{
    int decimals = digits - 1;
    double limit = 10;
    double half = digits == 3 ? 0.005 : 0.05;
    while (decimals > 0 && value >= limit - half) {
        decimals--;
        limit *= 10;
        half *= 10;
    }
    return decimals;
}

/* Two units: "2 min 5 s". */
static void long_text(int64_t seconds, char *out)
{
    static const struct {
        int64_t seconds;
        const char *unit;
        const char *part_unit;
        int64_t part_seconds;
    } units[] = {{86400, "d", "h", 3600}, {3600, "h", "min", 60}, {60, "min", "s", 1}};
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds)
        i++;
    snprintf(out, DURATION_TEXT_LEN, "%lld %s %lld %s", (long long)(seconds / units[i].seconds),
             units[i].unit, (long long)(seconds % units[i].seconds / units[i].part_seconds),
             units[i].part_unit);
}

const char *duration_text(int64_t us, int digits, bool is_utf8, char out[DURATION_TEXT_LEN])
{
    us = MAX(us, 0);
    if (us < 1000) {
        snprintf(out, DURATION_TEXT_LEN, "%d %s", (int)us, is_utf8 ? "µs" : "us");
    } else if (us < 999500) {
        double ms = (double)us / 1e3;
        snprintf(out, DURATION_TEXT_LEN, "%.*f ms", decimals_for(ms, digits), ms);
    } else if (us < 59500000) {
        double s = (double)us / 1e6;
        snprintf(out, DURATION_TEXT_LEN, "%.*f s", decimals_for(s, digits), s);
    } else {
        long_text((us + 500000) / 1000000, out);
    }
    return out;
}

const char *count_text(uint64_t count, char out[COUNT_TEXT_LEN])
{
    char digits[COUNT_TEXT_LEN];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *local_time_text(int64_t unix_us, char out[LOCAL_TIME_TEXT_LEN])
{
    time_t seconds = (time_t)(unix_us / 1000000);
    struct tm local;
    char date[24] = "";
    if (!localtime_r(&seconds, &local) ||
        !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local)) {
        snprintf(out, LOCAL_TIME_TEXT_LEN, "@%lld", (long long)seconds);
        return out;
    }
    long offset_min = labs(local.tm_gmtoff) / 60;
    snprintf(out, LOCAL_TIME_TEXT_LEN, "%s.%03d%c%02ld:%02ld", date,
             (int)(unix_us % 1000000 / 1000), local.tm_gmtoff < 0 ? '-' : '+',
             offset_min / 60 % 100, offset_min % 60);
    return out;
}
