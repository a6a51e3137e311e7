// NEON, which every 64-bit Arm processor has: float products of up to 5 rows with 16 outputs at a time, where 16-bit
// weights are widened on the way, and 8-bit products by the instructions that the processor has: of 4 rows by SDOT
// (DotProd), of 8 by USMMLA (I8MM), else of 2 by products widened to 16 bits. bfloat16 products of 8 rows by BFMMLA.
#include "engine/kernels/kernel_set.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include <algorithm>

#include "engine/kernels/neon.h"

namespace agora {
namespace {

#include "engine/kernels/row_kernels.inc"

#define AGORA_INLINE inline __attribute__((always_inline))

// Weights of 4 outputs, the first of which is `lane`, for input `k`.
template <Storage storage>
AGORA_INLINE float32x4_t load(const uint8_t* strip, int k, int lane) {
    if constexpr (storage == Storage::F32) return vld1q_f32(reinterpret_cast<const float*>(strip) + k * 16 + lane);
    if constexpr (storage == Storage::F16) return load4(reinterpret_cast<const Half*>(strip) + k * 16 + lane);
    const uint32x4_t pairs = vld1q_u32(reinterpret_cast<const uint32_t*>(strip) + k / 2 * 16 + lane);
    return vreinterpretq_f32_u32(k % 2 == 0 ? vshlq_n_u32(pairs, 16) : vandq_u32(pairs, vdupq_n_u32(0xFFFF0000)));
}

template <int Rows, Storage storage, int Input>
AGORA_INLINE void add_input(float32x4_t (&sums)[Rows][4], const float32x4_t (&x)[Rows], const uint8_t* strip, int k) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const float32x4_t weights = load<storage>(strip, k + Input, v * 4);
#pragma GCC unroll 5
        for (int r = 0; r < Rows; ++r) sums[r][v] = vfmaq_laneq_f32(sums[r][v], weights, x[r], Input);
    }
}

template <int Rows, Storage storage>
void multiply_strip(const uint8_t* a, size_t a_stride, const uint8_t* strip, int inputs, float* tile,
                    size_t tile_stride) {
    float32x4_t sums[Rows][4];
#pragma GCC unroll 5
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = sums[r][2] = sums[r][3] = vdupq_n_f32(0);
    for (int k = 0; k < inputs; k += 4) {
        float32x4_t x[Rows];
#pragma GCC unroll 5
        for (int r = 0; r < Rows; ++r)
            x[r] = vld1q_f32(reinterpret_cast<const float*>(a + static_cast<size_t>(r) * a_stride) + k);
        add_input<Rows, storage, 0>(sums, x, strip, k);
        add_input<Rows, storage, 1>(sums, x, strip, k);
        add_input<Rows, storage, 2>(sums, x, strip, k);
        add_input<Rows, storage, 3>(sums, x, strip, k);
    }
#pragma GCC unroll 5
    for (int r = 0; r < Rows; ++r) {
        float* output = tile + static_cast<size_t>(r) * tile_stride;
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) vst1q_f32(output + 4 * v, sums[r][v]);
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
    const uint8_t* first;
    size_t stride;
    int inputs, block;

    const int8_t* values(int row) const { return reinterpret_cast<const int8_t*>(at(row)) + block * 32; }
    const float* scale(int row) const { return reinterpret_cast<const float*>(at(row) + inputs) + block; }
    const int32_t* offset(int row) const {
        return reinterpret_cast<const int32_t*>(at(row) + inputs + inputs / 32 * 4) + block;
    }

  private:
    const uint8_t* at(int row) const { return first + static_cast<size_t>(row) * stride; }
};

// Sums of products of bytes join the float sums of 4 outputs, with the scales of the outputs and of the row.
AGORA_INLINE void add_dots(int32x4_t dots, const float* scales, float scale, float* sums) {
    const float32x4_t scaled = vmulq_n_f32(vld1q_f32(scales), scale);
    vst1q_f32(sums, vfmaq_f32(vld1q_f32(sums), vcvtq_f32_s32(dots), scaled));
}

AGORA_INLINE const float* scales_of(const uint8_t* block) {
    return reinterpret_cast<const float*>(block + PackedMatrix::kBlockScales);
}

// The weights of 4 outputs and 4 inputs each, without the 128 that they are stored with.
AGORA_INLINE int8x16_t load_signed(const uint8_t* weights) {
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(weights), vdupq_n_u8(0x80)));
}

AGORA_INLINE int8x8_t repeat4(const int8_t* four) {
    int32_t word;
    __builtin_memcpy(&word, four, sizeof word);
    return vreinterpret_s8_s32(vdup_n_s32(word));
}

void store_sums(const float (*sums)[32], int rows, float* tile, size_t tile_stride) {
    for (int r = 0; r < rows; ++r) std::copy_n(sums[r], 32, tile + static_cast<size_t>(r) * tile_stride);
}

// Two products of bytes fit into 16 bits, as those of the rows are at most 127 in size.
template <int Rows>
void multiply_wide(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
                   float* tile, size_t tile_stride) {
    alignas(16) float sums[Rows][32] = {};
    for (int side = 0; side < 2; ++side) {
        const uint8_t* block = side == 0 ? strip : next;
        for (int i = 0; i < inputs / 32; ++i, block += PackedMatrix::kBlockBytes) {
            const ByteRows rows{a, a_stride, inputs, i};
            int32x4_t dots[Rows][8];  // two sums of each output
#pragma GCC unroll 2
            for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
                for (int v = 0; v < 8; ++v) dots[r][v] = vdupq_n_s32(0);
            }
#pragma GCC unroll 1
            for (int quad = 0; quad < 8; quad += 2) {
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v) {
                    const int8x16_t even = load_signed(block + quad * 64 + v * 16);
                    const int8x16_t odd = load_signed(block + quad * 64 + 64 + v * 16);
#pragma GCC unroll 2
                    for (int r = 0; r < Rows; ++r) {
                        const int8x8_t x = repeat4(rows.values(r) + quad * 4);
                        const int8x8_t y = repeat4(rows.values(r) + quad * 4 + 4);
                        const int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(even), x), vget_low_s8(odd), y);
                        const int16x8_t high = vmlal_s8(vmull_s8(vget_high_s8(even), x), vget_high_s8(odd), y);
                        dots[r][2 * v] = vpadalq_s16(dots[r][2 * v], low);
                        dots[r][2 * v + 1] = vpadalq_s16(dots[r][2 * v + 1], high);
                    }
                }
            }
#pragma GCC unroll 2
            for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v)
                    add_dots(vpaddq_s32(dots[r][2 * v], dots[r][2 * v + 1]), scales_of(block) + 4 * v, *rows.scale(r),
                             sums[r] + side * 16 + 4 * v);
            }
        }
    }
    store_sums(sums, Rows, tile, tile_stride);
}

#define AGORA_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))

// Of 4 inputs, the quad `Quad` of the 4 in each x.
template <int Rows, int Quad>
AGORA_DOTPROD AGORA_INLINE void add_quad(int32x4_t (&dots)[Rows][4], const int8x16_t (&x)[Rows],
                                         const uint8_t* weights) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const int8x16_t four = load_signed(weights + Quad * 64 + v * 16);
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) dots[r][v] = vdotq_laneq_s32(dots[r][v], four, x[r], Quad);
    }
}

template <int Rows>
AGORA_DOTPROD void multiply_dot(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next,
                                int inputs, float* tile, size_t tile_stride) {
    alignas(16) float sums[Rows][32] = {};
    for (int side = 0; side < 2; ++side) {
        const uint8_t* block = side == 0 ? strip : next;
        for (int i = 0; i < inputs / 32; ++i, block += PackedMatrix::kBlockBytes) {
            const ByteRows rows{a, a_stride, inputs, i};
            int32x4_t dots[Rows][4];
#pragma GCC unroll 4
            for (int r = 0; r < Rows; ++r) dots[r][0] = dots[r][1] = dots[r][2] = dots[r][3] = vdupq_n_s32(0);
                // Unrolled, GCC 12 loads all weights first and runs out of registers.
#pragma GCC unroll 1
            for (int half = 0; half < 2; ++half) {
                int8x16_t x[Rows];
#pragma GCC unroll 4
                for (int r = 0; r < Rows; ++r) x[r] = vld1q_s8(rows.values(r) + half * 16);
                add_quad<Rows, 0>(dots, x, block + half * 256);
                add_quad<Rows, 1>(dots, x, block + half * 256);
                add_quad<Rows, 2>(dots, x, block + half * 256);
                add_quad<Rows, 3>(dots, x, block + half * 256);
            }
#pragma GCC unroll 4
            for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v)
                    add_dots(dots[r][v], scales_of(block) + 4 * v, *rows.scale(r), sums[r] + side * 16 + 4 * v);
            }
        }
    }
    store_sums(sums, Rows, tile, tile_stride);
}

// Words of 8 outputs for two neighbouring groups of inputs, 64 bytes apart, as pairs of outputs: each output's words of
// both groups side by side, as the instructions that multiply small matrices take them.
AGORA_INLINE void load_pairs(const uint8_t* words, uint8x16_t (&pairs)[4]) {
    const auto zip = [](const uint8_t* left, uint8x16_t& low, uint8x16_t& high) {
        const uint32x4_t first = vreinterpretq_u32_u8(vld1q_u8(left));
        const uint32x4_t second = vreinterpretq_u32_u8(vld1q_u8(left + 64));
        low = vreinterpretq_u8_u32(vzip1q_u32(first, second));
        high = vreinterpretq_u8_u32(vzip2q_u32(first, second));
    };
    zip(words, pairs[0], pairs[1]);
    zip(words + 16, pairs[2], pairs[3]);
}

// 8 bytes of two rows.
AGORA_INLINE uint8x16_t load_rows(const void* row, const void* other) {
    return vcombine_u8(vld1_u8(static_cast<const uint8_t*>(row)), vld1_u8(static_cast<const uint8_t*>(other)));
}

#define AGORA_I8MM __attribute__((target("arch=armv8.2-a+i8mm")))

// Of pairs of rows, the last of which may be one alone: it is multiplied twice.
template <int Pairs>
AGORA_I8MM void multiply_i8mm(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next,
                              int inputs, float* tile, size_t tile_stride) {
    alignas(16) float sums[2 * Pairs][32] = {};
    for (int eight = 0; eight < 4; ++eight) {
        const uint8_t* block = eight < 2 ? strip : next;
        for (int i = 0; i < inputs / 32; ++i, block += PackedMatrix::kBlockBytes) {
            const ByteRows rows{a, a_stride, inputs, i};
            const uint8_t* words = block + eight % 2 * 32;
            int32x4_t dots[Pairs][4];
#pragma GCC unroll 4
            for (int p = 0; p < Pairs; ++p) {
                const int32x2_t offsets =
                    vld1_lane_s32(rows.offset(std::min(2 * p + 1, count - 1)), vld1_dup_s32(rows.offset(2 * p)), 1);
                dots[p][0] = dots[p][1] = dots[p][2] = dots[p][3] = vcombine_s32(offsets, offsets);
            }
#pragma GCC unroll 1
            for (int k = 0; k < 32; k += 8, words += 128) {
                uint8x16_t weights[4];
                load_pairs(words, weights);
#pragma GCC unroll 4
                for (int p = 0; p < Pairs; ++p) {
                    const int8x16_t x = vreinterpretq_s8_u8(
                        load_rows(rows.values(2 * p) + k, rows.values(std::min(2 * p + 1, count - 1)) + k));
#pragma GCC unroll 4
                    for (int v = 0; v < 4; ++v) dots[p][v] = vusmmlaq_s32(dots[p][v], weights[v], x);
                }
            }
            const float* scales = scales_of(block) + eight % 2 * 8;
#pragma GCC unroll 4
            for (int p = 0; p < Pairs; ++p) {
                float* row = sums[2 * p] + eight * 8;
                const float scale = *rows.scale(2 * p);
                add_dots(vuzp1q_s32(dots[p][0], dots[p][1]), scales, scale, row);
                add_dots(vuzp1q_s32(dots[p][2], dots[p][3]), scales + 4, scale, row + 4);
                const float other = *rows.scale(std::min(2 * p + 1, count - 1));
                add_dots(vuzp2q_s32(dots[p][0], dots[p][1]), scales, other, row + 32);
                add_dots(vuzp2q_s32(dots[p][2], dots[p][3]), scales + 4, other, row + 36);
            }
        }
    }
    store_sums(sums, count, tile, tile_stride);
}

#define AGORA_BF16 __attribute__((target("arch=armv8.2-a+bf16")))

template <int Pairs>
AGORA_BF16 void multiply_bf16(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next,
                              int inputs, float* tile, size_t tile_stride) {
    for (int eight = 0; eight < 4; ++eight) {
        const uint8_t* words = (eight < 2 ? strip : next) + eight % 2 * 32;
        float32x4_t sums[Pairs][4];
#pragma GCC unroll 4
        for (int p = 0; p < Pairs; ++p) sums[p][0] = sums[p][1] = sums[p][2] = sums[p][3] = vdupq_n_f32(0);
        for (int k = 0; k < inputs; k += 4, words += 128) {
            uint8x16_t weights[4];
            load_pairs(words, weights);
#pragma GCC unroll 4
            for (int p = 0; p < Pairs; ++p) {
                const uint8_t* row = a + static_cast<size_t>(2 * p) * a_stride + 2 * k;
                const uint8_t* other = a + static_cast<size_t>(std::min(2 * p + 1, count - 1)) * a_stride + 2 * k;
                const bfloat16x8_t x = vreinterpretq_bf16_u8(load_rows(row, other));
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v) sums[p][v] = vbfmmlaq_f32(sums[p][v], vreinterpretq_bf16_u8(weights[v]), x);
            }
        }
#pragma GCC unroll 4
        for (int p = 0; p < Pairs; ++p) {
            float* row = tile + static_cast<size_t>(2 * p) * tile_stride + eight * 8;
            vst1q_f32(row, vuzp1q_f32(sums[p][0], sums[p][1]));
            vst1q_f32(row + 4, vuzp1q_f32(sums[p][2], sums[p][3]));
            if (2 * p + 1 == count) break;
            vst1q_f32(row + tile_stride, vuzp2q_f32(sums[p][0], sums[p][1]));
            vst1q_f32(row + tile_stride + 4, vuzp2q_f32(sums[p][2], sums[p][3]));
        }
    }
}

using Multiply = void (*)(const uint8_t*, size_t, const uint8_t*, const uint8_t*, int, float*, size_t);
using MultiplyPairs = void (*)(int, const uint8_t*, size_t, const uint8_t*, const uint8_t*, int, float*, size_t);

template <Storage storage>
void run_f32(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
             float* tile, size_t tile_stride) {
    static constexpr Multiply table[] = {multiply_f32<1, storage>, multiply_f32<2, storage>, multiply_f32<3, storage>,
                                         multiply_f32<4, storage>, multiply_f32<5, storage>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

void run_wide(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
              float* tile, size_t tile_stride) {
    static constexpr Multiply table[] = {multiply_wide<1>, multiply_wide<2>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

void run_dot(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
             float* tile, size_t tile_stride) {
    static constexpr Multiply table[] = {multiply_dot<1>, multiply_dot<2>, multiply_dot<3>, multiply_dot<4>};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

void run_i8mm(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
              float* tile, size_t tile_stride) {
    static constexpr MultiplyPairs table[] = {multiply_i8mm<1>, multiply_i8mm<2>, multiply_i8mm<3>, multiply_i8mm<4>};
    table[(count - 1) / 2](count, a, a_stride, strip, next, inputs, tile, tile_stride);
}

void run_bf16(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
              float* tile, size_t tile_stride) {
    static constexpr MultiplyPairs table[] = {multiply_bf16<1>, multiply_bf16<2>, multiply_bf16<3>, multiply_bf16<4>};
    table[(count - 1) / 2](count, a, a_stride, strip, next, inputs, tile, tile_stride);
}

}  // namespace

KernelSet neon_kernels(const char* name, NeonBytes bytes, bool bf16) {
    const TileKernel byte_kernels[] = {{2, run_wide}, {4, run_dot}, {8, run_i8mm}};
    return {row_kernels(),
            name,
            bytes != NeonBytes::Widened,
            {{5, run_f32<Storage::F32>}, {5, run_f32<Storage::F16>}, {4, run_f32<Storage::BF16>}},
            bf16 ? TileKernel{8, run_bf16} : TileKernel{},
            byte_kernels[static_cast<int>(bytes)]};
}

}  // namespace agora
#endif
