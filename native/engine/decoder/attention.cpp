#include "engine/decoder/attention.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>

#include "engine/kernels/neon.h"
#include "engine/kernels/simd.h"

namespace agora {
namespace {

constexpr float kScale = 0.125f;  // 1 / sqrt(64)

#if defined(__x86_64__)

__attribute__((target("avx512f"))) inline __m512 load512(const Half* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

__attribute__((target("avx512f"))) inline __m512 load512(const float* p) {
    return _mm512_loadu_ps(p);
}

template <typename Value>
__attribute__((target("avx512f,avx512dq"))) void attend_avx512(const float* query, const Value* keys,
                                                               const Value* values, int count, float* scratch,
                                                               float* output) {
    const __m512 scale = _mm512_set1_ps(kScale);
    __m512 q[4];
    for (int i = 0; i < 4; ++i) q[i] = _mm512_mul_ps(_mm512_loadu_ps(query + 16 * i), scale);
    float highest = -INFINITY;
    for (int row = 0; row < count; ++row) {
        const Value* key = keys + row * kHeadSize;
        __m512 a = _mm512_mul_ps(q[0], load512(key));
        __m512 b = _mm512_mul_ps(q[1], load512(key + 16));
        a = _mm512_fmadd_ps(q[2], load512(key + 32), a);
        b = _mm512_fmadd_ps(q[3], load512(key + 48), b);
        scratch[row] = _mm512_reduce_add_ps(_mm512_add_ps(a, b));
        highest = std::max(highest, scratch[row]);
    }
    __m512 sums = _mm512_setzero_ps();
    for (int row = 0; row < count; row += 16) {
        const auto mask = static_cast<__mmask16>(count - row >= 16 ? 0xFFFF : (1u << (count - row)) - 1);
        const __m512 e = _mm512_maskz_mov_ps(
            mask, exp512(_mm512_sub_ps(_mm512_maskz_loadu_ps(mask, scratch + row), _mm512_set1_ps(highest))));
        _mm512_mask_storeu_ps(scratch + row, mask, e);
        sums = _mm512_add_ps(sums, e);
    }
    __m512 v[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int row = 0; row < count; ++row) {
        const Value* value = values + row * kHeadSize;
        const __m512 p = _mm512_set1_ps(scratch[row]);
        for (int i = 0; i < 4; ++i) v[i] = _mm512_fmadd_ps(p, load512(value + 16 * i), v[i]);
    }
    const __m512 inverse = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sums));
    for (int i = 0; i < 4; ++i) _mm512_storeu_ps(output + 16 * i, _mm512_mul_ps(v[i], inverse));
}

__attribute__((target("avx2,fma,f16c"))) inline __m256 load256(const Half* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

__attribute__((target("avx2,fma,f16c"))) inline __m256 load256(const float* p) {
    return _mm256_loadu_ps(p);
}

template <typename Value>
__attribute__((target("avx2,fma,f16c"))) void attend_avx2(const float* query, const Value* keys, const Value* values,
                                                          int count, float* scratch, float* output) {
    __m256 q[8];
    for (int i = 0; i < 8; ++i) q[i] = _mm256_mul_ps(_mm256_loadu_ps(query + 8 * i), _mm256_set1_ps(kScale));
    float highest = -INFINITY;
    for (int row = 0; row < count; ++row) {
        const Value* key = keys + row * kHeadSize;
        __m256 a = _mm256_mul_ps(q[0], load256(key));
        __m256 b = _mm256_mul_ps(q[1], load256(key + 8));
        for (int i = 2; i < 8; i += 2) {
            a = _mm256_fmadd_ps(q[i], load256(key + 8 * i), a);
            b = _mm256_fmadd_ps(q[i + 1], load256(key + 8 * i + 8), b);
        }
        scratch[row] = sum256(_mm256_add_ps(a, b));
        highest = std::max(highest, scratch[row]);
    }
    float sum = 0;
    int row = 0;
    for (; row + 8 <= count; row += 8) {
        const __m256 e = exp256(_mm256_sub_ps(_mm256_loadu_ps(scratch + row), _mm256_set1_ps(highest)));
        _mm256_storeu_ps(scratch + row, e);
        sum += sum256(e);
    }
    for (; row < count; ++row) sum += scratch[row] = std::exp(scratch[row] - highest);
    __m256 v[8];
    for (auto& lane : v) lane = _mm256_setzero_ps();
    for (row = 0; row < count; ++row) {
        const Value* value = values + row * kHeadSize;
        const __m256 p = _mm256_set1_ps(scratch[row]);
        for (int i = 0; i < 8; ++i) v[i] = _mm256_fmadd_ps(p, load256(value + 8 * i), v[i]);
    }
    for (int i = 0; i < 8; ++i) _mm256_storeu_ps(output + 8 * i, _mm256_mul_ps(v[i], _mm256_set1_ps(1.0f / sum)));
}

#elif defined(__aarch64__)

template <typename Value>
void attend_neon(const float* query, const Value* keys, const Value* values, int count, float* scratch, float* output) {
    constexpr int kParts = kHeadSize / 4;
    float32x4_t q[kParts];
    for (int i = 0; i < kParts; ++i) q[i] = vmulq_n_f32(load4(query + 4 * i), kScale);
    float highest = -INFINITY;
    for (int row = 0; row < count; ++row) {
        const Value* key = keys + row * kHeadSize;
        float32x4_t scores[4];
        for (int i = 0; i < 4; ++i) scores[i] = vmulq_f32(q[i], load4(key + 4 * i));
        for (int i = 4; i < kParts; ++i) scores[i % 4] = vfmaq_f32(scores[i % 4], q[i], load4(key + 4 * i));
        scratch[row] = vaddvq_f32(vaddq_f32(vaddq_f32(scores[0], scores[1]), vaddq_f32(scores[2], scores[3])));
        highest = std::max(highest, scratch[row]);
    }
    float32x4_t sums = vdupq_n_f32(0);
    int row = 0;
    for (; row + 4 <= count; row += 4) {
        const float32x4_t e = exp4(vsubq_f32(load4(scratch + row), vdupq_n_f32(highest)));
        vst1q_f32(scratch + row, e);
        sums = vaddq_f32(sums, e);
    }
    float sum = vaddvq_f32(sums);
    for (; row < count; ++row) sum += scratch[row] = std::exp(scratch[row] - highest);
    float32x4_t v[kParts];
    for (auto& part : v) part = vdupq_n_f32(0);
    for (row = 0; row < count; ++row) {
        const Value* value = values + row * kHeadSize;
        for (int i = 0; i < kParts; ++i) v[i] = vfmaq_n_f32(v[i], load4(value + 4 * i), scratch[row]);
    }
    for (int i = 0; i < kParts; ++i) vst1q_f32(output + 4 * i, vmulq_n_f32(v[i], 1.0f / sum));
}

#endif

inline void load_row(const Half* source, float* row) {
    ggml_fp16_to_fp32_row(source, row, kHeadSize);
}

inline void load_row(const float* source, float* row) {
    std::copy_n(source, kHeadSize, row);
}

template <typename Value>
void attend_simply(const float* query, const Value* keys, const Value* values, int count, float* scratch,
                   float* output) {
    float row[kHeadSize];
    float highest = -INFINITY;
    for (int i = 0; i < count; ++i) {
        load_row(keys + i * kHeadSize, row);
        float score = 0;
        for (int j = 0; j < kHeadSize; ++j) score += query[j] * row[j];
        scratch[i] = score * kScale;
        highest = std::max(highest, scratch[i]);
    }
    float sum = 0;
    std::fill(output, output + kHeadSize, 0.0f);
    for (int i = 0; i < count; ++i) {
        const float p = scratch[i] = std::exp(scratch[i] - highest);
        sum += p;
        load_row(values + i * kHeadSize, row);
        for (int j = 0; j < kHeadSize; ++j) output[j] += p * row[j];
    }
    for (int j = 0; j < kHeadSize; ++j) output[j] /= sum;
}

template <typename Value>
using Attend = void (*)(const float*, const Value*, const Value*, int, float*, float*);

template <typename Value>
Attend<Value> fastest() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return attend_avx512<Value>;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return attend_avx2<Value>;
    return attend_simply<Value>;
#elif defined(__aarch64__)
    return attend_neon<Value>;
#else
    return attend_simply<Value>;
#endif
}

}  // namespace

void attend_plain(const float* query, const Half* keys, const Half* values, int count, float* scratch, float* output) {
    attend_simply(query, keys, values, count, scratch, output);
}

void attend_plain(const float* query, const float* keys, const float* values, int count, float* scratch,
                  float* output) {
    attend_simply(query, keys, values, count, scratch, output);
}

void attend(const float* query, const Half* keys, const Half* values, int count, float* scratch, float* output) {
    static const Attend<Half> implementation = fastest<Half>();
    implementation(query, keys, values, count, scratch, output);
}

void attend(const float* query, const float* keys, const float* values, int count, float* scratch, float* output) {
    static const Attend<float> implementation = fastest<float>();
    implementation(query, keys, values, count, scratch, output);
}

}  // namespace agora
