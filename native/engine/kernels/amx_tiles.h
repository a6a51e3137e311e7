// The few AMX operations that products need, on eight tiles of 16 rows of 64 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/tile_turn.h"

#if defined(__x86_64__)
namespace agora {

// Tiles 0 to 3 hold sums (2 × 2), 4 and 5 rows of the left matrix, 6 and 7 of the right one.
// Written as assembly, because GCC 12's intrinsics lose stores to the configuration, and so that they need no target.
class AmxTiles {
  public:
    // Asks the kernel for the registers, once for the process. False when they are not to be had.
    static bool permitted();

    // Takes the tiles of this thread over. `first` and `second`: rows in the upper and lower half of the left matrix,
    // 1 to 16. The end of its life gives them back as they were, or leaves that to the thread's TileTurn.
    AmxTiles(int first, int second) : turn_(TileTurn::current()) {
        if (turn_ == nullptr) {
            __asm__ volatile("sttilecfg %0" : "=m"(before_));
        } else if (!turn_->changes_to(first, second)) {
            return;
        }
        alignas(64) uint8_t config[64] = {};
        config[0] = 1;  // palette
        const int rows[8] = {first, first, second, second, first, second, 16, 16};
        for (int tile = 0; tile < 8; ++tile) {
            config[16 + 2 * tile] = 64;  // bytes of a row
            config[48 + tile] = static_cast<uint8_t>(rows[tile]);
        }
        __asm__ volatile("ldtilecfg %0" ::"m"(*reinterpret_cast<const uint8_t(*)[64]>(config)));
    }
    ~AmxTiles() {
        if (turn_ == nullptr) __asm__ volatile("ldtilecfg %0" ::"m"(before_));
    }
    AmxTiles(const AmxTiles&) = delete;
    AmxTiles& operator=(const AmxTiles&) = delete;

    template <int Tile>
    void zero() {
        __asm__ volatile("tilezero %%tmm%c0" ::"i"(Tile));
    }
    template <int Tile>
    void load(const void* data, size_t stride) {
        __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(data), "r"(stride), "i"(Tile) : "memory");
    }
    template <int Tile>
    void store(void* data, size_t stride) {
        __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(data), "r"(stride), "i"(Tile) : "memory");
    }
    // sums[row][column] += left[row][2k] · right[k][2·column] + left[row][2k+1] · right[k][2·column+1]
    template <int Sums, int Left, int Right>
    void multiply() {
        __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sums), "i"(Left), "i"(Right));
    }

    // sums[row][column] += Σ left[row][4k + i] · right[k][4·column + i], of signed bytes
    template <int Sums, int Left, int Right>
    void multiply_bytes() {
        __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sums), "i"(Left), "i"(Right));
    }

  private:
    TileTurn* turn_;
    alignas(64) uint8_t before_[64];
};

}  // namespace agora
#endif
