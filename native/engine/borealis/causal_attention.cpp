#include "engine/borealis/causal_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace agora {
namespace {

constexpr int kTileOutputs = 32;

// Rows in parts of even height, none above the kernel's.
template <typename Work>
void for_tiles(int rows, int most, const Work& work) {
    const int tiles = (rows + most - 1) / most;
    for (int i = 0; i < tiles; ++i) {
        const int first = rows * i / tiles;
        work(static_cast<size_t>(first), rows * (i + 1) / tiles - first);
    }
}

}  // namespace

int CausalAttention::blocks(const KernelSet& kernels, int count) {
    return (count + kernels.f32[0].rows - 1) / kernels.f32[0].rows;
}

void attend_block(const KernelSet& kernels, const CausalAttention& attention, int head, int block) {
    const LanguageMemory& memory = *attention.memory;
    const LanguageMemory::Shape& shape = memory.shape();
    const TileKernel& kernel = kernels.f32[static_cast<int>(shape.storage)];
    const int rows_at_once = kernels.f32[0].rows;
    const int first = block * rows_at_once;
    const int count = std::min(rows_at_once, attention.count - first);
    const int group = attention.heads / shape.heads;
    const int queries = count * group;
    const int positions = (attention.past + first + count + kTileOutputs - 1) / kTileOutputs * kTileOutputs;
    const auto padded_head = static_cast<size_t>(shape.padded_head());
    const auto row_width = static_cast<size_t>(attention.heads) * static_cast<size_t>(shape.head_width);
    const auto head_offset = static_cast<size_t>(head) * static_cast<size_t>(group * shape.head_width);

    // Queries one after another, [count][group][padded_head]; what fills up a head stays zero.
    thread_local std::vector<float> query, scores;
    query.assign(static_cast<size_t>(queries) * padded_head, 0.0f);
    for (int i = 0; i < queries; ++i) {
        std::copy_n(attention.query + static_cast<size_t>(first + i / group) * row_width + head_offset +
                        static_cast<size_t>(i % group) * static_cast<size_t>(shape.head_width),
                    shape.head_width, &query[static_cast<size_t>(i) * padded_head]);
    }
    const auto width = static_cast<size_t>(positions);
    scores.resize(static_cast<size_t>(queries) * width);
    for (int position = 0; position < positions; position += kTileOutputs) {
        const uint8_t* strip = memory.keys(attention.layer, head, position);
        const uint8_t* next = memory.keys(attention.layer, head, position + PackedMatrix::kStrip);
        for_tiles(queries, kernel.rows, [&](size_t row, int rows) {
            kernel.run(rows, reinterpret_cast<const uint8_t*>(&query[row * padded_head]), padded_head * sizeof(float),
                       strip, next, static_cast<int>(padded_head), &scores[row * width + static_cast<size_t>(position)],
                       width);
        });
    }
    thread_local std::vector<float> factors;
    factors.resize(static_cast<size_t>(queries));
    const float scale = 1.0f / std::sqrt(static_cast<float>(shape.head_width));
    for (int i = 0; i < queries; ++i) {
        const auto row = static_cast<size_t>(i);
        const int seen = attention.past + first + i / group + 1;
        float* own = &scores[row * width];
        factors[row] =
            1.0f / kernels.exp_row(own, seen, positions, scale, Arithmetic::F32, reinterpret_cast<uint8_t*>(own));
    }
    alignas(64) float tile[kTileOutputs * kTileOutputs];
    for (int column = 0; column < shape.head_width; column += kTileOutputs) {
        const uint8_t* strip = memory.values(attention.layer, head, column / PackedMatrix::kStrip);
        const uint8_t* next = memory.values(attention.layer, head, column / PackedMatrix::kStrip + 1);
        const int columns = std::min(kTileOutputs, shape.head_width - column);
        for_tiles(queries, kernel.rows, [&](size_t row, int rows) {
            kernel.run(rows, reinterpret_cast<const uint8_t*>(&scores[row * width]), width * sizeof(float), strip, next,
                       positions, tile, kTileOutputs);
            for (int r = 0; r < rows; ++r) {
                const int i = static_cast<int>(row) + r;
                float* output = attention.output + static_cast<size_t>(first + i / group) * row_width + head_offset +
                                static_cast<size_t>(i % group * shape.head_width + column);
                for (int k = 0; k < columns; ++k)
                    output[k] = tile[r * kTileOutputs + k] * factors[static_cast<size_t>(i)];
            }
        });
    }
}

}  // namespace agora
