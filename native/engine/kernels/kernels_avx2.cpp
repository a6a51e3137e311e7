// AVX2: float products of up to 6 rows with 16 outputs at a time. 16-bit and 8-bit weights are widened on the way.
#include "engine/kernels/kernel_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>

#define AGORA_TARGET "avx2,fma,f16c,bmi2"
#include "engine/kernels/target_begin.inc"

namespace agora {
namespace {

#include "engine/kernels/row_kernels.inc"

template <int Rows>
inline __attribute__((always_inline)) void add_input(__m256 (&sums)[Rows][2], const uint8_t* a, size_t a_stride,
                                                     __m256 left, __m256 right) {
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) {
        const __m256 x = _mm256_broadcast_ss(reinterpret_cast<const float*>(a + static_cast<size_t>(r) * a_stride));
        sums[r][0] = _mm256_fmadd_ps(x, left, sums[r][0]);
        sums[r][1] = _mm256_fmadd_ps(x, right, sums[r][1]);
    }
}

inline __m256i load_integers(const uint8_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

template <int Rows, Storage storage>
void multiply_strip(const uint8_t* a, size_t a_stride, const uint8_t* strip, int inputs, float* tile,
                    size_t tile_stride) {
    __m256 sums[Rows][2];
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = _mm256_setzero_ps();
    if constexpr (storage == Storage::BF16) {
        const __m256i high = _mm256_set1_epi32(static_cast<int>(0xFFFF0000));
        for (int k = 0; k < inputs; k += 2, strip += 64, a += 8) {
            const __m256i left = load_integers(strip);
            const __m256i right = load_integers(strip + 32);
            add_input(sums, a, a_stride, _mm256_castsi256_ps(_mm256_slli_epi32(left, 16)),
                      _mm256_castsi256_ps(_mm256_slli_epi32(right, 16)));
            add_input(sums, a + 4, a_stride, _mm256_castsi256_ps(_mm256_and_si256(left, high)),
                      _mm256_castsi256_ps(_mm256_and_si256(right, high)));
        }
    } else {
        constexpr size_t step = storage == Storage::F32 ? 64 : 32;
        for (int k = 0; k < inputs; ++k, strip += step, a += 4) {
            if constexpr (storage == Storage::F32) {
                const auto* weights = reinterpret_cast<const float*>(strip);
                add_input(sums, a, a_stride, _mm256_loadu_ps(weights), _mm256_loadu_ps(weights + 8));
            } else {
                const auto* weights = reinterpret_cast<const __m128i*>(strip);
                add_input(sums, a, a_stride, _mm256_cvtph_ps(_mm_loadu_si128(weights)),
                          _mm256_cvtph_ps(_mm_loadu_si128(weights + 1)));
            }
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) {
        _mm256_storeu_ps(tile + static_cast<size_t>(r) * tile_stride, sums[r][0]);
        _mm256_storeu_ps(tile + static_cast<size_t>(r) * tile_stride + 8, sums[r][1]);
    }
}

template <int Rows, Storage storage>
void multiply(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs, float* tile,
              size_t tile_stride) {
    multiply_strip<Rows, storage>(a, a_stride, strip, inputs, tile, tile_stride);
    multiply_strip<Rows, storage>(a, a_stride, next, inputs, tile + 16, tile_stride);
}

template <Storage storage>
void run(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
         float* tile, size_t tile_stride) {
    static constexpr decltype(&multiply<1, storage>) table[] = {multiply<1, storage>, multiply<2, storage>,
                                                                multiply<3, storage>, multiply<4, storage>,
                                                                multiply<5, storage>, multiply<6, storage>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

}  // namespace

KernelSet avx2_kernels() {
    return {"avx2",     {{6, run<Storage::F32>}, {6, run<Storage::F16>}, {6, run<Storage::BF16>}},
            {},         {},
            finish,     norm,
            narrow,     exp_row,
            widen_bf16, widen_f32,
            pack_block, rms_norm,
            swiglu,     rotate};
}

}  // namespace agora
#include "engine/kernels/target_end.inc"
#endif
