#include "engine/kernels/encoder_attention.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/kernels/number_formats.h"
#include "engine/kernels/packed_head.h"
#include "engine/kernels/tile_turn.h"
#include "engine/kernels/window_frames.h"

namespace agora {
namespace {

constexpr int kHead = 64;
constexpr float kScale = 0.125f;  // 1 / sqrt(64)

int queries_of(const EncoderAttention& attention) {
    return attention.queries == 0 ? attention.frames : attention.queries;
}

// What one head's keys and values are packed to. Row i of the keys is output i of a matrix with 64 inputs; values are
// a matrix with 64 outputs and one input for each frame.
template <typename Value>
struct FloatHead {
    static constexpr int kPair = sizeof(Value) == 2 ? 2 : 1;

    void pack(const EncoderAttention& attention, int head, int padded) {
        const auto row = [&](const uint8_t* rows, int frame) {
            return reinterpret_cast<const Value*>(rows + static_cast<size_t>(frame) * attention.row_stride) +
                   head * kHead;
        };
        values.resize(static_cast<size_t>(padded) * kHead);
        const std::vector<Value> zeros(kHead, 0);
        for (int frame = 0; frame < padded; frame += kPair) {
            const Value* pair[2];
            for (int i = 0; i < kPair; ++i)
                pair[i] = frame + i < attention.frames ? row(attention.value, frame + i) : zeros.data();
            for (int first = 0; first < kHead; first += 16) {
                Value* target = values.data() + first * padded + frame * 16;
                // A loop for each, so that vectors are made of both.
                if constexpr (kPair == 1) std::copy_n(pair[0] + first, 16, target);
                if constexpr (kPair == 2) {
                    for (int i = 0; i < 16; ++i) {
                        target[2 * i] = pair[0][first + i];
                        target[2 * i + 1] = pair[1][first + i];
                    }
                }
            }
        }
        keys.assign(static_cast<size_t>(padded) * kHead, 0);
        for (int frame = 0; frame < attention.frames; ++frame) {
            const Value* key = row(attention.key, frame);
            Value* strip = keys.data() + frame / 16 * 16 * kHead + frame % 16 * kPair;
            for (int i = 0; i < kHead; i += kPair) std::memcpy(strip + i * 16, key + i, kPair * sizeof(Value));
        }
    }

    std::vector<Value> keys;    // [padded / 16] strips of [64]
    std::vector<Value> values;  // [4] strips of [padded]
};

template <typename Value>
void attend_part(const KernelSet& kernels, const TileKernel& kernel, const EncoderAttention& attention, int thread,
                 int threads) {
    constexpr bool narrow = sizeof(Value) == 2;
    const float bias = attention.bias / kScale;
    const int queries = queries_of(attention);
    const int padded = (attention.frames + 31) / 32 * 32;
    const auto width = static_cast<size_t>(padded);
    thread_local FloatHead<Value> packed;
    thread_local std::vector<float> scores;
    thread_local std::vector<uint16_t> narrowed;
    scores.resize(static_cast<size_t>(kernel.rows) * width);
    if (narrow) narrowed.resize(scores.size());
    alignas(64) float tile[32 * 32];
    float sums[32];
    TileEnd end;
    end.format = attention.format;
    end.output_stride = attention.output_stride;
    end.width = attention.heads * kHead;

    // Every thread takes as much of all heads' rows as any other.
    const int blocks = (queries + kernel.rows - 1) / kernel.rows;
    const int units = blocks * attention.heads;
    const int last = static_cast<int>(static_cast<int64_t>(units) * (thread + 1) / threads);
    int packed_head = -1;
    const TileTurn turn(kernel);
    for (int unit = static_cast<int>(static_cast<int64_t>(units) * thread / threads); unit < last; ++unit) {
        const int head = unit / blocks;
        if (head != packed_head) packed.pack(attention, head, padded);
        packed_head = head;
        const int first = unit % blocks * kernel.rows;
        const int count = std::min(kernel.rows, queries - first);
        const uint8_t* query = attention.query + static_cast<size_t>(first) * attention.row_stride +
                               static_cast<size_t>(head) * kHead * sizeof(Value);
        for (int frame = 0; frame < padded; frame += 32) {
            const auto* strip = reinterpret_cast<const uint8_t*>(packed.keys.data() + frame * kHead);
            kernel.run(count, query, attention.row_stride, strip, strip + 16 * kHead * sizeof(Value), kHead,
                       scores.data() + frame, width);
        }
        for (int r = 0; r < count; ++r) {
            const size_t row = static_cast<size_t>(r) * width;
            if (bias != 0) add_bias(scores.data() + row, attention.single, attention.frames, bias);
            auto* target = narrow ? reinterpret_cast<uint8_t*>(narrowed.data() + row)
                                  : reinterpret_cast<uint8_t*>(scores.data() + row);
            sums[r] = kernels.exp_row(scores.data() + row, attention.frames, padded, kScale,
                                      narrow ? Arithmetic::BF16 : Arithmetic::F32, target);
        }
        const auto* weights = narrow ? reinterpret_cast<const uint8_t*>(narrowed.data())
                                     : reinterpret_cast<const uint8_t*>(scores.data());
        for (int side = 0; side < 2; ++side) {
            const auto* strip =
                reinterpret_cast<const uint8_t*>(packed.values.data() + static_cast<size_t>(side) * 32 * width);
            kernel.run(count, weights, width * sizeof(Value), strip, strip + 16 * width * sizeof(Value), padded, tile,
                       32);
            for (int r = 0; r < count; ++r) {
                const float factor = 1.0f / sums[r];
                for (int i = 0; i < 32; ++i) tile[r * 32 + i] *= factor;
            }
            end.column = head * kHead + side * 32;
            end.output = attention.output + static_cast<size_t>(first) * attention.output_stride;
            kernels.finish(count, tile, 32, end);
        }
    }
}

// Rows of a head that one thread takes at a time.
constexpr int kByteRows = 24;

void attend_bytes(const KernelSet& kernels, const EncoderAttention& attention, int thread, int threads) {
    const auto rows = [&](const uint8_t* data, int frame, int head) {
        return reinterpret_cast<const float*>(data + static_cast<size_t>(frame) * attention.row_stride) + head * kHead;
    };
    const size_t width = attention.row_stride / sizeof(float);
    thread_local std::optional<PackedHead> packed;
    if (!packed || packed->capacity() < attention.frames) packed.emplace(Storage::Int8, attention.frames);
    packed->set_frames(attention.frames, attention.single, attention.bias);
    alignas(64) float tile[kByteRows * kHead];
    TileEnd end;
    end.format = attention.format;
    end.output_stride = attention.output_stride;
    end.width = attention.heads * kHead;

    const int queries = queries_of(attention);
    const int blocks = (queries + kByteRows - 1) / kByteRows;
    const int units = blocks * attention.heads;
    const int last = static_cast<int>(static_cast<int64_t>(units) * (thread + 1) / threads);
    int packed_head = -1;
    for (int unit = static_cast<int>(static_cast<int64_t>(units) * thread / threads); unit < last; ++unit) {
        const int head = unit / blocks;
        if (head != packed_head) {
            packed->set_keys(kernels, rows(attention.key, 0, head), width);
            packed->set_values(kernels, rows(attention.value, 0, head), width);
        }
        packed_head = head;
        const int first = unit % blocks * kByteRows;
        const int count = std::min(kByteRows, queries - first);
        packed->attend(kernels, rows(attention.query, first, head), count, width, tile, kHead, nullptr);
        end.output = attention.output + static_cast<size_t>(first) * attention.output_stride;
        for (int side = 0; side < 2; ++side) {
            end.column = head * kHead + side * 32;
            kernels.finish(count, tile + side * 32, kHead, end);
        }
    }
}

}  // namespace

void attend_all(const KernelSet& kernels, const EncoderAttention& attention, int thread, int threads) {
    if (attention.arithmetic == Arithmetic::Int8) {
        attend_bytes(kernels, attention, thread, threads);
    } else if (attention.arithmetic == Arithmetic::BF16) {
        attend_part<BFloat>(kernels, kernels.bf16, attention, thread, threads);
    } else {
        attend_part<float>(kernels, kernels.f32[0], attention, thread, threads);
    }
}

}  // namespace agora
