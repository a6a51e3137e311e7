// AVX-512: float and bfloat16 (AVX512-BF16) products of up to 12 rows with 32 outputs, and 8-bit ones, best with
// AVX512-VNNI, of up to 6, all sums in registers.
#include "engine/kernels/kernel_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>

#define AGORA_TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c,bmi2,prefer-vector-width=512"
#include "engine/kernels/target_begin.inc"

namespace agora {
namespace {

#include "engine/kernels/row_kernels_avx512.inc"

// After what it leaves out.
#include "engine/kernels/row_kernels.inc"
#include "engine/kernels/widen_rows.inc"

template <int Rows>
inline __attribute__((always_inline)) void store(const __m512 (&sums)[Rows][2], float* tile, size_t tile_stride) {
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
        _mm512_storeu_ps(tile + static_cast<size_t>(r) * tile_stride, sums[r][0]);
        _mm512_storeu_ps(tile + static_cast<size_t>(r) * tile_stride + 16, sums[r][1]);
    }
}

template <int Rows>
inline __attribute__((always_inline)) void clear(__m512 (&sums)[Rows][2]) {
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
}

template <int Rows>
inline __attribute__((always_inline)) void add_input(__m512 (&sums)[Rows][2], const uint8_t* a, size_t a_stride,
                                                     __m512 left, __m512 right) {
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
        const __m512 x = _mm512_set1_ps(*reinterpret_cast<const float*>(a + static_cast<size_t>(r) * a_stride));
        sums[r][0] = _mm512_fmadd_ps(x, left, sums[r][0]);
        sums[r][1] = _mm512_fmadd_ps(x, right, sums[r][1]);
    }
}

template <int Rows, Storage storage>
void multiply_f32(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs, float* tile,
                  size_t tile_stride) {
    __m512 sums[Rows][2];
    clear(sums);
    if constexpr (storage == Storage::BF16) {
        for (int k = 0; k < inputs; k += 2, strip += 64, next += 64, a += 8) {
            const __m512i left = _mm512_loadu_si512(strip);
            const __m512i right = _mm512_loadu_si512(next);
            const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
            add_input(sums, a, a_stride, _mm512_castsi512_ps(_mm512_slli_epi32(left, 16)),
                      _mm512_castsi512_ps(_mm512_slli_epi32(right, 16)));
            add_input(sums, a + 4, a_stride, _mm512_castsi512_ps(_mm512_and_si512(left, high)),
                      _mm512_castsi512_ps(_mm512_and_si512(right, high)));
        }
    } else {
        constexpr size_t step = storage == Storage::F32 ? 64 : 32;
        for (int k = 0; k < inputs; ++k, strip += step, next += step, a += 4) {
            if constexpr (storage == Storage::F32) {
                add_input(sums, a, a_stride, _mm512_loadu_ps(strip), _mm512_loadu_ps(next));
            } else {
                add_input(sums, a, a_stride,
                          _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(strip))),
                          _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(next))));
            }
        }
    }
    store(sums, tile, tile_stride);
}

template <int Rows>
__attribute__((target("avx512bf16"))) void multiply_bf16(const uint8_t* a, size_t a_stride, const uint8_t* strip,
                                                         const uint8_t* next, int inputs, float* tile,
                                                         size_t tile_stride) {
    __m512 sums[Rows][2];
    clear(sums);
    for (int k = 0; k < inputs; k += 2, strip += 64, next += 64) {
        const auto left = (__m512bh)_mm512_loadu_si512(strip);
        const auto right = (__m512bh)_mm512_loadu_si512(next);
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
            int pair;
            __builtin_memcpy(&pair, a + static_cast<size_t>(r) * a_stride + k * 2, 4);
            const auto x = (__m512bh)_mm512_set1_epi32(pair);
            sums[r][0] = _mm512_dpbf16_ps(sums[r][0], x, left);
            sums[r][1] = _mm512_dpbf16_ps(sums[r][1], x, right);
        }
    }
    store(sums, tile, tile_stride);
}

// Integer sums of a block start at what undoes the weights' offset of 128 ...
template <int Rows>
inline __attribute__((always_inline)) void start_block(__m512i (&dots)[Rows][2], const uint8_t* offsets,
                                                       size_t a_stride) {
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) {
        int offset;
        __builtin_memcpy(&offset, offsets + static_cast<size_t>(r) * a_stride, 4);
        dots[r][0] = dots[r][1] = _mm512_set1_epi32(offset);
    }
}

// ... and join the float sums with their scales.
template <int Rows>
inline __attribute__((always_inline)) void end_block(const __m512i (&dots)[Rows][2], const uint8_t* scales,
                                                     size_t a_stride, const uint8_t* strip, const uint8_t* next,
                                                     __m512 (&sums)[Rows][2]) {
    const __m512 left_scale = _mm512_loadu_ps(strip + PackedMatrix::kBlockScales);
    const __m512 right_scale = _mm512_loadu_ps(next + PackedMatrix::kBlockScales);
#pragma GCC unroll 6
    for (int r = 0; r < Rows; ++r) {
        const __m512 scale =
            _mm512_set1_ps(*reinterpret_cast<const float*>(scales + static_cast<size_t>(r) * a_stride));
        sums[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][0]), _mm512_mul_ps(scale, left_scale), sums[r][0]);
        sums[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][1]), _mm512_mul_ps(scale, right_scale), sums[r][1]);
    }
}

// The part of the weights ahead that belongs to block `block` of the inputs.
inline __attribute__((always_inline)) void fetch(const Ahead& ahead, int block) {
    const auto bytes = static_cast<size_t>(ahead.lines) * 64;
    const uint8_t* weights = ahead.weights + static_cast<size_t>(block) * bytes;
    for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(weights + line, 0, 2);
}

template <int Rows>
__attribute__((target("avx512vnni"))) void multiply_vnni(const uint8_t* a, size_t a_stride, const uint8_t* strip,
                                                         const uint8_t* next, int inputs, float* tile,
                                                         size_t tile_stride, Ahead ahead) {
    __m512 sums[Rows][2];
    clear(sums);
    const uint8_t* scales = a + inputs;
    const uint8_t* offsets = scales + inputs / 8;
    for (int k = 0; k < inputs; k += 32, scales += 4, offsets += 4) {
        __m512i dots[Rows][2];
        fetch(ahead, k / 32);
        start_block(dots, offsets, a_stride);
#pragma GCC unroll 8
        for (int quad = 0; quad < 8; ++quad) {
            const __m512i left = _mm512_loadu_si512(strip + quad * 64);
            const __m512i right = _mm512_loadu_si512(next + quad * 64);
#pragma GCC unroll 6
            for (int r = 0; r < Rows; ++r) {
                int values;
                __builtin_memcpy(&values, a + static_cast<size_t>(r) * a_stride + k + quad * 4, 4);
                const __m512i x = _mm512_set1_epi32(values);
                dots[r][0] = _mm512_dpbusd_epi32(dots[r][0], left, x);
                dots[r][1] = _mm512_dpbusd_epi32(dots[r][1], right, x);
            }
        }
        end_block(dots, scales, a_stride, strip, next, sums);
        strip += PackedMatrix::kBlockBytes;
        next += PackedMatrix::kBlockBytes;
    }
    store(sums, tile, tile_stride);
}

// Without VNNI: as AVX2's multiply_int8().
template <int Rows>
void multiply_int8(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
                   float* tile, size_t tile_stride, Ahead ahead) {
    constexpr int kBlocks = 8;
    alignas(64) int pairs[kBlocks * Rows * 16];
    __m512 sums[Rows][2];
    clear(sums);
    const __m512i mask = _mm512_set1_epi16(0xFF);
    const uint8_t* scales = a + inputs;
    const uint8_t* offsets = scales + inputs / 8;
    const int blocks = inputs / 32;
    for (int block = 0; block < blocks; ++block, scales += 4, offsets += 4) {
        const int step = block % kBlocks;
        if (step == 0) {
            const int left = blocks - block;
            widen_rows(a + block * 32, a_stride, Rows, left < kBlocks ? left : kBlocks, pairs);
        }
        const int* wide = pairs + step * Rows * 16;
        __m512i dots[Rows][2];
        fetch(ahead, block);
        start_block(dots, offsets, a_stride);
        // Unrolled, GCC 12 puts all sums off to the end and runs out of registers.
#pragma GCC unroll 1
        for (int quad = 0; quad < 8; ++quad) {
            const __m512i left = _mm512_loadu_si512(strip + quad * 64);
            const __m512i right = _mm512_loadu_si512(next + quad * 64);
            const __m512i even[2] = {_mm512_and_si512(left, mask), _mm512_and_si512(right, mask)};
            const __m512i odd[2] = {_mm512_srli_epi16(left, 8), _mm512_srli_epi16(right, 8)};
#pragma GCC unroll 6
            for (int r = 0; r < Rows; ++r) {
                const __m512i x = _mm512_set1_epi32(wide[r * 16 + quad]);
                const __m512i y = _mm512_set1_epi32(wide[r * 16 + 8 + quad]);
#pragma GCC unroll 2
                for (int side = 0; side < 2; ++side) {
                    const __m512i sum =
                        _mm512_add_epi32(_mm512_madd_epi16(even[side], x), _mm512_madd_epi16(odd[side], y));
                    dots[r][side] = _mm512_add_epi32(dots[r][side], sum);
                }
            }
        }
        end_block(dots, scales, a_stride, strip, next, sums);
        strip += PackedMatrix::kBlockBytes;
        next += PackedMatrix::kBlockBytes;
    }
    store(sums, tile, tile_stride);
}

using Multiply = void (*)(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
                          float* tile, size_t tile_stride);
using MultiplyAhead = void (*)(const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
                               float* tile, size_t tile_stride, Ahead ahead);

struct BFloats {
    using Function = Multiply;
    template <int Rows>
    static constexpr Function of = &multiply_bf16<Rows>;
};
struct Bytes {
    using Function = MultiplyAhead;
    template <int Rows>
    static constexpr Function of = &multiply_int8<Rows>;
};
struct VnniBytes {
    using Function = MultiplyAhead;
    template <int Rows>
    static constexpr Function of = &multiply_vnni<Rows>;
};
template <Storage storage>
struct Floats {
    using Function = Multiply;
    template <int Rows>
    static constexpr Function of = &multiply_f32<Rows, storage>;
};

template <typename Kind, int... Less, typename... Arguments>
void by_count(int count, std::integer_sequence<int, Less...>, Arguments... arguments) {
    static constexpr typename Kind::Function table[] = {Kind::template of<Less + 1>...};
    table[count - 1](arguments...);
}

template <typename Kind, int Most>
void run(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
         float* tile, size_t tile_stride) {
    by_count<Kind>(count, std::make_integer_sequence<int, Most>{}, a, a_stride, strip, next, inputs, tile, tile_stride);
}

template <typename Kind, int Most>
void run_ahead(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
               float* tile, size_t tile_stride, Ahead ahead) {
    by_count<Kind>(count, std::make_integer_sequence<int, Most>{}, a, a_stride, strip, next, inputs, tile, tile_stride,
                   ahead);
}

// 8-bit products have few operations for each byte of their weights.
template <typename Kind>
void run_bytes(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
               float* tile, size_t tile_stride) {
    run_ahead<Kind, 6>(count, a, a_stride, strip, next, inputs, tile, tile_stride, {});
}

}  // namespace

void add_scaled_avx512(int count, const int32_t* sums, const uint8_t* scales, size_t stride, const float* left,
                       const float* right, bool first, float* tile, size_t tile_stride) {
    const __m512 left_scale = _mm512_loadu_ps(left);
    const __m512 right_scale = _mm512_loadu_ps(right);
    for (int r = 0; r < count; ++r, sums += 32, scales += stride, tile += tile_stride) {
        const __m512 scale = _mm512_set1_ps(*reinterpret_cast<const float*>(scales));
        const __m512 low = _mm512_cvtepi32_ps(_mm512_load_si512(sums));
        const __m512 high = _mm512_cvtepi32_ps(_mm512_load_si512(sums + 16));
        const __m512 low_before = first ? _mm512_setzero_ps() : _mm512_loadu_ps(tile);
        const __m512 high_before = first ? _mm512_setzero_ps() : _mm512_loadu_ps(tile + 16);
        _mm512_storeu_ps(tile, _mm512_fmadd_ps(low, _mm512_mul_ps(scale, left_scale), low_before));
        _mm512_storeu_ps(tile + 16, _mm512_fmadd_ps(high, _mm512_mul_ps(scale, right_scale), high_before));
    }
}

KernelSet avx512_kernels(bool bf16, bool vnni) {
    return {row_kernels(),
            bf16   ? "avx512-bf16"
            : vnni ? "avx512-vnni"
                   : "avx512",
            vnni,
            {{12, run<Floats<Storage::F32>, 12>},
             {12, run<Floats<Storage::F16>, 12>},
             {12, run<Floats<Storage::BF16>, 12>}},
            bf16 ? TileKernel{12, run<BFloats, 12>} : TileKernel{},
            vnni ? TileKernel{6, run_bytes<VnniBytes>, run_ahead<VnniBytes, 6>}
                 : TileKernel{6, run_bytes<Bytes>, run_ahead<Bytes, 6>}};
}

}  // namespace agora
#include "engine/kernels/target_end.inc"
#endif
