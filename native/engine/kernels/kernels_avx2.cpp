// AVX2: float products of up to 6 rows with 16 outputs at a time, where 16-bit weights are widened on the way, and
// 8-bit products of up to 4 rows, or 6 with AVX-VNNI.
#include "engine/kernels/kernel_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>

#define AGORA_TARGET "avx2,fma,f16c,bmi2"
#include "engine/kernels/target_begin.inc"

namespace agora {
namespace {

#include "engine/kernels/row_kernels.inc"
#include "engine/kernels/widen_rows.inc"

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
void multiply_f32(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs, float* tile,
                  size_t tile_stride) {
    multiply_strip<Rows, storage>(a, a_stride, strip, inputs, tile, tile_stride);
    multiply_strip<Rows, storage>(a, a_stride, next, inputs, tile + 16, tile_stride);
}

// Rows of a block of 32 inputs.
struct ByteRows {
    const uint8_t* values;
    const uint8_t* scales;
    const uint8_t* offsets;
    size_t stride;

    ByteRows(const uint8_t* a, size_t a_stride, int inputs, int block)
        : values(a + block * 32), scales(a + inputs + block * 4), offsets(scales + inputs / 8), stride(a_stride) {}

    template <typename Value>
    Value read(const uint8_t* first, int row) const {
        Value value;
        __builtin_memcpy(&value, first + static_cast<size_t>(row) * stride, sizeof value);
        return value;
    }
};

// Integer sums begin at what undoes the weights' offset of 128 ...
template <int Rows>
inline __attribute__((always_inline)) void start_block(__m256i (&dots)[Rows], const ByteRows& rows) {
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) dots[r] = _mm256_set1_epi32(rows.read<int>(rows.offsets, r));
}

// ... and join the float sums, 32 to a row, with the scales of 8 outputs and of the rows.
template <int Rows>
inline __attribute__((always_inline)) void end_block(const __m256i (&dots)[Rows], const ByteRows& rows,
                                                     const uint8_t* scales, float* sums) {
    const __m256 outputs = _mm256_loadu_ps(reinterpret_cast<const float*>(scales));
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r, sums += 32) {
        const __m256 scale = _mm256_mul_ps(_mm256_set1_ps(rows.read<float>(rows.scales, r)), outputs);
        _mm256_store_ps(sums, _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r]), scale, _mm256_load_ps(sums)));
    }
}

template <int Rows>
inline void store_sums(const float* sums, float* tile, size_t tile_stride) {
    for (int r = 0; r < Rows; ++r)
        __builtin_memcpy(tile + static_cast<size_t>(r) * tile_stride, sums + r * 32, 32 * sizeof(float));
}

// The instruction that multiplies pairs of bytes saturates where both products are large. Here bytes are widened to 16
// bits, the even ones of each 4 inputs and the odd ones apart: of weights by a mask and a shift, of rows before, for
// some blocks at a time. No sum of two products overflows.
template <int Rows>
void multiply_int8(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
                   float* tile, size_t tile_stride) {
    constexpr int kBlocks = 8;
    alignas(32) int pairs[kBlocks * Rows * 16];
    alignas(32) float sums[Rows * 32] = {};
    const __m256i mask = _mm256_set1_epi16(0xFF);
    const int blocks = inputs / 32;
    for (int first = 0; first < blocks; first += kBlocks) {
        const int count = blocks - first < kBlocks ? blocks - first : kBlocks;
        widen_rows(a + first * 32, a_stride, Rows, count, pairs);
        for (int eight = 0; eight < 4; ++eight) {
            const uint8_t* block = (eight < 2 ? strip : next) + static_cast<size_t>(first) * PackedMatrix::kBlockBytes;
            const int* wide = pairs;
            for (int i = 0; i < count; ++i, block += PackedMatrix::kBlockBytes, wide += Rows * 16) {
                const ByteRows rows(a, a_stride, inputs, first + i);
                const uint8_t* weights = block + eight % 2 * 32;
                __m256i dots[Rows];
                start_block(dots, rows);
                // Unrolled, GCC 12 puts all sums off to the end and runs out of registers.
#pragma GCC unroll 1
                for (int quad = 0; quad < 8; ++quad) {
                    const __m256i four = load_integers(weights + quad * 64);
                    const __m256i even = _mm256_and_si256(four, mask);
                    const __m256i odd = _mm256_srli_epi16(four, 8);
#pragma GCC unroll 6
                    for (int r = 0; r < Rows; ++r) {
                        const __m256i x = _mm256_madd_epi16(even, _mm256_set1_epi32(wide[r * 16 + quad]));
                        const __m256i y = _mm256_madd_epi16(odd, _mm256_set1_epi32(wide[r * 16 + 8 + quad]));
                        dots[r] = _mm256_add_epi32(dots[r], _mm256_add_epi32(x, y));
                    }
                }
                end_block(dots, rows, weights + PackedMatrix::kBlockScales, sums + eight * 8);
            }
        }
    }
    store_sums<Rows>(sums, tile, tile_stride);
}

template <int Rows>
__attribute__((target("avxvnni"))) void multiply_vnni(const uint8_t* a, size_t a_stride, const uint8_t* strip,
                                                      const uint8_t* next, int inputs, float* tile,
                                                      size_t tile_stride) {
    alignas(32) float sums[Rows * 32] = {};
    for (int side = 0; side < 2; ++side) {
        const uint8_t* block = side == 0 ? strip : next;
        for (int i = 0; i < inputs / 32; ++i, block += PackedMatrix::kBlockBytes) {
            const ByteRows rows(a, a_stride, inputs, i);
            __m256i left[Rows], right[Rows];
            start_block(left, rows);
            start_block(right, rows);
#pragma GCC unroll 8
            for (int quad = 0; quad < 8; ++quad) {
                const __m256i low = load_integers(block + quad * 64);
                const __m256i high = load_integers(block + quad * 64 + 32);
#pragma GCC unroll 6
                for (int r = 0; r < Rows; ++r) {
                    const __m256i x = _mm256_set1_epi32(rows.read<int>(rows.values + quad * 4, r));
                    left[r] = _mm256_dpbusd_avx_epi32(left[r], low, x);
                    right[r] = _mm256_dpbusd_avx_epi32(right[r], high, x);
                }
            }
            end_block(left, rows, block + PackedMatrix::kBlockScales, sums + side * 16);
            end_block(right, rows, block + PackedMatrix::kBlockScales + 32, sums + side * 16 + 8);
        }
    }
    store_sums<Rows>(sums, tile, tile_stride);
}

using Multiply = void (*)(const uint8_t*, size_t, const uint8_t*, const uint8_t*, int, float*, size_t);

template <Storage storage>
void run_f32(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
             float* tile, size_t tile_stride) {
    static constexpr Multiply table[] = {multiply_f32<1, storage>, multiply_f32<2, storage>, multiply_f32<3, storage>,
                                         multiply_f32<4, storage>, multiply_f32<5, storage>, multiply_f32<6, storage>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

void run_int8(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
              float* tile, size_t tile_stride) {
    static constexpr Multiply table[] = {multiply_int8<1>, multiply_int8<2>, multiply_int8<3>,
                                         multiply_int8<4>, multiply_int8<5>, multiply_int8<6>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

void run_vnni(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
              float* tile, size_t tile_stride) {
    static constexpr Multiply table[] = {multiply_vnni<1>, multiply_vnni<2>, multiply_vnni<3>,
                                         multiply_vnni<4>, multiply_vnni<5>, multiply_vnni<6>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

}  // namespace

KernelSet avx2_kernels(bool vnni) {
    return {row_kernels(),
            vnni ? "avx2-vnni" : "avx2",
            vnni,
            {{6, run_f32<Storage::F32>}, {6, run_f32<Storage::F16>}, {6, run_f32<Storage::BF16>}},
            {},
            vnni ? TileKernel{6, run_vnni} : TileKernel{6, run_int8}};
}

}  // namespace agora
#include "engine/kernels/target_end.inc"
#endif
