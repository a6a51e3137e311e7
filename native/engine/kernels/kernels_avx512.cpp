// AVX-512: float, bfloat16 (AVX512-BF16) and 8-bit (AVX512-VNNI) products of up to 12 or 6 rows with 32 outputs, all
// sums in registers.
#include "engine/kernels/kernel_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <utility>

#define AGORA_TARGET "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c,bmi2,prefer-vector-width=512"
#include "engine/kernels/target_begin.inc"

namespace agora {
namespace {

inline void quantise_block(const float* x, int8_t* values, float* scale, int32_t* offset) {
    const __m512 low = _mm512_loadu_ps(x);
    const __m512 high = _mm512_loadu_ps(x + 16);
    const float most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    const __m512 inverse = _mm512_set1_ps(most > 0 ? 127.0f / most : 0.0f);
    const __m512i low_values = _mm512_cvtps_epi32(_mm512_mul_ps(low, inverse));
    const __m512i high_values = _mm512_cvtps_epi32(_mm512_mul_ps(high, inverse));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values), _mm512_cvtepi32_epi8(low_values));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values + 16), _mm512_cvtepi32_epi8(high_values));
    *scale = most / 127.0f;
    const auto sum = static_cast<uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(low_values, high_values)));
    *offset = static_cast<int32_t>(0u - 128u * sum);
}

// 2^x for x <= 0: 2^n · p(f), |f| <= 0.5, the Taylor polynomial of degree 6, relative error 2e-7.
inline __attribute__((always_inline)) __m512 exp2_512(__m512 x) {
    const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(x, n);
    __m512 p = _mm512_set1_ps(1.5403530e-4f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.3333558e-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.6181291e-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.5504109e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.4022651e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.9314718e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

// Round to nearest, ties to even.
inline __attribute__((always_inline)) __m256i to_bfloats(__m512 x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

// Of 16 values from the i-th on, those before the end.
inline __attribute__((always_inline)) __mmask16 lanes_before(int end, int i) {
    return static_cast<__mmask16>(end - i >= 16 ? 0xFFFF : end > i ? (1u << (end - i)) - 1 : 0);
}

float exp_row(float* x, int count, int padded, float scale, uint16_t* narrowed) {
    const __m512 lowest = _mm512_set1_ps(-__builtin_inff());
    __m512 highest[4] = {lowest, lowest, lowest, lowest};
    int i = 0;
    for (; i + 64 <= count; i += 64) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) highest[j] = _mm512_max_ps(highest[j], _mm512_loadu_ps(x + i + 16 * j));
    }
    for (; i < count; i += 16)
        highest[0] = _mm512_max_ps(highest[0], _mm512_mask_loadu_ps(lowest, lanes_before(count, i), x + i));
    const float most = _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(highest[0], highest[1]), _mm512_max_ps(highest[2], highest[3])));
    const float factor = scale * 1.44269504f;  // e^x = 2^(x log2 e)
    const __m512 factors = _mm512_set1_ps(factor);
    const __m512 shift = _mm512_set1_ps(-most * factor);
    __m512 sums = _mm512_setzero_ps();
    for (i = 0; i < padded; i += 16) {
        const __mmask16 mask = lanes_before(count, i);
        const __m512 exponent = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, x + i), factors, shift);
        const __m512 e = _mm512_maskz_mov_ps(mask, exp2_512(exponent));
        sums = _mm512_add_ps(sums, e);
        if (narrowed != nullptr) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(narrowed + i), to_bfloats(e));
        } else {
            _mm512_storeu_ps(x + i, e);
        }
    }
    return _mm512_reduce_add_ps(sums);
}

#define AGORA_OWN_ROWS
#include "engine/kernels/row_kernels.inc"

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

// Integer sums of a block start at what undoes the weights' offset of 128, and join the float sums with their scales.
template <int Rows>
__attribute__((target("avx512vnni"))) void multiply_int8(const uint8_t* a, size_t a_stride, const uint8_t* strip,
                                                         const uint8_t* next, int inputs, float* tile,
                                                         size_t tile_stride) {
    __m512 sums[Rows][2];
    clear(sums);
    const int blocks = inputs / 32;
    for (int block = 0; block < blocks; ++block, strip += 576, next += 576) {
        const uint8_t* scales = a + inputs + block * 4;
        const uint8_t* offsets = scales + blocks * 4;
        __m512i dots[Rows][2];
#pragma GCC unroll 6
        for (int r = 0; r < Rows; ++r) {
            int offset;
            __builtin_memcpy(&offset, offsets + static_cast<size_t>(r) * a_stride, 4);
            dots[r][0] = dots[r][1] = _mm512_set1_epi32(offset);
        }
#pragma GCC unroll 8
        for (int quad = 0; quad < 8; ++quad) {
            const __m512i left = _mm512_loadu_si512(strip + quad * 64);
            const __m512i right = _mm512_loadu_si512(next + quad * 64);
#pragma GCC unroll 6
            for (int r = 0; r < Rows; ++r) {
                int values;
                __builtin_memcpy(&values, a + static_cast<size_t>(r) * a_stride + block * 32 + quad * 4, 4);
                const __m512i x = _mm512_set1_epi32(values);
                dots[r][0] = _mm512_dpbusd_epi32(dots[r][0], left, x);
                dots[r][1] = _mm512_dpbusd_epi32(dots[r][1], right, x);
            }
        }
        const __m512 left_scale = _mm512_loadu_ps(strip + 512);
        const __m512 right_scale = _mm512_loadu_ps(next + 512);
#pragma GCC unroll 6
        for (int r = 0; r < Rows; ++r) {
            const __m512 scale =
                _mm512_set1_ps(*reinterpret_cast<const float*>(scales + static_cast<size_t>(r) * a_stride));
            sums[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][0]), _mm512_mul_ps(scale, left_scale), sums[r][0]);
            sums[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][1]), _mm512_mul_ps(scale, right_scale), sums[r][1]);
        }
    }
    store(sums, tile, tile_stride);
}

using Multiply = void (*)(const uint8_t*, size_t, const uint8_t*, const uint8_t*, int, float*, size_t);

struct BFloats {
    template <int Rows>
    static constexpr Multiply of = multiply_bf16<Rows>;
};
struct Bytes {
    template <int Rows>
    static constexpr Multiply of = multiply_int8<Rows>;
};
template <Storage storage>
struct Floats {
    template <int Rows>
    static constexpr Multiply of = multiply_f32<Rows, storage>;
};

template <typename Kind, int... Less>
void by_count(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
              float* tile, size_t tile_stride, std::integer_sequence<int, Less...>) {
    static constexpr Multiply table[] = {Kind::template of<Less + 1>...};
    table[count - 1](a, a_stride, strip, next, inputs, tile, tile_stride);
}

template <typename Kind, int Most>
void run(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next, int inputs,
         float* tile, size_t tile_stride) {
    by_count<Kind>(count, a, a_stride, strip, next, inputs, tile, tile_stride, std::make_integer_sequence<int, Most>{});
}

}  // namespace

KernelSet avx512_kernels(bool bf16, bool vnni) {
    return {bf16   ? "avx512-bf16"
            : vnni ? "avx512-vnni"
                   : "avx512",
            {{12, run<Floats<Storage::F32>, 12>},
             {12, run<Floats<Storage::F16>, 12>},
             {12, run<Floats<Storage::BF16>, 12>}},
            bf16 ? TileKernel{12, run<BFloats, 12>} : TileKernel{},
            vnni ? TileKernel{6, run<Bytes, 6>} : TileKernel{},
            finish,
            norm,
            narrow,
            exp_row,
            widen_bf16,
            widen_f32,
            pack_block,
            rms_norm,
            swiglu,
            rotate};
}

}  // namespace agora
#include "engine/kernels/target_end.inc"
#endif
