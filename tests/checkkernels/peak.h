/* Bare loops that measure what this machine can do at most: arithmetic without
 * memory, and memory without arithmetic.
 *
 * Thread safety: the loops are pure; measuring is for one thread, which drives the pool. */
#ifndef CK_PEAK_H
#define CK_PEAK_H

#include "core/base/thread.h"
#include "tests/checkkernels/ck.h"

/* Each runs its loop n times and returns the operations done; *sink keeps the
 * compiler from dropping it. */
typedef double ck_loop(long n, float *sink);

double ck_loop_f32_c(long n, float *sink);
double ck_loop_f32_avx2(long n, float *sink);
double ck_loop_f32_avx512(long n, float *sink);
double ck_loop_f32_neon(long n, float *sink);
double ck_loop_bf16(long n, float *sink);         /* AVX-512-BF16 */
double ck_loop_int8(long n, float *sink);         /* AVX-512-VNNI */

/* Over n floats, a multiple of 64, 64-byte aligned. read adds up a; triad is
 * a = b + s * c. */
struct ck_memory_loops {
    float (*read)(const float *a, size_t n);
    void  (*triad)(float *a, const float *b, const float *c, float s, size_t n);
};

extern const struct ck_memory_loops ck_memory_c, ck_memory_avx2, ck_memory_avx512;

/* What counts as time. CK_CLOCK_CPU is what the threads spent on a processor, divided by
 * how many there are: on a machine that others use too it says more than the wall does,
 * but it does not see threads that sleep while others work. It moves in ticks, so only
 * sums of many readings mean something. */
typedef enum ck_clock { CK_CLOCK_WALL, CK_CLOCK_CPU } ck_clock;

struct ck_meter;

/* flags are those of zk_cpu_flags that may be used. */
struct ck_meter *ck_meter_open(zc_pool *pool, unsigned flags, ck_clock clock);
void ck_meter_close(struct ck_meter **meter);

int64_t ck_meter_clock(const struct ck_meter *meter);     /* ns; its zero means nothing */

/* One short measurement: operations or bytes done, and the seconds it took. */
double ck_meter_read(struct ck_meter *meter, ck_peak peak, double *seconds);
const char *ck_peak_name(ck_peak peak);

#endif
