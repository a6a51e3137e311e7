// Keys and values of the decoder, in the order in which attention reads them.
#pragma once

#include <memory>
#include <vector>

#include "engine/whisper/attention.h"
#include "engine/whisper/decoder.h"

namespace agora {

// For every layer and head: keys and values of `capacity` positions, [layer][head][2][capacity][64].
class KeyValues final : public SequenceMemory {
  public:
    KeyValues(int layers, int heads, int capacity)
        : layers_(layers),
          heads_(heads),
          capacity_(capacity),
          data_(new Half[static_cast<size_t>(layers) * heads * 2 * capacity * kHeadSize]) {}

    Half* keys(int layer, int head) { return data_.get() + block(layer, head); }
    Half* values(int layer, int head) { return keys(layer, head) + static_cast<size_t>(capacity_) * kHeadSize; }

    void copy_from(SequenceMemory& sequence, int positions) override {
        auto& other = static_cast<KeyValues&>(sequence);
        const size_t count = static_cast<size_t>(positions) * kHeadSize;
        for (int layer = 0; layer < layers_; ++layer) {
            for (int head = 0; head < heads_; ++head) {
                std::copy(other.keys(layer, head), other.keys(layer, head) + count, keys(layer, head));
                std::copy(other.values(layer, head), other.values(layer, head) + count, values(layer, head));
            }
        }
    }

  private:
    size_t block(int layer, int head) const {
        return (static_cast<size_t>(layer) * heads_ + head) * 2 * capacity_ * kHeadSize;
    }

    int layers_, heads_, capacity_;
    std::unique_ptr<Half[]> data_;
};

}  // namespace agora
