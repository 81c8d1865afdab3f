/* Vectors of 16 floats with AVX-512 and its conversion to bf16, which takes one
 * instruction but makes zeros of subnormal numbers; and activations that are no
 * more accurate than bf16 needs. */
#ifndef ZK_CPU_X86_VEC_BF16_H
#define ZK_CPU_X86_VEC_BF16_H

#include <immintrin.h>

#include "kernels/cpu/inline.h"
#include "kernels/kernels.h"

#define V_ISA(name) name##_bf16
#define V_TO_BF16(a) ((__m256i)_mm512_cvtneps_pbh(a))
#define V_ACT_SHORT(a, act) act_short(a, act)

/* x / (1 + 2^t): 2^t = 2^n 2^r with |r| <= 1/2, 2^r by a polynomial of degree 3, within
 * 8e-5; the reciprocal is within 2^-14. */
ZK_INLINE __m512 over_power(__m512 x, __m512 t)
{
    t = _mm512_max_ps(_mm512_set1_ps(-150), _mm512_min_ps(_mm512_set1_ps(128), t));
    const __m512 n = _mm512_roundscale_ps(t, 8), r = _mm512_sub_ps(t, n);
    __m512 p = _mm512_set1_ps(0.05517165f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.24261112f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.69326099f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.99992807f));
    const __m512 below = _mm512_add_ps(_mm512_scalef_ps(p, n), _mm512_set1_ps(1));

    return _mm512_mul_ps(x, _mm512_rcp14_ps(below));
}

/* log2(below / above) / x, where the normal distribution has these parts on either
 * side of x; z = x^2. What it makes of x is within 3e-4, relatively, or 3e-7. */
ZK_INLINE __m512 odds(__m512 z)
{
    __m512 p = _mm512_set1_ps(-1.1755402e-06f);

    z = _mm512_min_ps(_mm512_set1_ps(30.25f), z);
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(3.3561127e-05f));
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(0.00082046707f));
    p = _mm512_fmadd_ps(p, z, _mm512_set1_ps(-0.10658920f));
    return _mm512_fmadd_ps(p, z, _mm512_set1_ps(-2.3010136f));
}

/* All are x sigmoid(y) = x / (1 + 2^(-y log2(e))). */
ZK_INLINE __m512 act_short(__m512 x, zk_act act)
{
    const __m512 z = _mm512_mul_ps(x, x);

    switch (act) {
    case ZK_ACT_SILU:
        return over_power(x, _mm512_mul_ps(x, _mm512_set1_ps(-1.44269504f)));
    case ZK_ACT_QUICK_GELU:
        return over_power(x, _mm512_mul_ps(x, _mm512_set1_ps(-2.45546696f)));
    case ZK_ACT_GELU_TANH:
        return over_power(x, _mm512_mul_ps(x, _mm512_fmadd_ps(z, _mm512_set1_ps(-0.102943240f),
                                                              _mm512_set1_ps(-2.30220820f))));
    case ZK_ACT_GELU_ERF:
        return over_power(x, _mm512_mul_ps(x, odds(z)));
    default:
        return x;
    }
}

#include "kernels/cpu/x86/vec_avx512.h"

#endif
