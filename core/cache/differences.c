/* Backward differences, one order after the other, each row in place. */

#include <string.h>

#include "core/cache/differences.h"

void zc_differences_fill(zc_differences d, const int *step, int count)
{
    zc_differences at;        /* at[j]: the present order's difference that ends in entry j */

    memset(at, 0, sizeof(at));
    memset(d, 0, sizeof(zc_differences));
    for (int j = 0; j < count; j++)
        at[j][j] = 1;
    for (int o = 0; o < count; o++) {
        memcpy(d[o], at[0], sizeof(at[0]));
        for (int j = 0; j + 1 < count - o; j++) {
            const double distance = step[j] - step[j + 1];

            for (int k = 0; k < count; k++)
                at[j][k] = (at[j][k] - at[j + 1][k]) / distance;
        }
    }
}

int zc_differences_usable(const int *step, int count, int order, int first)
{
    int n = 0;

    while (n < count && n <= order && step[n] >= first - 2)
        n++;
    return n > 0 ? n : count > 0;
}
