// AMX's tiles of a thread, configured once for many products.
#pragma once

#include <cstdint>

namespace agora {

struct TileKernel;

// As long as it lives, tiles stay as the last product of this thread configured them, which costs as much as a quarter
// of a short product. Its end gives them back as they were: ggml configures a thread once and relies on it. Does
// nothing where the kernel has no use for tiles, and within another turn.
class TileTurn {
  public:
    explicit TileTurn(const TileKernel& kernel);
    ~TileTurn();
    TileTurn(const TileTurn&) = delete;
    TileTurn& operator=(const TileTurn&) = delete;

    // Of this thread; null: none.
    static TileTurn* current();

    // Whether tiles of so many rows are others than those that are there. They then are taken for configured.
    bool changes_to(int first, int second) {
        if (first == first_ && second == second_) return false;
        first_ = first;
        second_ = second;
        return true;
    }

  private:
    bool mine_ = false;
    int first_ = 0, second_ = 0;
    alignas(64) uint8_t before_[64];
};

}  // namespace agora
