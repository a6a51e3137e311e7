// What the decoder's cross-attention looks at: keys and values of an encoded window.
#pragma once

#include <cmath>
#include <vector>

#include "engine/decoder/decoder.h"
#include "engine/kernels/packed_head.h"
#include "engine/kernels/window_frames.h"

namespace agora {

class CrossMemory final : public WindowMemory {
  public:
    static constexpr int kFrames = WindowFrames::kAll;

    // In 8 bits, half or single precision. Throws OutOfMemory.
    CrossMemory(int layers, int heads, Storage storage)
        : heads_(heads), pages_(bytes(layers, heads, storage), Pages::Size::Huge, "a window") {
        const auto count = static_cast<size_t>(layers * heads);
        packed_.reserve(count);
        for (size_t i = 0; i < count; ++i)
            packed_.emplace_back(storage, kFrames, pages_.data() + i * PackedHead::bytes(storage, kFrames));
    }

    static size_t bytes(int layers, int heads, Storage storage) {
        return static_cast<size_t>(layers * heads) * PackedHead::bytes(storage, kFrames);
    }

    int heads() const { return heads_; }
    const WindowFrames& frames() const { return frames_; }
    void set_frames(const WindowFrames& frames) {
        frames_ = frames;
        for (PackedHead& head : packed_)
            head.set_frames(frames.count(), frames.heard, std::log(static_cast<float>(frames.each)));
    }
    PackedHead& head(int layer, int head) { return packed_[index(layer, head)]; }
    const PackedHead& head(int layer, int head) const { return packed_[index(layer, head)]; }

  private:
    size_t index(int layer, int head) const {
        return static_cast<size_t>(layer) * static_cast<size_t>(heads_) + static_cast<size_t>(head);
    }

    int heads_;
    WindowFrames frames_;
    Pages pages_;
    std::vector<PackedHead> packed_;
};

}  // namespace agora
