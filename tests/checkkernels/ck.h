/* What the families of checkkernels write their cases with: random tensors, the
 * comparison of a backend with the reference, and benchmarks.
 *
 * A case builds the arguments of one op in host memory, and ck_check does the
 * rest: the reference computes the results that are wanted; then every target
 * (backend, instruction sets, number of threads) computes them in memory of its
 * own. See main.c for what is promised and how it is run.
 *
 * Thread safety: none, one thread drives everything. */
#ifndef CK_H
#define CK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

#define CK_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* What tensors are filled with. Types of few bits get what fits into them. */
typedef enum ck_dist {
    CK_UNIT,              /* normal distribution */
    CK_ZERO,              /* both zeros */
    CK_HUGE,              /* around 1e15 (F16: 1e3), of either sign */
    CK_TINY,              /* subnormal, and just above */
    CK_MIXED,             /* each element one of the above */
    CK_OFFSET,            /* 1000 and a little: what loses digits in sums of squares */
    CK_SPECIAL,           /* CK_UNIT with NaN and both infinities */
    CK_NANS,              /* CK_UNIT with NaN */
    CK_RAMP,              /* -1.2 to 1.2: what pixels meet */
    CK_OUTPUT,            /* a pattern that no kernel writes */
    CK_DISTS
} ck_dist;

/* How far a result may be from the reference. One step of the type of dst is
 * always allowed, for the two may round to either side. */
struct ck_tol {
    const char *why;
    double of_result;     /* times |wanted| */
    double fixed;
    const double *each[2];            /* for every element of an output in order, or NULL */
    double rms;           /* largest RMS of the error, as a share of that of the result; 0: any */
    bool   f8;            /* weights are packed for activations that may be rounded to F8 */
};

extern const struct ck_tol ck_exact;          /* equal values, NaN being equal to NaN; no step */
extern const struct ck_tol ck_rounding;       /* a few operations of f32, nothing cancels */

/* Roundings of f32 that results may be apart by: a unit in the last place. */
#define CK_ULP 0x1p-23

struct ck;

struct ck_family {
    const char *name;
    void (*check)(struct ck *);
    void (*bench)(struct ck *);
};

extern const struct ck_family ck_linear, ck_attention, ck_norm, ck_rope, ck_elementwise, ck_conv,
    ck_quant, ck_pixel;

/* Begins a case, if it is one that is wanted. Ends the one before: its tensors
 * are gone. What the case draws depends on its name and the seed alone. */
bool ck_case(struct ck *ck, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Draws in [0, n). */
int ck_below(struct ck *ck, int n);
float ck_normal(struct ck *ck);

/* Matrices with an odd distance between rows; inputs end where a page that cannot
 * be read begins, outputs lie between canaries. ck_inout is an input that the op
 * may write to. A whole number of blocks is up to the caller. */
zk_tensor ck_tensor(struct ck *ck, zk_dtype type, int rows, int cols, ck_dist dist);
zk_tensor ck_vector(struct ck *ck, int cols, ck_dist dist);
zk_tensor ck_out(struct ck *ck, zk_dtype type, int rows, int cols);
zk_tensor ck_inout(struct ck *ck, zk_dtype type, int rows, int cols, ck_dist dist);
/* Without gaps. */
zk_tensor ck_dense(struct ck *ck, zk_dtype type, int t, int h, int w, int c, ck_dist dist);
zk_tensor ck_dense_out(struct ck *ck, zk_dtype type, int t, int h, int w, int c);
/* I32 [1, n], each below `below`. */
zk_tensor ck_ids(struct ck *ck, int n, int below);
/* Memory for a picture of rows and bytes a row; upside down if pitch is negative. */
void *ck_picture(struct ck *ck, int rows, int row_bytes, int64_t pitch);
/* Where an op leaves a number for the host. */
float *ck_result(struct ck *ck);
/* Zeroed, on the host, as long as the case. */
void *ck_memory(struct ck *ck, size_t bytes);

/* One element of a tensor of the case, or all as dense floats. Of tensors of more
 * than two axes, only dense ones. */
double ck_get(const zk_tensor *t, int64_t element);
float *ck_floats(struct ck *ck, const zk_tensor *t);

/* Runs the op on every target and compares. ck_check_weight does so for the
 * weight as it is, and again packed. */
void ck_check(struct ck *ck, zk_op op, const void *args, const struct ck_tol *tol);
void ck_check_weight(struct ck *ck, zk_op op, const void *args, const struct ck_tol *tol);
/* Every target, and the reference, must answer so, and write nothing. */
void ck_refuses(struct ck *ck, zk_op op, const void *args, zk_status status);
/* Computes with the reference, in the tensors as they are. */
void ck_reference(struct ck *ck, zk_op op, const void *args);
/* Counts a property that a family looked at itself. */
void ck_expect(struct ck *ck, bool good, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What a benchmark does, and which bare loop it is compared with. */
typedef enum ck_peak {
    CK_PEAK_F32, CK_PEAK_BF16, CK_PEAK_INT8, CK_PEAK_READ, CK_PEAK_TRIAD, CK_PEAKS
} ck_peak;

struct ck_load {
    double flops, bytes;
    ck_peak peak;
    int copies;           /* of the weight, used in turn so that none is left in a cache; 0 is 1 */
};

/* A benchmark ends its case; name it so that the shape is the last word. */
void ck_bench(struct ck *ck, zk_op op, const void *args, const struct ck_load *load);
void ck_bench_weight(struct ck *ck, zk_op op, const void *args, const struct ck_load *load);

#endif
