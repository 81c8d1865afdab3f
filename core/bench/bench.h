/* Benchmarks of caching as tasks: a list of methods at equal numbers of computed
 * steps, each against the uncached run from the same noise, over a file of
 * prompts. Comes out as CSV and, if wanted, as a plot.
 *
 * One line of the CSV is a method at one number of computed steps; its columns:
 *     method, full_steps (mean), runs
 *     flops (of denoising), flops_gain, wall_gain, work_gain (time of processors)
 *     predicted_step: time of a predicted step over that of a computed one
 *     psnr, psnr_u8wrap (see core/measure/psnr.h), ssim: of 8-bit frames, means of frames,
 *     then of prompts; 0 without pixels
 *     psnr_f32: of the same frames before they were rounded to 8 bits, which hides what is
 *     less than half a step
 *     psnr_latent: the same of the last latents, the peak being the uncached one's range
 *     cache_bytes: remembered features
 *     options: of the method, those that were found for the number of steps included
 *
 * zc_bench_start is in core.h. What was run is kept in OUTPUT.bench, so that the same
 * benchmark goes on where it stopped. Memory beyond the model's: one film in f32, two latents.
 *
 * Thread safety: as core.h says. */
#ifndef ZC_BENCH_H
#define ZC_BENCH_H

#include "core/core.h"

extern const zc_opt zc_bench_opts[];

#endif
