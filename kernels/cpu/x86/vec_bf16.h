/* Vectors of 16 floats with AVX-512 and its conversion to bf16, which takes one
 * instruction but makes zeros of subnormal numbers. */
#ifndef ZK_CPU_X86_VEC_BF16_H
#define ZK_CPU_X86_VEC_BF16_H

#include <immintrin.h>

#define V_ISA(name) name##_bf16
#define V_TO_BF16(a) ((__m256i)_mm512_cvtneps_pbh(a))

#include "kernels/cpu/x86/vec_avx512.h"

#endif
