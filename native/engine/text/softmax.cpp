#include "engine/text/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/neon.h"
#include "engine/kernels/simd.h"

namespace agora {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Σ exp(x - shift); shift is the largest x, and finite.
float sum_exp_plain(const float* begin, const float* end, float shift) {
    float sum = 0;
    for (const float* x = begin; x != end; ++x) sum += std::exp(*x - shift);
    return sum;
}

float highest_plain(const float* begin, const float* end) {
    return *std::max_element(begin, end);
}

#if defined(__x86_64__)

__attribute__((target("avx512f,avx512dq"))) float sum_exp_avx512(const float* begin, const float* end, float shift) {
    const __m512 low = _mm512_set1_ps(shift);
    const __m512 negligible = _mm512_set1_ps(-87.0f);
    __m512 sums = _mm512_setzero_ps();
    for (; end - begin >= 16; begin += 16) {
        const __m512 x = _mm512_sub_ps(_mm512_loadu_ps(begin), low);
        sums = _mm512_mask_add_ps(sums, _mm512_cmp_ps_mask(x, negligible, _CMP_GT_OQ), sums, exp512(x));
    }
    return _mm512_reduce_add_ps(sums) + sum_exp_plain(begin, end, shift);
}

__attribute__((target("avx512f"))) float highest_avx512(const float* begin, const float* end) {
    __m512 most = _mm512_set1_ps(kNever);
    for (; end - begin >= 16; begin += 16) most = _mm512_max_ps(most, _mm512_loadu_ps(begin));
    float result = _mm512_reduce_max_ps(most);
    for (; begin != end; ++begin) result = std::max(result, *begin);
    return result;
}

__attribute__((target("avx2,fma"))) float sum_exp_avx2(const float* begin, const float* end, float shift) {
    const __m256 low = _mm256_set1_ps(shift);
    const __m256 negligible = _mm256_set1_ps(-87.0f);
    __m256 sums = _mm256_setzero_ps();
    for (; end - begin >= 8; begin += 8) {
        const __m256 x = _mm256_sub_ps(_mm256_loadu_ps(begin), low);
        sums = _mm256_add_ps(sums, _mm256_and_ps(exp256(x), _mm256_cmp_ps(x, negligible, _CMP_GT_OQ)));
    }
    return sum256(sums) + sum_exp_plain(begin, end, shift);
}

__attribute__((target("avx2"))) float highest_avx2(const float* begin, const float* end) {
    __m256 most = _mm256_set1_ps(kNever);
    for (; end - begin >= 8; begin += 8) most = _mm256_max_ps(most, _mm256_loadu_ps(begin));
    float lanes[8];
    _mm256_storeu_ps(lanes, most);
    float result = *std::max_element(lanes, lanes + 8);
    for (; begin != end; ++begin) result = std::max(result, *begin);
    return result;
}

#elif defined(__aarch64__)

float sum_exp_neon(const float* begin, const float* end, float shift) {
    const float32x4_t negligible = vdupq_n_f32(-87.0f);
    float32x4_t sums = vdupq_n_f32(0);
    for (; end - begin >= 4; begin += 4) {
        const float32x4_t x = vsubq_f32(load4(begin), vdupq_n_f32(shift));
        const uint32x4_t counts = vcgtq_f32(x, negligible);
        sums = vaddq_f32(sums, vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(exp4(x)), counts)));
    }
    return vaddvq_f32(sums) + sum_exp_plain(begin, end, shift);
}

float highest_neon(const float* begin, const float* end) {
    float32x4_t most = vdupq_n_f32(kNever);
    for (; end - begin >= 4; begin += 4) most = vmaxq_f32(most, load4(begin));
    float result = vmaxvq_f32(most);
    for (; begin != end; ++begin) result = std::max(result, *begin);
    return result;
}

#endif

struct Kernels {
    float (*sum_exp)(const float*, const float*, float) = sum_exp_plain;
    float (*highest)(const float*, const float*) = highest_plain;
};

Kernels fastest() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return {sum_exp_avx512, highest_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {sum_exp_avx2, highest_avx2};
    return {};
#elif defined(__aarch64__)
    return {sum_exp_neon, highest_neon};
#else
    return {};
#endif
}

const Kernels& kernels() {
    static const Kernels chosen = fastest();
    return chosen;
}

}  // namespace

float highest(const float* begin, const float* end) {
    return kernels().highest(begin, end);
}

std::vector<int> highest_ones(const float* values, size_t count, size_t most) {
    constexpr size_t kAtOnce = 256;  // whose largest is looked at first: seldom is it among those wanted
    std::vector<int> found;
    for (size_t first = 0; first < count; first += kAtOnce) {
        const size_t last = std::min(count, first + kAtOnce);
        const auto may_enter = [&](float value) { return found.size() < most || value > values[found.back()]; };
        if (!may_enter(highest(values + first, values + last))) continue;
        for (size_t i = first; i < last; ++i) {
            if (!may_enter(values[i])) continue;
            const auto place =
                std::find_if(found.begin(), found.end(), [&](int other) { return values[other] < values[i]; });
            found.insert(place, static_cast<int>(i));
            if (found.size() > most) found.pop_back();
        }
    }
    return found;
}

float log_sum_exp(const float* begin, const float* end) {
    const float shift = highest(begin, end);
    return shift == kNever ? kNever : shift + std::log(kernels().sum_exp(begin, end, shift));
}

float log_sum_exp_plain(const float* begin, const float* end) {
    const float shift = highest_plain(begin, end);
    return shift == kNever ? kNever : shift + std::log(sum_exp_plain(begin, end, shift));
}

}  // namespace agora
