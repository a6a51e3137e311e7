// Keys and values of the decoder, in the order in which attention reads them.
#pragma once

#include <algorithm>

#include "engine/decoder/attention.h"
#include "engine/decoder/decoder.h"
#include "engine/pages.h"

namespace agora {

// For every layer and head: keys and values of `capacity` positions, [layer][head][2][capacity][64], in half precision
// or, where it has to be exact, in single.
class KeyValues final : public SequenceMemory {
  public:
    KeyValues(int layers, int heads, int capacity, bool exact)
        : heads_(static_cast<size_t>(layers) * static_cast<size_t>(heads)),
          layer_heads_(static_cast<size_t>(heads)),
          part_bytes_(static_cast<size_t>(capacity) * row_bytes(exact)),
          exact_(exact),
          pages_(bytes(layers, heads, capacity, exact), Pages::Size::Normal, "a sequence") {}

    static size_t bytes(int layers, int heads, int capacity, bool exact) {
        return static_cast<size_t>(layers) * static_cast<size_t>(heads) * 2 * static_cast<size_t>(capacity) *
               row_bytes(exact);
    }

    bool exact() const { return exact_; }

    // Value: float where the memory is exact, else Half.
    template <typename Value>
    Value* keys(int layer, int head) {
        return reinterpret_cast<Value*>(part(static_cast<size_t>(layer) * layer_heads_ + static_cast<size_t>(head)));
    }
    template <typename Value>
    Value* values(int layer, int head) {
        return reinterpret_cast<Value*>(reinterpret_cast<uint8_t*>(keys<Value>(layer, head)) + part_bytes_);
    }

    void copy_from(SequenceMemory& sequence, int positions) override {
        auto& other = static_cast<KeyValues&>(sequence);
        const size_t bytes = static_cast<size_t>(positions) * row_bytes(exact_);
        for (size_t head = 0; head < heads_; ++head) {
            std::copy_n(other.part(head), bytes, part(head));
            std::copy_n(other.part(head) + part_bytes_, bytes, part(head) + part_bytes_);
        }
    }

  private:
    static size_t row_bytes(bool exact) { return kHeadSize * (exact ? sizeof(float) : sizeof(Half)); }

    uint8_t* part(size_t head) { return pages_.data() + head * 2 * part_bytes_; }

    size_t heads_;  // of all layers
    size_t layer_heads_;
    size_t part_bytes_;  // of a head's keys, or values
    bool exact_;
    Pages pages_;
};

}  // namespace agora
