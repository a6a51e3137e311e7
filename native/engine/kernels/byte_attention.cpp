#include "engine/kernels/byte_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/kernels/number_formats.h"
#include "engine/kernels/window_frames.h"

namespace agora {
namespace {

constexpr int kHead = 64;
constexpr int kBlock = 64;  // frames with a scale of their own
constexpr int kStrip = PackedMatrix::kStrip;
constexpr float kScale = 0.125f;  // 1 / sqrt(64)
// Queries at a time: tiles of both products fit in, and their scores stay in the second-level cache.
constexpr int kQueries = 24;

constexpr size_t kRowBytes = kHead + 8;                            // of a query or key, Int8PerRow
constexpr size_t kKeyStrip = kStrip * (kHead + sizeof(float));     // 16 keys, Int8PerOutput
constexpr size_t kValueBlock = kStrip * (kBlock + sizeof(float));  // 16 columns of 64 frames

const uint16_t* row_of(const EncoderAttention& attention, const uint8_t* rows, int frame, int head) {
    return reinterpret_cast<const uint16_t*>(rows + static_cast<size_t>(frame) * attention.row_stride) + head * kHead;
}

// Keys and values of one head.
class ByteHead {
  public:
    void pack(const KernelSet& kernels, const EncoderAttention& attention, int head, int padded) {
        blocks_ = static_cast<size_t>(padded / kBlock);
        keys_.assign(static_cast<size_t>(padded / kStrip) * kKeyStrip, 0);
        values_.resize(4 * blocks_ * kValueBlock);
        pack_keys(kernels, attention, head);
        for (int block = 0; block < padded / kBlock; ++block) pack_values(attention, head, block);
    }

    const uint8_t* keys(int strip) const { return keys_.data() + static_cast<size_t>(strip) * kKeyStrip; }
    const uint8_t* values(int strip) const {
        return values_.data() + static_cast<size_t>(strip) * blocks_ * kValueBlock;
    }

  private:
    // Softmax does not see what all keys have in common, which is most of some of their values: without it the rest of
    // them is more exact (Zhang et al., 2025, SageAttention).
    void pack_keys(const KernelSet& kernels, const EncoderAttention& attention, int head) {
        float mean[kHead] = {};
        for (int frame = 0; frame < attention.frames; ++frame) {
            const uint16_t* key = row_of(attention, attention.key, frame, head);
#pragma omp simd
            for (int i = 0; i < kHead; ++i) mean[i] += to_float(key[i]);
        }
        for (float& value : mean) value /= static_cast<float>(attention.frames);
        for (int frame = 0; frame < attention.frames; ++frame) {
            const uint16_t* key = row_of(attention, attention.key, frame, head);
            float difference[kHead];
#pragma omp simd
            for (int i = 0; i < kHead; ++i) difference[i] = to_float(key[i]) - mean[i];
            uint8_t row[kRowBytes];
            kernels.narrow(difference, kHead, Arithmetic::Int8PerRow, row);
            set_key(frame, row);
        }
    }

    void set_key(int frame, const uint8_t* row) {
        uint8_t* strip = keys_.data() + static_cast<size_t>(frame / kStrip) * kKeyStrip;
        const int lane = frame % kStrip;
        for (int quad = 0; quad < kHead / 4; ++quad) {
            uint32_t four;
            std::memcpy(&four, row + 4 * quad, 4);
            four ^= 0x80808080u;  // plus 128
            std::memcpy(strip + (quad * kStrip + lane) * 4, &four, 4);
        }
        std::memcpy(strip + kHead * kStrip + 4 * lane, row + kHead, 4);
    }

    // 64 frames, those behind the last as zeros.
    void pack_values(const EncoderAttention& attention, int head, int block) {
        const int first = block * kBlock;
        const int count = std::min(kBlock, attention.frames - first);
        alignas(64) float values[kBlock][kHead] = {};
        float most[kHead] = {};
        for (int i = 0; i < count; ++i) {
            const uint16_t* row = row_of(attention, attention.value, first + i, head);
#pragma omp simd
            for (int column = 0; column < kHead; ++column) {
                values[i][column] = to_float(row[column]);
                most[column] = std::max(most[column], std::fabs(values[i][column]));
            }
        }
        float inverse[kHead];
        for (int column = 0; column < kHead; ++column) inverse[column] = most[column] > 0 ? 127.0f / most[column] : 0;
        constexpr float kMagic = 12582912.0f;  // adding it rounds to an integer
        for (int strip = 0; strip < kHead / kStrip; ++strip) {
            uint8_t* target =
                values_.data() + (static_cast<size_t>(strip) * blocks_ + static_cast<size_t>(block)) * kValueBlock;
            const int from = strip * kStrip;
            for (int quad = 0; quad < kBlock / 4; ++quad) {
                uint32_t words[kStrip] = {};
                for (int i = 0; i < 4; ++i) {
                    const float* row = values[quad * 4 + i] + from;
#pragma omp simd
                    for (int lane = 0; lane < kStrip; ++lane) {
                        const auto value = static_cast<int32_t>((row[lane] * inverse[from + lane] + kMagic) - kMagic);
                        words[lane] |= (static_cast<uint32_t>(value) & 0xFFu) << (8 * i);
                    }
                }
                std::memcpy(target + static_cast<size_t>(quad) * sizeof words, words, sizeof words);
            }
            float scales[kStrip];
            for (int lane = 0; lane < kStrip; ++lane) scales[lane] = most[from + lane] / 127.0f;
            std::memcpy(target + kBlock * kStrip, scales, sizeof scales);
        }
    }

    size_t blocks_ = 0;
    std::vector<uint8_t> keys_;    // [padded / 16] strips
    std::vector<uint8_t> values_;  // [4] strips of [padded / 64]
};

// Calls `tile` for tiles of even height: first row and count.
template <typename Tile>
void in_tiles(int count, int most, const Tile& tile) {
    const int tiles = (count + most - 1) / most;
    for (int i = 0; i < tiles; ++i) {
        const int first = count * i / tiles;
        tile(first, count * (i + 1) / tiles - first);
    }
}

}  // namespace

void attend_in_bytes(const KernelSet& kernels, const EncoderAttention& attention, int thread, int threads) {
    const int queries = attention.queries == 0 ? attention.frames : attention.queries;
    const int padded = (attention.frames + kBlock - 1) / kBlock * kBlock;
    const auto width = static_cast<size_t>(padded);
    const size_t share_bytes = width + width / kBlock * sizeof(float);
    thread_local ByteHead packed;
    thread_local std::vector<float> scores;
    thread_local std::vector<uint8_t> shares;
    scores.resize(kQueries * width);
    shares.resize(kQueries * share_bytes);
    alignas(64) uint8_t rows[kQueries * kRowBytes];
    alignas(64) float tile[kQueries * 32];
    float sums[kQueries];
    TileEnd end;
    end.format = attention.format;
    end.output_stride = attention.output_stride;
    end.width = attention.heads * kHead;

    // Every thread takes as much of all heads' rows as any other.
    const int blocks = (queries + kQueries - 1) / kQueries;
    const int units = blocks * attention.heads;
    const int last = static_cast<int>(static_cast<int64_t>(units) * (thread + 1) / threads);
    int packed_head = -1;
    for (int unit = static_cast<int>(static_cast<int64_t>(units) * thread / threads); unit < last; ++unit) {
        const int head = unit / blocks;
        if (head != packed_head) packed.pack(kernels, attention, head, padded);
        packed_head = head;
        const int first = unit % blocks * kQueries;
        const int count = std::min(kQueries, queries - first);
        for (int i = 0; i < count; ++i)
            kernels.narrow_bf16(row_of(attention, attention.query, first + i, head), kHead, rows + i * kRowBytes);
        for (int frame = 0; frame < padded; frame += 2 * kStrip) {
            const uint8_t* strip = packed.keys(frame / kStrip);
            in_tiles(count, kernels.int8_per_row.rows, [&](int row, int height) {
                kernels.int8_per_row.run(height, rows + row * kRowBytes, kRowBytes, strip, strip + kKeyStrip, kHead,
                                         scores.data() + static_cast<size_t>(row) * width + frame, width);
            });
        }
        for (int i = 0; i < count; ++i) {
            float* row = scores.data() + static_cast<size_t>(i) * width;
            if (attention.bias != 0) add_bias(row, attention.single, attention.frames, attention.bias / kScale);
            sums[i] = kernels.exp_shares(row, attention.frames, padded, kScale,
                                         shares.data() + static_cast<size_t>(i) * share_bytes);
        }
        end.output = attention.output + static_cast<size_t>(first) * attention.output_stride;
        for (int side = 0; side < 2; ++side) {
            in_tiles(count, kernels.weigh.rows, [&](int row, int height) {
                kernels.weigh.run(height, shares.data() + static_cast<size_t>(row) * share_bytes, share_bytes,
                                  packed.values(2 * side), packed.values(2 * side + 1), padded, tile + row * 32, 32);
            });
            for (int i = 0; i < count; ++i) {
                const float factor = 1.0f / sums[i];
                for (int j = 0; j < 32; ++j) tile[i * 32 + j] *= factor;
            }
            end.column = head * kHead + side * 32;
            kernels.finish(count, tile, 32, end);
        }
    }
}

}  // namespace agora
