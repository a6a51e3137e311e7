#include "engine/kernels/packed_head.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/kernels/number_formats.h"
#include "engine/kernels/window_frames.h"

namespace agora {
namespace {

constexpr int kSize = PackedHead::kSize;
constexpr int kStrip = PackedMatrix::kStrip;
constexpr int kBlock = PackedMatrix::kBlock;
constexpr float kScale = 0.125f;  // 1 / sqrt(64)
// Tiles of rows that a strip is read for once it is in the first-level cache.
constexpr int kTiles = 4;
constexpr size_t kLine = 64;  // of the cache

// One frame's keys as an output of a strip of floats or halves.
template <typename Value>
void set_lane(const float* row, int lane, uint8_t* strip) {
    Value values[kSize];
    narrow(row, kSize, values);
    Value* target = reinterpret_cast<Value*>(strip) + lane;
    for (int i = 0; i < kSize; ++i) target[i * kStrip] = values[i];
}

void set_byte_lane(const KernelSet& kernels, const float* row, int lane, uint8_t* strip) {
    uint8_t quantised[kSize + kSize / kBlock * 8];
    kernels.narrow(row, kSize, Arithmetic::Int8, quantised);
    for (int block = 0; block < kSize / kBlock; ++block, strip += PackedMatrix::kBlockBytes) {
        for (int quad = 0; quad < kBlock / 4; ++quad) {
            uint32_t four;
            std::memcpy(&four, quantised + block * kBlock + quad * 4, 4);
            four ^= 0x80808080u;  // plus 128
            std::memcpy(strip + (quad * kStrip + lane) * 4, &four, 4);
        }
        std::memcpy(strip + PackedMatrix::kBlockScales + lane * 4, quantised + kSize + block * 4, 4);
    }
}

// 16 columns of all frames' values as a strip of floats or halves.
template <typename Value>
void set_value_frames(const float* columns, size_t width, int frames, int padded, uint8_t* strip) {
    auto* target = reinterpret_cast<Value*>(strip);
    for (int frame = 0; frame < frames; ++frame)
        narrow(columns + static_cast<size_t>(frame) * width, kStrip, target + frame * kStrip);
    std::fill_n(target + frames * kStrip, (padded - frames) * kStrip, Value{0});
}

void set_byte_frames(const KernelSet& kernels, const float* columns, size_t width, int frames, uint8_t* strip) {
    for (int frame = 0; frame < frames; frame += kBlock, strip += PackedMatrix::kBlockBytes) {
        const float* block = columns + static_cast<size_t>(frame) * width;
        if (frame + kBlock <= frames) {
            kernels.pack_block(block, width, strip);
            continue;
        }
        float last[kBlock * kStrip] = {};
        for (int i = 0; frame + i < frames; ++i)
            std::copy_n(block + static_cast<size_t>(i) * width, kStrip, last + i * kStrip);
        kernels.pack_block(last, kStrip, strip);
    }
}

}  // namespace

PackedHead::PackedHead(Storage storage, int frames)
    : frames_(frames), keys_(storage, kSize, frames), values_(storage, frames, kSize) {}

PackedHead::PackedHead(Storage storage, int frames, uint8_t* memory)
    : frames_(frames),
      keys_(storage, kSize, frames, memory),
      values_(storage, frames, kSize, memory + PackedMatrix::bytes(storage, kSize, frames)) {}

size_t PackedHead::bytes(Storage storage, int frames) {
    return PackedMatrix::bytes(storage, kSize, frames) + PackedMatrix::bytes(storage, frames, kSize);
}

void PackedHead::set_keys(const KernelSet& kernels, const float* rows, size_t width) {
    for (int frame = 0; frame < frames_; ++frame, rows += width) {
        uint8_t* strip = keys_.strip(frame / kStrip);
        const int lane = frame % kStrip;
        switch (keys_.storage()) {
            case Storage::F32:
                set_lane<float>(rows, lane, strip);
                break;
            case Storage::F16:
                set_lane<Half>(rows, lane, strip);
                break;
            default:
                set_byte_lane(kernels, rows, lane, strip);
        }
    }
}

void PackedHead::set_values(const KernelSet& kernels, const float* rows, size_t width) {
    for (int index = 0; index < kSize / kStrip; ++index, rows += kStrip) {
        uint8_t* strip = values_.strip(index);
        switch (values_.storage()) {
            case Storage::F32:
                set_value_frames<float>(rows, width, frames_, padded(), strip);
                break;
            case Storage::F16:
                set_value_frames<Half>(rows, width, frames_, padded(), strip);
                break;
            default:
                set_byte_frames(kernels, rows, width, frames_, strip);
        }
    }
}

void PackedHead::fetch_values(int frame) const {
    const size_t bytes = PackedMatrix::strip_bytes(values_.storage(), kBlock);
    const size_t offset = static_cast<size_t>(frame / kBlock) * bytes;
    for (int index = 0; index < kSize / kStrip; ++index) {
        const uint8_t* block = values_.strip(index) + offset;
        for (size_t line = 0; line < bytes; line += kLine) __builtin_prefetch(block + line, 0, 2);
    }
}

Ahead PackedHead::keys_ahead(int half, int blocks) const {
    const size_t lines =
        PackedMatrix::strip_bytes(keys_.storage(), kSize) * static_cast<size_t>(padded() / kStrip) / kLine;
    const auto each = static_cast<int>(lines) / (2 * blocks);
    return {keys_.strip(0) + static_cast<size_t>(half * each * blocks) * kLine, each};
}

void PackedHead::attend(const KernelSet& kernels, const float* query, int count, size_t width, float* output,
                        size_t output_width, float* weights, const PackedHead* next) const {
    const bool bytes = keys_.storage() == Storage::Int8;
    const TileKernel& kernel = bytes ? kernels.int8 : kernels.f32[static_cast<int>(keys_.storage())];
    const auto padded = static_cast<size_t>(this->padded());
    const size_t query_bytes = row_bytes(Arithmetic::Int8, kSize);
    const size_t weight_bytes = bytes ? row_bytes(Arithmetic::Int8, this->padded()) : padded * sizeof(float);
    const int most = std::min(count, kTiles * kernel.rows);
    thread_local std::vector<float> scores, sums;
    thread_local std::vector<uint8_t> queries, narrowed;
    scores.resize(static_cast<size_t>(most) * padded);
    sums.resize(static_cast<size_t>(most));
    if (bytes) {
        queries.resize(static_cast<size_t>(most) * query_bytes);
        narrowed.resize(static_cast<size_t>(most) * weight_bytes);
    }
    alignas(64) float tile[32 * 32];
    for (int first = 0; first < count; first += most, query += static_cast<size_t>(most) * width) {
        const int rows = std::min(most, count - first);
        const auto* left = reinterpret_cast<const uint8_t*>(query);
        size_t left_stride = width * sizeof(float);
        if (bytes) {
            for (int r = 0; r < rows; ++r) {
                kernels.narrow(query + static_cast<size_t>(r) * width, kSize, Arithmetic::Int8,
                               queries.data() + static_cast<size_t>(r) * query_bytes);
            }
            left = queries.data();
            left_stride = query_bytes;
        }
        for (int frame = 0; frame < this->padded(); frame += 32) {
            const int index = frame / kStrip;
            if (first == 0) fetch_values(frame);
            for (int r = 0; r < rows; r += kernel.rows) {
                kernel.run(std::min(kernel.rows, rows - r), left + static_cast<size_t>(r) * left_stride, left_stride,
                           keys_.strip(index), keys_.strip(index + 1), kSize,
                           scores.data() + static_cast<size_t>(r) * padded + frame, padded);
            }
        }
        for (int r = 0; r < rows; ++r) {
            float* row = scores.data() + static_cast<size_t>(r) * padded;
            if (bias_ != 0) add_bias(row, single_, frames_, bias_ / kScale);
            if (weights != nullptr) {
                auto* wanted = reinterpret_cast<uint8_t*>(weights + static_cast<size_t>(first + r) * padded);
                kernels.exp_row(row, frames_, this->padded(), kScale, Arithmetic::F32, wanted);
            }
            uint8_t* target =
                bytes ? narrowed.data() + static_cast<size_t>(r) * weight_bytes : reinterpret_cast<uint8_t*>(row);
            sums[static_cast<size_t>(r)] = kernels.exp_row(row, frames_, this->padded(), kScale,
                                                           bytes ? Arithmetic::Int8 : Arithmetic::F32, target);
        }
        left = bytes ? narrowed.data() : reinterpret_cast<const uint8_t*>(scores.data());
        for (int r = 0; r < rows; r += kernel.rows) {
            const int height = std::min(kernel.rows, rows - r);
            for (int side = 0; side < 2; ++side) {
                const uint8_t* rows_left = left + static_cast<size_t>(r) * weight_bytes;
                const uint8_t* strips[2] = {values_.strip(2 * side), values_.strip(2 * side + 1)};
                if (next != nullptr && first + r == 0 && kernel.run_ahead != nullptr) {
                    kernel.run_ahead(height, rows_left, weight_bytes, strips[0], strips[1], this->padded(), tile, 32,
                                     next->keys_ahead(side, this->padded() / kBlock));
                } else {
                    kernel.run(height, rows_left, weight_bytes, strips[0], strips[1], this->padded(), tile, 32);
                }
                for (int i = 0; i < height; ++i) {
                    const float factor = 1.0f / sums[static_cast<size_t>(r + i)];
                    float* target = output + static_cast<size_t>(first + r + i) * output_width + side * 32;
                    for (int j = 0; j < 32; ++j) target[j] = tile[i * 32 + j] * factor;
                }
            }
        }
    }
}

}  // namespace agora
