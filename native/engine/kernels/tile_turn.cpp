#include "engine/kernels/tile_turn.h"

#include "engine/kernels/kernel_set.h"

namespace agora {
namespace {

thread_local TileTurn* turn = nullptr;

}  // namespace

TileTurn* TileTurn::current() {
    return turn;
}

#if defined(__x86_64__)
TileTurn::TileTurn(const TileKernel& kernel) {
    if (!kernel.on_tiles || turn != nullptr) return;
    mine_ = true;
    turn = this;
    __asm__ volatile("sttilecfg %0" : "=m"(before_));
}

TileTurn::~TileTurn() {
    if (!mine_) return;
    turn = nullptr;
    __asm__ volatile("ldtilecfg %0" ::"m"(before_));
}
#else
TileTurn::TileTurn(const TileKernel&) {}

TileTurn::~TileTurn() = default;
#endif

}  // namespace agora
