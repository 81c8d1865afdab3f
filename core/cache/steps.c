/* Sets of steps that are computed in full. */

#include <string.h>

#include "core/base/format.h"
#include "core/cache/parts.h"
#include "core/cache/steps.h"

#define LESA_FORCED 3      /* so that its first expert has four features to look at */

void zc_steps_periodic(uint8_t *full, int steps, int first, int interval, int forced)
{
    int since = 0;

    for (int i = 0; i < steps; i++) {
        full[i] = i < first || since == interval - 1;
        since = full[i] ? 0 : since + 1;
        full[i] |= i == forced;
    }
}

zc_status zc_steps_parse(uint8_t *full, int steps, zc_log *log, const char *text)
{
    zc_status st = ZC_OK;
    double number[ZC_CACHE_LIST];
    int count = 0;

    memset(full, 0, (size_t)steps);
    ZC_TRY(zc_cache_numbers(number, ZC_CACHE_LIST, &count, log, "full", text));
    for (int i = 0; i < count; i++) {
        const bool known = number[i] >= 0 && number[i] < steps;

        ZC_CHECK(known && number[i] == (int)number[i], ZC_E_ARGUMENT,
                 "cache.full: step %g, expected a whole number from 0 to %d", number[i], steps - 1);
        full[(int)number[i]] = 1;
    }
    ZC_CHECK(full[0], ZC_E_ARGUMENT, "cache.full: '%s' lacks step 0, which can't be predicted",
             zc_quote_text(text).text);
done:
    return st;
}

void zc_steps_listed(uint8_t *full, int steps, const int16_t *list)
{
    memset(full, 0, (size_t)steps);
    for (; *list >= 0; list++) {
        if (*list < steps)
            full[*list] = 1;
    }
}

int zc_steps_count(const uint8_t *full, int steps)
{
    int count = 0;

    for (int i = 0; i < steps; i++)
        count += full[i] != 0;
    return count;
}

void zc_steps_lesa(uint8_t *full, int steps, int first, int interval)
{
    zc_steps_periodic(full, steps, first, interval, LESA_FORCED);
}

static const struct row {
    int     interval;
    int16_t step[12];
} rows[] = {
    { 5, { 0, 1, 2, 4, 6, 9, 14, 23, 30, 37, 44, -1 } },
    { 6, { 0, 1, 2, 4, 7, 14, 23, 31, 38, 45, -1 } },
    { 7, { 0, 1, 2, 4, 9, 17, 26, 35, 43, -1 } },
    { 8, { 0, 1, 2, 4, 10, 20, 31, 41, -1 } },
    { 10, { 0, 1, 2, 4, 12, 24, 38, -1 } },
    { 16, { 0, 1, 2, 4, 16, 32, -1 } },
};

bool zc_steps_l2p(uint8_t *full, int steps, int interval)
{
    for (size_t i = 0; i < ZC_COUNT(rows); i++) {
        if (rows[i].interval == interval && steps == ZC_STEPS_L2P) {
            zc_steps_listed(full, steps, rows[i].step);
            return true;
        }
    }
    return false;
}
