// Keys and values of one head, packed as matrices, and attention over them.
#pragma once

#include "engine/kernels/kernel_set.h"

namespace agora {

// Two matrices, so that attention is two products: keys with 64 inputs and an output for each frame, values with an
// input for each frame and 64 outputs.
class PackedHead {
  public:
    static constexpr int kSize = 64;

    // In 8 bits, half or single precision. Throws OutOfMemory.
    PackedHead(Storage storage, int frames);
    // In memory of the caller's, of bytes(storage, frames), on a cache line.
    PackedHead(Storage storage, int frames, uint8_t* memory);

    static size_t bytes(Storage storage, int frames);

    // Frames that there is room for.
    int capacity() const { return values_.inputs(); }
    // How many frames are taken over and looked at; from `single` on each stands for several, `bias` is the logarithm
    // of how many. At first all that there is room for, alike.
    void set_frames(int frames, int single, float bias) {
        frames_ = frames;
        single_ = single;
        bias_ = bias;
    }
    int frames() const { return frames_; }
    int padded() const { return (frames_ + 31) / 32 * 32; }

    // Takes keys or values over from rows [frames][64], `width` floats apart.
    void set_keys(const KernelSet& kernels, const float* rows, size_t width);
    void set_values(const KernelSet& kernels, const float* rows, size_t width);

    // softmax(query · keysᵀ / 8) · values for `count` rows of 64, queries `width` and outputs `output_width` floats
    // apart. `weights` (null: not wanted) takes the softmax up to a factor for each row, [count][padded]. The keys of
    // `next`, whose turn it is then, come from memory on the way, as the values do while keys are looked at.
    void attend(const KernelSet& kernels, const float* query, int count, size_t width, float* output,
                size_t output_width, float* weights, const PackedHead* next = nullptr) const;

  private:
    // Of the values, those of 32 frames.
    void fetch_values(int frame) const;
    // The first or second half of the keys, for a product of so many blocks.
    Ahead keys_ahead(int half, int blocks) const;

    int frames_, single_ = 0;
    float bias_ = 0;
    PackedMatrix keys_, values_;
};

}  // namespace agora
