// What 64-bit Arm's vectors are used for outside products, and the sets of kernels there are for them.
#pragma once

#if defined(__aarch64__)
#include <arm_neon.h>

#include "engine/kernels/kernel_set.h"
#include "engine/kernels/number_formats.h"

namespace agora {

// What 8-bit products are made of.
enum class NeonBytes {
    Widened,  // products of 16 bits, on every processor
    DotProd,  // sums of four products
    I8mm,     // products of small matrices
};

KernelSet neon_kernels(const char* name, NeonBytes bytes, bool bf16);

inline float32x4_t load4(const float* p) {
    return vld1q_f32(p);
}

inline float32x4_t load4(const Half* p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

// exp(x) for x <= 0 by 2^n · p(f), |f| <= 0.5 ln 2: a degree-5 polynomial, relative error 2e-7 (Cephes, expf).
inline float32x4_t exp4(float32x4_t x) {
    x = vmaxq_f32(x, vdupq_n_f32(-87.0f));
    const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t f = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f));
    f = vfmsq_f32(f, n, vdupq_n_f32(-2.12194440e-4f));
    float32x4_t p = vdupq_n_f32(1.9875691500e-4f);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, f);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, f);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, f);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, f);
    p = vfmaq_f32(vaddq_f32(f, vdupq_n_f32(1.0f)), p, vmulq_f32(f, f));
    const int32x4_t exponent = vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(p, vreinterpretq_f32_s32(exponent));
}

}  // namespace agora
#endif
