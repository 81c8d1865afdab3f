/* The vocabulary that models are written in: one function for each operation of
 * kernels/kernels.h, which has the formulas.
 *
 * An operation checks shapes, takes its result from the run's scratch arena,
 * calls the backend, and keeps the first failure in the run. Results live until
 * the caller's mark is released. Those that end in _to write into a tensor that
 * the caller has. Shapes are [rows, cols]; [T, H, W, C] where there are four.
 *
 * Thread safety: as the run's, one thread at a time. */
#ifndef ZC_OP_H
#define ZC_OP_H

#include "core/run.h"

/* A weight with its bias; of a norm, its scale and shift. Either may be absent. */
typedef struct zc_lin {
    zk_tensor w, b;
} zc_lin;

static inline int zk_rows(zk_tensor t)
{
    return t.dim[2];
}

static inline int zk_cols(zk_tensor t)
{
    return t.dim[3];
}

/* ---- Views: no memory moves ---- */

zk_tensor zc_rows(zk_tensor t, int from, int to);                  /* [to - from, cols] */
zk_tensor zc_cols(zk_tensor t, int from, int count);               /* [rows, count] */
zk_tensor zc_frames(zk_tensor t, int from, int to);                /* [to - from, H, W, C] */

/* Dense [T, H, W, C] -> [T * H * W, C], and back. */
zk_tensor zc_flat(zk_tensor t);
zk_tensor zc_grid(zk_tensor t, int frames, int height, int width);

/* ---- Memory ---- */

zk_tensor zc_tmp(zc_run *r, int rows, int cols);                   /* of the run's type */
zk_tensor zc_tmp_type(zc_run *r, zk_dtype type, int rows, int cols);
zk_tensor zc_tmp4(zc_run *r, int frames, int height, int width, int channels);
zk_tensor zc_tmp4_type(zc_run *r, zk_dtype type, const int32_t dim[4]);
zk_tensor zc_like(zc_run *r, zk_tensor t);                         /* dense; shape and type of t */

/* Copies between host and backend; t is dense, and host memory holds as many
 * bytes as it. Download waits until the values are there. */
void zc_upload(zc_run *r, zk_tensor t, const void *host);
void zc_download(zc_run *r, void *host, zk_tensor t);

/* A new F32 tensor with these values, which are copied. */
zk_tensor zc_floats(zc_run *r, const float *host, int rows, int cols);

/* ---- Products ---- */

/* act(x w^T + b): [m, k] -> [m, n] */
zk_tensor zc_linear(zc_run *r, zk_tensor x, const zc_lin *w, zk_act act);
void      zc_linear_to(zc_run *r, zk_tensor dst, zk_tensor x, const zc_lin *w, zk_act act);

typedef struct zc_attention {
    int     heads, kv_heads;      /* kv_heads 0 means as many as heads */
    float   scale;                /* 0 means 1 / sqrt(head size) */
    zk_mask mask;
    int     block;                /* ZK_MASK_BLOCKS: tokens a block */
} zc_attention;

/* [n, heads * d], [m, kv_heads * d] twice -> [n, heads * d] */
zk_tensor zc_attend(zc_run *r, zk_tensor q, zk_tensor k, zk_tensor v, const zc_attention *a);

typedef struct zc_conv_shape {
    int32_t kernel[3], stride[3]; /* time, height, width; stride 0 means 1 */
    int32_t before[3], after[3];  /* padding */
    zk_pad  pad;
} zc_conv_shape;

/* [T, H, W, in] -> [T', H', W', out]; w is [out, in * kt * kh * kw] */
zk_tensor zc_conv(zc_run *r, zk_tensor x, const zc_lin *w, const zc_conv_shape *c, zk_act act);
/* The shape of the result; an axis that the kernel does not fit becomes 0. */
void      zc_conv_dim(int32_t dim[4], zk_tensor x, const zc_lin *w, const zc_conv_shape *c);
void      zc_conv_to(zc_run *r, zk_tensor dst, zk_tensor x, const zc_lin *w,
                     const zc_conv_shape *c, zk_act act);

/* ---- Norms and positions ---- */

/* Over each row; the affine part may be NULL. */
zk_tensor zc_layer_norm(zc_run *r, zk_tensor x, const zc_lin *affine, float eps);
zk_tensor zc_rms_norm(zc_run *r, zk_tensor x, zk_tensor weight, float eps);

typedef struct zc_groups {
    int    groups;
    float  eps;
    zk_act act;
} zc_groups;

/* act(group_norm(x)), over all positions of [T, H, W, C] or [n, C]; dst may be x */
zk_tensor zc_group_norm(zc_run *r, zk_tensor x, const zc_lin *affine, const zc_groups *g);
void      zc_group_norm_to(zc_run *r, zk_tensor dst, zk_tensor x, const zc_lin *affine,
                           const zc_groups *g);

/* layer_norm(x) * (1 + scale) + shift */
zk_tensor zc_norm_mod(zc_run *r, zk_tensor x, zk_tensor shift, zk_tensor scale, float eps);

/* In place, each head on its own; RMS norm with eps. The weights [d] are q's in w, k's in b. */
void zc_qk_norm(zc_run *r, zk_tensor q, zk_tensor k, const zc_lin *weights, const zc_attention *a,
                float eps);

typedef struct zc_rope {
    zk_tensor     cos, sin;       /* F32 [rows, d / 2] */
    zk_rope_pairs pairs;
} zc_rope;

/* In place on q and k, which have the rope's rows. */
void zc_rope_apply(zc_run *r, zk_tensor q, zk_tensor k, const zc_rope *rope,
                   const zc_attention *a);

/* ---- Element by element ---- */

void      zc_add_gated(zc_run *r, zk_tensor x, zk_tensor y, zk_tensor gate);  /* x += gate * y */
void      zc_add_to(zc_run *r, zk_tensor dst, zk_tensor a, zk_tensor b);      /* b may be one row */
void      zc_mul_to(zc_run *r, zk_tensor dst, zk_tensor a, zk_tensor b);      /* b may be one row */
zk_tensor zc_act(zc_run *r, zk_tensor x, zk_act act);
zk_tensor zc_glu(zc_run *r, zk_tensor gate, zk_tensor up, zk_act act);        /* act(gate) * up */
zk_tensor zc_embed(zc_run *r, zk_tensor table, const int32_t *ids, int count);
zk_tensor zc_mean(zc_run *r, zk_tensor x);                                    /* [1, cols], F32 */

/* Converting where types differ; zc_cast returns x itself if it has that type already. */
zk_tensor zc_cast(zc_run *r, zk_tensor x, zk_dtype type);
void      zc_copy_to(zc_run *r, zk_tensor dst, zk_tensor src);

/* ---- Moving ---- */

/* Axis n of the result is axis order[n] of x. */
zk_tensor zc_permute(zc_run *r, zk_tensor x, const int order[4]);

/* [T, H, W, C] -> [T * H/p * W/p, C * p * p], features in the order (channel, y, x); and back,
 * the grid being T, H/p, W/p. */
zk_tensor zc_patch(zc_run *r, zk_tensor x, int p);
zk_tensor zc_unpatch(zc_run *r, zk_tensor tokens, const int32_t grid[3], int p);

/* [T, H, W, C] -> [single + (T - single) * by[0], H * by[1], W * by[2], C] */
zk_tensor zc_upsample(zc_run *r, zk_tensor x, const int32_t by[3], int single);

/* ---- Sampling and caching ---- */

/* dst = bias + sum of coef[n] * src[n], all of one shape; at most ZK_MIX_MAX of them */
typedef struct zc_term {
    zk_tensor src;
    float     coef;
} zc_term;

void zc_mix_to(zc_run *r, zk_tensor dst, const zc_term *terms, int count, float bias);

/* sum |a - b| / sum |b|; waits for it. 0 while measuring, or after a failure. */
float zc_drift(zc_run *r, zk_tensor a, zk_tensor b);

enum zc_guide_norm { ZC_GUIDE_PLAIN, ZC_GUIDE_KEEP_NORM };

/* dst = uncond + strength * (cond - uncond) */
void zc_guide_to(zc_run *r, zk_tensor dst, zk_tensor cond, zk_tensor uncond, float strength,
                 enum zc_guide_norm norm);

/* A picture [H, W, 3] in -1 .. 1 to pixels, rows pitch bytes apart, in the backend's memory. */
void zc_pixels_to(zc_run *r, void *dst, int64_t pitch, zk_pixel format, zk_tensor picture);

#endif
