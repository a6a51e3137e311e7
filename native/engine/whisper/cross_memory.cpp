#include "engine/whisper/cross_memory.h"

#include <algorithm>
#include <cstring>

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;
constexpr int kBlock = PackedMatrix::kBlock;
constexpr float kScale = 0.125f;  // 1 / sqrt(64)

// One frame's keys of a head, [64], as an output of a strip of floats or halves.
template <typename Value>
void set_lane(const float* row, int lane, uint8_t* strip) {
    Value values[kHeadSize];
    narrow(row, kHeadSize, values);
    Value* target = reinterpret_cast<Value*>(strip) + lane;
    for (int i = 0; i < kHeadSize; ++i) target[i * kStrip] = values[i];
}

// 16 columns of all frames' values as a strip of floats or halves.
template <typename Value>
void set_frames(const float* columns, size_t width, uint8_t* strip) {
    auto* target = reinterpret_cast<Value*>(strip);
    for (int frame = 0; frame < CrossMemory::kFrames; ++frame)
        narrow(columns + static_cast<size_t>(frame) * width, kStrip, target + frame * kStrip);
    std::fill_n(target + CrossMemory::kFrames * kStrip, (CrossMemory::kPadded - CrossMemory::kFrames) * kStrip,
                Value{0});
}

}  // namespace

CrossMemory::CrossMemory(int layers, int heads, Storage storage) : heads_(heads), storage_(storage) {
    matrices_.reserve(2 * static_cast<size_t>(layers) * static_cast<size_t>(heads));
    for (int i = 0; i < layers * heads; ++i) {
        matrices_.emplace_back(storage, kHeadSize, kFrames);
        matrices_.emplace_back(storage, kFrames, kHeadSize);
    }
}

void CrossMemory::set_keys(const KernelSet& kernels, int layer, int head, const float* rows, size_t width) {
    PackedMatrix& keys = matrices_[index(layer, head)];
    for (int frame = 0; frame < kFrames; ++frame) {
        const float* row = rows + static_cast<size_t>(frame) * width + static_cast<size_t>(head) * kHeadSize;
        uint8_t* strip = keys.strip(frame / kStrip);
        const int lane = frame % kStrip;
        if (storage_ == Storage::F32) {
            set_lane<float>(row, lane, strip);
            continue;
        }
        if (storage_ == Storage::F16) {
            set_lane<Half>(row, lane, strip);
            continue;
        }
        uint8_t quantised[kHeadSize + kHeadSize / kBlock * 8];
        kernels.narrow(row, kHeadSize, Arithmetic::Int8, quantised);
        for (int block = 0; block < kHeadSize / kBlock; ++block, strip += PackedMatrix::kBlockBytes) {
            for (int quad = 0; quad < kBlock / 4; ++quad) {
                uint32_t four;
                std::memcpy(&four, quantised + block * kBlock + quad * 4, 4);
                four ^= 0x80808080u;  // plus 128
                std::memcpy(strip + (quad * kStrip + lane) * 4, &four, 4);
            }
            std::memcpy(strip + PackedMatrix::kBlockScales + lane * 4, quantised + kHeadSize + block * 4, 4);
        }
    }
}

void CrossMemory::set_values(const KernelSet& kernels, int layer, int head, const float* rows, size_t width) {
    PackedMatrix& values = matrices_[index(layer, head) + 1];
    const float* first = rows + static_cast<size_t>(head) * kHeadSize;
    for (int index = 0; index < kHeadSize / kStrip; ++index, first += kStrip) {
        uint8_t* strip = values.strip(index);
        if (storage_ == Storage::F32) {
            set_frames<float>(first, width, strip);
            continue;
        }
        if (storage_ == Storage::F16) {
            set_frames<Half>(first, width, strip);
            continue;
        }
        for (int frame = 0; frame < kPadded; frame += kBlock, strip += PackedMatrix::kBlockBytes) {
            const float* block = first + static_cast<size_t>(frame) * width;
            if (frame + kBlock <= kFrames) {
                kernels.pack_block(block, width, strip);
                continue;
            }
            float last[kBlock * kStrip] = {};
            for (int i = 0; frame + i < kFrames; ++i)
                std::copy_n(block + static_cast<size_t>(i) * width, kStrip, last + i * kStrip);
            kernels.pack_block(last, kStrip, strip);
        }
    }
}

void attend_cross(const KernelSet& kernels, const CrossMemory& memory, int layer, int head, const float* query,
                  int count, size_t width, float* output, float* weights) {
    constexpr int kPadded = CrossMemory::kPadded;
    const bool bytes = memory.storage() == Storage::Int8;
    const Arithmetic arithmetic = bytes ? Arithmetic::Int8 : Arithmetic::F32;
    const TileKernel& kernel = bytes ? kernels.int8 : kernels.f32[static_cast<int>(memory.storage())];
    const PackedMatrix& keys = memory.keys(layer, head);
    const PackedMatrix& values = memory.values(layer, head);
    const size_t query_bytes = row_bytes(arithmetic, kHeadSize);
    const size_t weight_bytes = row_bytes(arithmetic, kPadded);
    thread_local std::vector<float> scores;
    thread_local std::vector<uint8_t> narrowed;
    scores.resize(static_cast<size_t>(kernel.rows) * kPadded);
    narrowed.resize(static_cast<size_t>(kernel.rows) * weight_bytes);
    alignas(64) float tile[32 * 32];
    float sums[32];
    for (int first = 0; first < count; first += kernel.rows) {
        const int rows = std::min(kernel.rows, count - first);
        const float* query_rows = query + static_cast<size_t>(first) * width;
        const auto* left = reinterpret_cast<const uint8_t*>(query_rows);
        size_t left_stride = width * sizeof(float);
        if (bytes) {
            for (int r = 0; r < rows; ++r) {
                kernels.narrow(query_rows + static_cast<size_t>(r) * width, kHeadSize, arithmetic,
                               narrowed.data() + static_cast<size_t>(r) * query_bytes);
            }
            left = narrowed.data();
            left_stride = query_bytes;
        }
        for (int frame = 0; frame < kPadded; frame += 32) {
            kernel.run(rows, left, left_stride, keys.strip(frame / kStrip), keys.strip(frame / kStrip + 1), kHeadSize,
                       scores.data() + frame, kPadded);
        }
        for (int r = 0; r < rows; ++r) {
            float* row = scores.data() + static_cast<size_t>(r) * kPadded;
            sums[r] = kernels.exp_row(row, CrossMemory::kFrames, kPadded, kScale, nullptr);
            if (weights != nullptr) std::copy_n(row, kPadded, weights + static_cast<size_t>(first + r) * kPadded);
            if (bytes) {
                kernels.narrow(row, kPadded, arithmetic, narrowed.data() + static_cast<size_t>(r) * weight_bytes);
            }
        }
        left = bytes ? narrowed.data() : reinterpret_cast<const uint8_t*>(scores.data());
        for (int side = 0; side < 2; ++side) {
            kernel.run(rows, left, weight_bytes, values.strip(2 * side), values.strip(2 * side + 1), kPadded, tile, 32);
            for (int r = 0; r < rows; ++r) {
                const float factor = 1.0f / sums[r];
                float* target = output + static_cast<size_t>(first + r) * width + side * 32;
                for (int i = 0; i < 32; ++i) target[i] = tile[r * 32 + i] * factor;
            }
        }
    }
}

}  // namespace agora
