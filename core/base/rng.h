/* Noise.
 *
 * zc_randn is a function of (seed, stream, element) and nothing else: however a
 * tensor is cut, in whatever order it is filled, with whatever compiler and
 * instruction set, the same bits come out. It is Philox 4x32-10 with the seed as
 * key and (element / 4, stream) as counter; each block of four words gives two
 * Box-Muller pairs, computed in double with fixed polynomials.
 *
 * zc_torch reproduces the noise of torch's CPU generator in F32, to about 1e-6,
 * for users who bring a seed from there.
 *
 * Thread safety: zc_philox and zc_randn are pure; a zc_torch belongs to one thread. */
#ifndef ZC_RNG_H
#define ZC_RNG_H

#include <stddef.h>
#include <stdint.h>

void zc_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

/* dst[i] = standard normal number of element first + i. */
void zc_randn(float *dst, uint64_t first, size_t count, uint64_t seed, uint64_t stream);

/* dst[i] in [0, 1): 24 random bits, of element first + i. */
void zc_randu(float *dst, uint64_t first, size_t count, uint64_t seed, uint64_t stream);

typedef struct zc_torch {
    uint32_t state[624];
    int      next;            /* index of the next word */
    double   spare;           /* second number of a pair; only short draws leave one */
    int      has_spare;
} zc_torch;

/* Only the low 32 bits of the seed matter, as there. */
void zc_torch_init(zc_torch *t, uint64_t seed);
uint32_t zc_torch_word(zc_torch *t);

/* One call of randn for a tensor of `count` elements: the numbers depend on how
 * many are drawn at once. */
void zc_torch_randn(zc_torch *t, float *dst, size_t count);

/* Natural logarithm of x in (0, 1], and sine and cosine of 2 pi x for x in [0, 1): within a few
 * units of the last place, with the same bits everywhere. */
double zc_fixed_log(double x);
void zc_fixed_sincos(double x, double *sine, double *cosine);

#endif
