#include "engine/kernels/number_formats.h"

#include <ggml.h>

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
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

}  // namespace
#endif

void narrow(const float* input, int count, Half* output) {
#if defined(__x86_64__)
    static const bool has_f16c = __builtin_cpu_supports("avx2");  // every processor with AVX2 has it
    if (has_f16c) {
        narrow_f16c(input, count, output);
        return;
    }
#endif
    ggml_fp32_to_fp16_row(input, output, count);
}

void narrow(const float* input, int count, float* output) {
    std::copy_n(input, count, output);
}

}  // namespace agora
