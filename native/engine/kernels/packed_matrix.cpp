#include "engine/kernels/packed_matrix.h"

#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/kernels/number_formats.h"

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;
constexpr int kBlock = PackedMatrix::kBlock;
// A block of q8_0: its scale in half precision, and 32 weights. Source: ggml, src/ggml-common.h.
constexpr size_t kQ8Bytes = sizeof(ggml_fp16_t) + kBlock;

// 16 outputs' weights for 32 inputs.
using Block = float[kStrip][kBlock];

// One output's block of an 8-bit strip.
void pack_bytes(const float* weights, int lane, uint8_t* target) {
    float most = 0;
#pragma omp simd reduction(max : most)
    for (int i = 0; i < kBlock; ++i) {
        const float size = std::fabs(weights[i]);
        most = size > most ? size : most;
    }
    const float inverse = most > 0 ? 127.0f / most : 0;
    constexpr float kMagic = 12582912.0f;  // adding it rounds to an integer
    uint8_t bytes[kBlock];
#pragma omp simd
    for (int i = 0; i < kBlock; ++i) {
        const auto quantised = static_cast<int32_t>((weights[i] * inverse + kMagic) - kMagic);
        bytes[i] = static_cast<uint8_t>(quantised + 128);
    }
    for (int i = 0; i < kBlock; ++i) target[(i / 4 * kStrip + lane) * 4 + i % 4] = bytes[i];
    reinterpret_cast<float*>(target + PackedMatrix::kBlockScales)[lane] = most / 127.0f;
}

// By inputs: [32][16].
void transpose(const Block& block, float* target) {
    for (int i = 0; i < kBlock; ++i) {
        for (int lane = 0; lane < kStrip; ++lane) target[i * kStrip + lane] = block[lane][i];
    }
}

void pack_block(Storage storage, const Block& block, uint8_t* target) {
    switch (storage) {
        case Storage::F32:
            return transpose(block, reinterpret_cast<float*>(target));
        case Storage::F16: {
            float values[kBlock * kStrip];
            transpose(block, values);
            return ggml_fp32_to_fp16_row(values, reinterpret_cast<ggml_fp16_t*>(target), kBlock * kStrip);
        }
        case Storage::BF16:
            for (int i = 0; i < kBlock; ++i) {
                for (int lane = 0; lane < kStrip; ++lane)
                    reinterpret_cast<BFloat*>(target)[(i / 2 * kStrip + lane) * 2 + i % 2] = to_bfloat(block[lane][i]);
            }
            return;
        case Storage::Int8:
            for (int lane = 0; lane < kStrip; ++lane) pack_bytes(block[lane], lane, target);
            return;
        case Storage::Int8By256:
            break;  // of longer blocks: pack_long_block()
    }
}

// Inputs that there is room for in a block of `left` inputs or more.
int long_block(int left) {
    constexpr int kTile = 64;
    return left >= PackedMatrix::kLongBlock ? PackedMatrix::kLongBlock : (left + kTile - 1) / kTile * kTile;
}

// Weights [count][stride], of which the block has `inputs`.
void pack_long_block(const float* weights, size_t stride, int inputs, int count, uint8_t* target) {
    const auto room = static_cast<size_t>(long_block(inputs));
    std::memset(target, 0, room * kStrip + kStrip * sizeof(float));
    auto* scales = reinterpret_cast<float*>(target + room * kStrip);
    for (int lane = 0; lane < count; ++lane, weights += stride) {
        float most = 0;
#pragma omp simd reduction(max : most)
        for (int i = 0; i < inputs; ++i) {
            const float size = std::fabs(weights[i]);
            most = size > most ? size : most;
        }
        const float inverse = most > 0 ? 127.0f / most : 0;
        constexpr float kMagic = 12582912.0f;  // adding it rounds to an integer
        int8_t bytes[PackedMatrix::kLongBlock] = {};
#pragma omp simd
        for (int i = 0; i < inputs; ++i)
            bytes[i] = static_cast<int8_t>(static_cast<int32_t>((weights[i] * inverse + kMagic) - kMagic));
        for (int i = 0; i < inputs; i += 4) std::memcpy(target + (i / 4 * kStrip + lane) * 4, bytes + i, 4);
        scales[lane] = most / 127.0f;
    }
}

}  // namespace

size_t PackedMatrix::strip_bytes(Storage storage, int inputs) {
    const auto count = static_cast<size_t>(padded(inputs));
    switch (storage) {
        case Storage::F32:
            return count * kStrip * 4;
        case Storage::F16:
        case Storage::BF16:
            return count * kStrip * 2;
        case Storage::Int8By256: {
            const int whole = inputs / kLongBlock;
            const int last = long_block(inputs % kLongBlock);
            const int blocks = whole + (last > 0 ? 1 : 0);
            return static_cast<size_t>(whole * kLongBlock + last) * kStrip +
                   static_cast<size_t>(blocks) * kStrip * sizeof(float);
        }
        case Storage::Int8:
            break;
    }
    return count / kBlock * kBlockBytes;
}

size_t PackedMatrix::bytes(Storage storage, int inputs, int outputs) {
    return strip_bytes(storage, inputs) * static_cast<size_t>(padded(outputs) / kStrip);
}

PackedMatrix::PackedMatrix(Storage storage, int inputs, int outputs)
    : PackedMatrix(storage, inputs, outputs, Pages(bytes(storage, inputs, outputs), Pages::Size::Huge, "weights")) {}

PackedMatrix::PackedMatrix(Storage storage, int inputs, int outputs, Pages own)
    : PackedMatrix(storage, inputs, outputs, own.data()) {
    own_ = std::move(own);
}

PackedMatrix::PackedMatrix(Storage storage, int inputs, int outputs, uint8_t* memory)
    : storage_(storage), inputs_(inputs), outputs_(outputs), strip_bytes_(strip_bytes(storage, inputs)), data_(memory) {
    // What is not filled weighs nothing.
    if (strips() * kStrip != outputs_) {
        const std::vector<float> nothing(static_cast<size_t>(kStrip) * static_cast<size_t>(inputs_), 0.0f);
        for (int index = outputs_ / kStrip; index < strips(); ++index) pack(index, nothing.data(), kStrip);
    }
}

void PackedMatrix::pack(int index, const float* rows, int count) {
    uint8_t* target = strip(index);
    if (storage_ == Storage::Int8By256) {
        for (int first = 0; first < inputs_; first += kLongBlock) {
            const int inputs = std::min(kLongBlock, inputs_ - first);
            pack_long_block(rows + first, static_cast<size_t>(inputs_), inputs, count, target);
            target += static_cast<size_t>(long_block(inputs)) * kStrip + kStrip * sizeof(float);
        }
        return;
    }
    const size_t block_bytes = strip_bytes_ / static_cast<size_t>(padded_inputs() / kBlock);
    for (int first = 0; first < inputs_; first += kBlock, target += block_bytes) {
        Block block = {};
        for (int lane = 0; lane < count; ++lane) {
            std::copy_n(rows + static_cast<size_t>(lane) * static_cast<size_t>(inputs_) + first,
                        std::min(kBlock, inputs_ - first), block[lane]);
        }
        pack_block(storage_, block, target);
    }
}

void PackedMatrix::pack_q8_0(int index, const void* rows, int count) {
    const int blocks = inputs_ / kBlock;
    std::vector<uint8_t> row(static_cast<size_t>(blocks) * kQ8Bytes, 0);
    for (int lane = 0; lane < kStrip; ++lane) {
        const uint8_t* source = lane < count ? static_cast<const uint8_t*>(rows) + lane * row.size() : row.data();
        uint8_t* block = strip(index);
        for (int b = 0; b < blocks; ++b, source += kQ8Bytes, block += kBlockBytes) {
            ggml_fp16_t scale;
            std::memcpy(&scale, source, sizeof scale);
            reinterpret_cast<float*>(block + kBlock * kStrip)[lane] = ggml_fp16_to_fp32(scale);
            const uint8_t* values = source + sizeof scale;
            for (int i = 0; i < kBlock; ++i)
                block[(i / 4 * kStrip + lane) * 4 + i % 4] = static_cast<uint8_t>(values[i] ^ 0x80);  // plus 128
        }
    }
}

void PackedMatrix::unpack(int output, float* row) const {
    const uint8_t* data = strip(output / kStrip);
    const int lane = output % kStrip;
    for (int i = 0; i < inputs_; ++i) {
        switch (storage_) {
            case Storage::F32:
                row[i] = reinterpret_cast<const float*>(data)[i * kStrip + lane];
                break;
            case Storage::F16:
                row[i] = ggml_fp16_to_fp32(reinterpret_cast<const ggml_fp16_t*>(data)[i * kStrip + lane]);
                break;
            case Storage::BF16:
                row[i] = to_float(reinterpret_cast<const BFloat*>(data)[(i / 2 * kStrip + lane) * 2 + i % 2]);
                break;
            case Storage::Int8: {
                const uint8_t* block = data + i / kBlock * kBlockBytes;
                const int weight = block[(i % kBlock / 4 * kStrip + lane) * 4 + i % 4] - 128;
                row[i] = static_cast<float>(weight) * reinterpret_cast<const float*>(block + kBlockScales)[lane];
                break;
            }
            case Storage::Int8By256: {
                const int first = i / kLongBlock * kLongBlock;
                const uint8_t* block =
                    data + static_cast<size_t>(first) * kStrip + static_cast<size_t>(i / kLongBlock) * kStrip * 4;
                const auto room = static_cast<size_t>(long_block(inputs_ - first));
                const auto weight = static_cast<int8_t>(block[((i - first) / 4 * kStrip + lane) * 4 + i % 4]);
                row[i] = weight * reinterpret_cast<const float*>(block + room * kStrip)[lane];
                break;
            }
        }
    }
}

}  // namespace agora
