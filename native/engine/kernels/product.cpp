#include "engine/kernels/product.h"

#include <algorithm>
#include <vector>

#include "engine/kernels/tile_turn.h"

namespace agora {
namespace {

constexpr int kTileOutputs = 32;
constexpr size_t kLine = 64;  // of the cache
// So few rows are computed as fast as the processor fetches weights by itself.
constexpr int kRowsWithoutFetching = 2;
// More tiles than these have so small shares of the weights to fetch that they do it at once.
constexpr int kTilesThatFetch = 8;
// Rows that stay in the second-level cache while weights pass by.
constexpr int kChunkRows = 240;

const TileKernel& kernel_of(const KernelSet& kernels, Arithmetic arithmetic, Storage storage) {
    switch (arithmetic) {
        case Arithmetic::F32:
            return kernels.f32[storage == Storage::Int8 ? 0 : static_cast<int>(storage)];
        case Arithmetic::BF16:
            return kernels.bf16;
        case Arithmetic::Int8By256:
            return kernels.int8_by_256;
        case Arithmetic::Int8:
            break;
    }
    return kernels.int8;
}

// Of the weights that come next, the share of one of `tiles`: whole cache lines for each of `blocks` of inputs.
Ahead share_of(const uint8_t* next, size_t bytes, int blocks, int tiles, int index) {
    const int all_lines = static_cast<int>(bytes / kLine) / blocks;
    const int first = all_lines * index / tiles;
    const int lines = all_lines * (index + 1) / tiles - first;
    if (next == nullptr || lines == 0) return {};
    return {next + static_cast<size_t>(first * blocks) * kLine, lines};
}

void fetch(const Ahead& ahead, int blocks) {
    for (int line = 0; line < ahead.lines * blocks; ++line)
        __builtin_prefetch(ahead.weights + static_cast<size_t>(line) * kLine, 0, 2);
}

// What the end of a tile reads and writes is fetched while its product is computed.
void fetch_end(const TileEnd& end, int count) {
    const int value_bytes = end.format == Arithmetic::F32 ? 4 : end.format == Arithmetic::BF16 ? 2 : 1;
    const uint8_t* output = end.output + end.column * value_bytes;
    for (int r = 0; r < count; ++r, output += end.output_stride) {
        __builtin_prefetch(output, 1);
        if (end.format == Arithmetic::F32) __builtin_prefetch(output + kLine, 1);
    }
    if (end.residual == nullptr) return;
    const float* residual = end.residual;
    for (int r = 0; r < count; ++r, residual += end.residual_stride) {
        __builtin_prefetch(residual);
        __builtin_prefetch(residual + kLine / sizeof(float));
    }
}

}  // namespace

void multiply(const KernelSet& kernels, const Product& product, int thread, int threads) {
    const PackedMatrix& weights = *product.weights;
    const TileKernel& kernel = kernel_of(kernels, product.arithmetic, weights.storage());
    const int pairs = weights.strips() / 2;
    // Few outputs for many threads: the rows are divided too.
    const int pair_parts = std::min(threads, pairs);
    const int row_parts = std::max(1, threads / pair_parts);
    if (thread >= pair_parts * row_parts) return;
    const int pair_part = thread % pair_parts;
    const int row_part = thread / pair_parts;
    const int first_pair = pairs * pair_part / pair_parts;
    const int last_pair = pairs * (pair_part + 1) / pair_parts;
    const int first_row = product.count * row_part / row_parts;
    const int last_row = product.count * (row_part + 1) / row_parts;

    const bool widen = weights.storage() == Storage::Int8 && product.arithmetic != Arithmetic::Int8;
    const Storage wide = product.arithmetic == Arithmetic::BF16 ? Storage::BF16 : Storage::F32;
    const size_t wide_bytes = widen ? PackedMatrix::strip_bytes(wide, weights.inputs()) : 0;
    thread_local std::vector<uint8_t> widened;
    if (widened.size() < 2 * wide_bytes) widened.resize(2 * wide_bytes);

    const int blocks = weights.padded_inputs() / PackedMatrix::kBlock;
    const size_t pair_bytes = 2 * PackedMatrix::strip_bytes(weights.storage(), weights.inputs());
    alignas(64) float tile[32 * kTileOutputs];
    TileEnd end;
    end.activation = product.activation;
    end.residual_stride = static_cast<size_t>(weights.outputs());
    end.format = product.format;
    end.output_stride = product.output_stride;
    end.width = weights.outputs();
    const TileTurn turn(kernel);
    for (int chunk = first_row; chunk < last_row; chunk += kChunkRows) {
        const int chunk_end = std::min(chunk + kChunkRows, last_row);
        for (int pair = first_pair; pair < last_pair; ++pair) {
            const uint8_t* strips[2] = {weights.strip(2 * pair), weights.strip(2 * pair + 1)};
            if (widen) {
                const auto function = wide == Storage::BF16 ? kernels.widen_bf16 : kernels.widen_f32;
                for (int side = 0; side < 2; ++side) {
                    uint8_t* target = widened.data() + static_cast<size_t>(side) * wide_bytes;
                    function(strips[side], weights.padded_inputs(), target);
                    strips[side] = target;
                }
            }
            end.column = pair * kTileOutputs;
            end.columns = std::min(kTileOutputs, weights.outputs() - end.column);
            end.bias = product.bias == nullptr ? nullptr : product.bias + end.column;
            // Tiles of even height: 16 rows go as 8 and 8, not as 12 and 4.
            const int tiles = (chunk_end - chunk + kernel.rows - 1) / kernel.rows;
            // What the next outputs need is fetched while these are computed.
            const bool fetches = chunk_end - chunk > kRowsWithoutFetching && pair + 1 < last_pair;
            const uint8_t* next = fetches ? weights.strip(2 * pair + 2) : nullptr;
            const bool on_the_way = kernel.run_ahead != nullptr && tiles <= kTilesThatFetch;
            for (int i = 0; i < tiles; ++i) {
                const int row = chunk + (chunk_end - chunk) * i / tiles;
                const int count = chunk + (chunk_end - chunk) * (i + 1) / tiles - row;
                const auto offset = static_cast<size_t>(row);
                end.output = product.output + offset * product.output_stride;
                end.residual = product.residual == nullptr
                                   ? nullptr
                                   : product.residual + offset * end.residual_stride + end.column;
                fetch_end(end, count);
                const uint8_t* rows = product.rows + offset * product.row_stride;
                const Ahead ahead = share_of(next, pair_bytes, blocks, tiles, i);
                if (on_the_way) {
                    kernel.run_ahead(count, rows, product.row_stride, strips[0], strips[1], weights.padded_inputs(),
                                     tile, kTileOutputs, ahead);
                } else {
                    fetch(ahead, blocks);
                    kernel.run(count, rows, product.row_stride, strips[0], strips[1], weights.padded_inputs(), tile,
                               kTileOutputs);
                }
                kernels.finish(count, tile, kTileOutputs, end);
            }
        }
    }
}

}  // namespace agora
