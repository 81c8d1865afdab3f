/* How far two results are apart: films, pictures, folders of pictures, or latents as
 * safetensors files.
 *
 * Pictures are compared in 8 bits: PSNR, its wrapped form (core/measure/psnr.h), SSIM of the grey
 * picture, and the mean of the three colours' SSIM. Latents are compared as numbers: the
 * peak is the range of the first file's tensor.
 *
 * Thread safety: pure but for the files. */
#ifndef ZC_COMPARE_H
#define ZC_COMPARE_H

#include "core/base/log.h"
#include "core/base/str.h"

typedef struct zc_compared {
    char   name[64];                  /* "frame 3", "latent 3" */
    double psnr, psnr_u8wrap, ssim, ssim_rgb;     /* of latents only the first counts */
} zc_compared;

typedef struct zc_comparison {
    bool         pictures;
    zc_compared *rows, mean;
    size_t       count, room;
} zc_comparison;

/* Both of one kind, with as many frames, or tensors, of the same size: else the message has both
 * sizes. */
zc_status zc_compare_files(zc_comparison *c, zc_log *log, const char *a, const char *b);
void      zc_comparison_fini(zc_comparison *c);
void      zc_comparison_words(const zc_comparison *c, zc_str *to);
void      zc_comparison_json(const zc_comparison *c, zc_str *to);

#endif
