#include "engine/kernels/number_formats.h"

#include <ggml.h>

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#include "engine/kernels/neon.h"
#endif

namespace agora {

#if defined(__x86_64__)
namespace {

// ggml's own conversion, out of any backend, goes value by value.
__attribute__((target("avx,f16c"))) void narrow_f16c(const float* input, int count, Half* output) {
    int i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(output + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(input + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    for (; i < count; ++i) output[i] = ggml_fp32_to_fp16(input[i]);
}

__attribute__((target("avx,f16c"))) void widen_f16c(const Half* input, int64_t count, float* output) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(output + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(input + i))));
    for (; i < count; ++i) output[i] = ggml_fp16_to_fp32(input[i]);
}

bool has_f16c() {
    static const bool has = __builtin_cpu_supports("avx2") != 0;  // every processor with AVX2 has it
    return has;
}

}  // namespace
#endif

void narrow(const float* input, int count, Half* output) {
#if defined(__x86_64__)
    if (has_f16c()) {
        narrow_f16c(input, count, output);
        return;
    }
#endif
    int i = 0;
#if defined(__aarch64__)
    for (; i + 4 <= count; i += 4) vst1_u16(output + i, vreinterpret_u16_f16(vcvt_f16_f32(load4(input + i))));
#endif
    ggml_fp32_to_fp16_row(input + i, output + i, count - i);
}

void widen(const Half* input, int64_t count, float* output) {
#if defined(__x86_64__)
    if (has_f16c()) {
        widen_f16c(input, count, output);
        return;
    }
#endif
    int64_t i = 0;
#if defined(__aarch64__)
    for (; i + 4 <= count; i += 4) vst1q_f32(output + i, load4(input + i));
#endif
    ggml_fp16_to_fp32_row(input + i, output + i, count - i);
}

void narrow(const float* input, int count, float* output) {
    std::copy_n(input, count, output);
}

}  // namespace agora
