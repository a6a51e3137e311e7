// The reference: what every instruction set computes, written down plainly. Also what processors run that no other
// set is made for.
#include <ggml.h>

#include <algorithm>

#include "engine/kernels/kernel_set.h"
#include "engine/kernels/number_formats.h"

namespace agora {
namespace {

#include "engine/kernels/row_kernels.inc"

constexpr int kRows = 8;

// Weights of 16 outputs for input `k`.
template <Storage storage>
inline void load(const uint8_t* strip, int k, float* weights) {
    for (int lane = 0; lane < 16; ++lane) {
        if (storage == Storage::F32) weights[lane] = reinterpret_cast<const float*>(strip)[k * 16 + lane];
        if (storage == Storage::F16) {
            weights[lane] = ggml_fp16_to_fp32(reinterpret_cast<const ggml_fp16_t*>(strip)[k * 16 + lane]);
        }
        if (storage == Storage::BF16) {
            weights[lane] = to_float(reinterpret_cast<const BFloat*>(strip)[(k / 2 * 16 + lane) * 2 + k % 2]);
        }
    }
}

template <Storage storage, typename Value>
void floats(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip, int inputs,
            float* tile, size_t tile_stride) {
    for (int r = 0; r < count; ++r) std::fill_n(tile + static_cast<size_t>(r) * tile_stride, 32, 0.0f);
    float weights[32];
    for (int k = 0; k < inputs; ++k) {
        load<storage>(strip, k, weights);
        load<storage>(next_strip, k, weights + 16);
        for (int r = 0; r < count; ++r) {
            const Value value = reinterpret_cast<const Value*>(a + static_cast<size_t>(r) * a_stride)[k];
            float x;
            if constexpr (sizeof(Value) == 2) {
                x = to_float(value);
            } else {
                x = value;
            }
            float* sums = tile + static_cast<size_t>(r) * tile_stride;
            for (int i = 0; i < 32; ++i) sums[i] += x * weights[i];
        }
    }
}

void bytes(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip, int inputs,
           float* tile, size_t tile_stride) {
    for (int r = 0; r < count; ++r) {
        const uint8_t* row = a + static_cast<size_t>(r) * a_stride;
        const auto* values = reinterpret_cast<const int8_t*>(row);
        const auto* scales = reinterpret_cast<const float*>(row + inputs);
        const auto* offsets = reinterpret_cast<const int32_t*>(scales + inputs / 32);
        float* sums = tile + static_cast<size_t>(r) * tile_stride;
        std::fill_n(sums, 32, 0.0f);
        for (int block = 0; block < inputs / 32; ++block) {
            for (int i = 0; i < 32; ++i) {
                const uint8_t* weights = (i < 16 ? strip : next_strip) + block * PackedMatrix::kBlockBytes;
                auto sum = static_cast<uint32_t>(offsets[block]);
                for (int k = 0; k < 32; ++k)
                    sum += static_cast<uint32_t>(weights[(k / 4 * 16 + i % 16) * 4 + k % 4] * values[block * 32 + k]);
                const float scale = reinterpret_cast<const float*>(weights + PackedMatrix::kBlockScales)[i % 16];
                sums[i] += static_cast<float>(static_cast<int32_t>(sum)) * (scale * scales[block]);
            }
        }
    }
}

void long_blocks(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip,
                 int inputs, float* tile, size_t tile_stride) {
    constexpr int kLongBlock = PackedMatrix::kLongBlock;
    for (int r = 0; r < count; ++r) std::fill_n(tile + static_cast<size_t>(r) * tile_stride, 32, 0.0f);
    for (int first = 0; first < inputs; first += kLongBlock) {
        const int size = std::min(kLongBlock, inputs - first);
        const auto weight_bytes = static_cast<size_t>((size + 63) / 64 * 64) * PackedMatrix::kStrip;
        for (int r = 0; r < count; ++r) {
            const uint8_t* row = a + static_cast<size_t>(r) * a_stride;
            const auto* values = reinterpret_cast<const int8_t*>(row) + first;
            const float scale = reinterpret_cast<const float*>(row + inputs)[first / kLongBlock];
            float* sums = tile + static_cast<size_t>(r) * tile_stride;
            for (int i = 0; i < 32; ++i) {
                const uint8_t* block = i < 16 ? strip : next_strip;
                const auto* weights = reinterpret_cast<const int8_t*>(block);
                int32_t sum = 0;
                for (int k = 0; k < size; ++k) sum += weights[(k / 4 * 16 + i % 16) * 4 + k % 4] * values[k];
                sums[i] +=
                    static_cast<float>(sum) * (scale * reinterpret_cast<const float*>(block + weight_bytes)[i % 16]);
            }
        }
        strip += weight_bytes + PackedMatrix::kStrip * sizeof(float);
        next_strip += weight_bytes + PackedMatrix::kStrip * sizeof(float);
    }
}

}  // namespace

const KernelSet& plain_kernels() {
    static const KernelSet set = {row_kernels(),
                                  "plain",
                                  false,
                                  {{kRows, floats<Storage::F32, float>},
                                   {kRows, floats<Storage::F16, float>},
                                   {kRows, floats<Storage::BF16, float>}},
                                  {kRows, floats<Storage::BF16, BFloat>},
                                  {kRows, bytes},
                                  {kRows, long_blocks}};
    return set;
}

}  // namespace agora
