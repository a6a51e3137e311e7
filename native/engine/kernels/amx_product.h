// Products on AMX's tiles. `Tiles` is AmxTiles, or what stands in for it in tests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/kernels/packed_matrix.h"

namespace agora {

// As TileKernel::run, for up to 32 rows: four sums of 16 × 16 outputs at a time.
template <typename Tiles>
void multiply_amx(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip,
                  int inputs, float* tile, size_t tile_stride) {
    constexpr int kInputs = 32;             // of a step
    constexpr size_t kStripStep = 16 * 64;  // bytes of a strip in a step
    const int first = count < 16 ? count : 16;
    const int second = count - first;
    const uint8_t* lower = a + 16 * a_stride;
    const size_t bytes = tile_stride * sizeof(float);
    Tiles tiles(first, second > 0 ? second : 1);
    tiles.template zero<0>();
    tiles.template zero<1>();
    if (second > 0) {
        tiles.template zero<2>();
        tiles.template zero<3>();
    }
    for (int k = 0; k < inputs; k += kInputs, a += 64, lower += 64, strip += kStripStep, next_strip += kStripStep) {
        tiles.template load<4>(a, a_stride);
        tiles.template load<6>(strip, 64);
        tiles.template load<7>(next_strip, 64);
        tiles.template multiply<0, 4, 6>();
        tiles.template multiply<1, 4, 7>();
        if (second > 0) {
            tiles.template load<5>(lower, a_stride);
            tiles.template multiply<2, 5, 6>();
            tiles.template multiply<3, 5, 7>();
        }
    }
    tiles.template store<0>(tile, bytes);
    tiles.template store<1>(tile + 16, bytes);
    if (second > 0) {
        tiles.template store<2>(tile + 16 * tile_stride, bytes);
        tiles.template store<3>(tile + 16 * tile_stride + 16, bytes);
    }
}

// Sums of a block of inputs join those of the blocks before, times the scales of their row and their output:
//   tile[row][0..31] = (first ? 0 : tile[row][0..31]) + sums[row][0..31] · scale · outputs' scales
// for `count` rows. `scales`: of row 0, those of the others `stride` bytes apart; `left` and `right`: [16].
using AddScaled = void(int count, const int32_t* sums, const uint8_t* scales, size_t stride, const float* left,
                       const float* right, bool first, float* tile, size_t tile_stride);

// As TileKernel::run, of Int8By256.
template <typename Tiles, AddScaled add_scaled>
void multiply_amx_bytes(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip,
                        int inputs, float* tile, size_t tile_stride) {
    constexpr int kInputs = 64;             // of a step
    constexpr size_t kStripStep = 16 * 64;  // bytes of a strip in a step
    constexpr size_t kSumBytes = 32 * sizeof(int32_t);
    const int first = count < 16 ? count : 16;
    const int second = count - first;
    const uint8_t* scales = a + inputs;
    // Sums are scaled while the tiles already multiply the next block.
    alignas(64) int32_t sums[2][32 * 32];
    const float* factors[2][2];  // of both strips' outputs
    Tiles tiles(first, second > 0 ? second : 1);
    const auto add = [&](int block) {
        add_scaled(count, sums[block % 2], scales + static_cast<size_t>(block) * sizeof(float), a_stride,
                   factors[block % 2][0], factors[block % 2][1], block == 0, tile, tile_stride);
    };
    int block = 0;
    for (int begin = 0; begin < inputs; begin += PackedMatrix::kLongBlock, ++block) {
        const int end = std::min(begin + PackedMatrix::kLongBlock, inputs);
        tiles.template zero<0>();
        tiles.template zero<1>();
        if (second > 0) {
            tiles.template zero<2>();
            tiles.template zero<3>();
        }
        for (int k = begin; k < end; k += kInputs, strip += kStripStep, next_strip += kStripStep) {
            tiles.template load<4>(a + k, a_stride);
            tiles.template load<6>(strip, 64);
            tiles.template load<7>(next_strip, 64);
            tiles.template multiply_bytes<0, 4, 6>();
            tiles.template multiply_bytes<1, 4, 7>();
            if (second > 0) {
                tiles.template load<5>(a + 16 * a_stride + k, a_stride);
                tiles.template multiply_bytes<2, 5, 6>();
                tiles.template multiply_bytes<3, 5, 7>();
            }
        }
        int32_t* target = sums[block % 2];
        tiles.template store<0>(target, kSumBytes);
        tiles.template store<1>(target + 16, kSumBytes);
        if (second > 0) {
            tiles.template store<2>(target + 16 * 32, kSumBytes);
            tiles.template store<3>(target + 16 * 32 + 16, kSumBytes);
        }
        factors[block % 2][0] = reinterpret_cast<const float*>(strip);
        factors[block % 2][1] = reinterpret_cast<const float*>(next_strip);
        strip += PackedMatrix::kStrip * sizeof(float);
        next_strip += PackedMatrix::kStrip * sizeof(float);
        if (block > 0) add(block - 1);
    }
    add(block - 1);
}

}  // namespace agora
