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

// One output's block of an 8-bit strip.
void pack_block(const float* weights, int lane, uint8_t* block) {
    float most = 0;
    for (int i = 0; i < kBlock; ++i) most = std::max(most, std::fabs(weights[i]));
    const float scale = most / 127.0f;
    const float inverse = most > 0 ? 127.0f / most : 0;
    for (int i = 0; i < kBlock; ++i) {
        const int quantised = static_cast<int>(std::lrintf(weights[i] * inverse));
        block[(i / 4 * kStrip + lane) * 4 + i % 4] = static_cast<uint8_t>(quantised + 128);
    }
    reinterpret_cast<float*>(block + PackedMatrix::kBlockScales)[lane] = scale;
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
    uint8_t* strip = data_ + static_cast<size_t>(index) * strip_bytes_;
    const int padded = padded_inputs();
    std::vector<float> row(static_cast<size_t>(padded), 0.0f);
    for (int lane = 0; lane < kStrip; ++lane) {
        if (lane < count) {
            std::copy_n(rows + static_cast<size_t>(lane) * static_cast<size_t>(inputs_), inputs_, row.begin());
        } else {
            std::fill(row.begin(), row.end(), 0.0f);
        }
        for (int i = 0; i < padded; ++i) {
            const float weight = row[static_cast<size_t>(i)];
            switch (storage_) {
                case Storage::F32:
                    reinterpret_cast<float*>(strip)[i * kStrip + lane] = weight;
                    break;
                case Storage::F16:
                    reinterpret_cast<ggml_fp16_t*>(strip)[i * kStrip + lane] = ggml_fp32_to_fp16(weight);
                    break;
                case Storage::BF16:
                    reinterpret_cast<BFloat*>(strip)[(i / 2 * kStrip + lane) * 2 + i % 2] = to_bfloat(weight);
                    break;
                case Storage::Int8:
                    if (i % kBlock == 0) {
                        pack_block(&row[static_cast<size_t>(i)], lane, strip + i / kBlock * kBlockBytes);
                    }
                    break;
            }
        }
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
        }
    }
}

}  // namespace agora
