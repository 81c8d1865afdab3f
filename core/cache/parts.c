/* What several caching methods share. */

#include <string.h>

#include "core/base/format.h"
#include "core/base/num.h"
#include "core/cache/parts.h"

int zc_cache_repeat(const void *state, const zc_step *step, const zc_cache_past *past, float *coef,
                    float *bias)
{
    (void)state;
    (void)step;
    (void)past;
    coef[0] = 1;
    *bias = 0;
    return 1;
}

zc_status zc_cache_numbers(double *out, int most, int *count, zc_log *log, const char *key,
                           const char *text)
{
    static const char between[] = " ,";
    zc_status st = ZC_OK;

    *count = 0;
    for (const char *at = text + strspn(text, between); *at; at += strspn(at, between)) {
        const size_t bytes = strcspn(at, between);
        double value = 0;
        const char *why = zc_num_read_f64(&value, at, bytes);

        ZC_CHECK(!why, ZC_E_ARGUMENT, "cache.%s: '%s' %s", key, zc_quote(at, bytes).text, why);
        ZC_CHECK(*count < most, ZC_E_ARGUMENT, "cache.%s has more than %d numbers", key, most);
        out[(*count)++] = value;
        at += bytes;
    }
done:
    return st;
}
