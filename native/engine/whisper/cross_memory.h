// What the decoder's cross-attention looks at: keys and values of an encoded window.
#pragma once

#include <vector>

#include "engine/kernels/kernel_set.h"
#include "engine/whisper/attention.h"
#include "engine/whisper/decoder.h"

namespace agora {

// For every layer and head two packed matrices, so that attention is two products: keys with 64 inputs and an output
// for each frame, values with an input for each frame and 64 outputs.
class CrossMemory final : public WindowMemory {
  public:
    static constexpr int kFrames = 1500;
    static constexpr int kPadded = 1504;

    // In 8 bits, half or single precision. Throws OutOfMemory.
    CrossMemory(int layers, int heads, Storage storage);

    Storage storage() const { return storage_; }
    int heads() const { return heads_; }
    const PackedMatrix& keys(int layer, int head) const { return matrices_[index(layer, head)]; }
    const PackedMatrix& values(int layer, int head) const { return matrices_[index(layer, head) + 1]; }

    // Takes a head's keys or values over from rows of [kFrames][width], where the head's columns begin at `head` · 64.
    void set_keys(const KernelSet& kernels, int layer, int head, const float* rows, size_t width);
    void set_values(const KernelSet& kernels, int layer, int head, const float* rows, size_t width);

  private:
    size_t index(int layer, int head) const {
        return 2 * (static_cast<size_t>(layer) * static_cast<size_t>(heads_) + static_cast<size_t>(head));
    }

    int heads_;
    Storage storage_;
    std::vector<PackedMatrix> matrices_;
};

// Attention of `count` rows of a head, query and output `width` floats apart: softmax(query · keysᵀ / 8) · values.
// `weights` (null: not wanted) takes the softmax up to a factor for each row, [count][kPadded].
void attend_cross(const KernelSet& kernels, const CrossMemory& memory, int layer, int head, const float* query,
                  int count, size_t width, float* output, float* weights);

}  // namespace agora
