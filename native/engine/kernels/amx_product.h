// A bfloat16 product on AMX's tiles. `Tiles` is AmxTiles, or what stands in for it in tests.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace agora
