// Weights in the order in which matrix products read them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pages.h"

namespace agora {

// How a weight is stored.
//   Int8:      8 bits and a scale for each 32 inputs of an output, as ggml's q8_0
//   Int8By256: 8 bits and a scale for each 256 inputs of an output
enum class Storage { F32, F16, BF16, Int8, Int8By256 };

// A matrix of `outputs` rows and `inputs` columns in strips of 16 outputs, so that one vector holds the weights of 16
// outputs for the same input. Both sizes are filled up with zeros: inputs to a multiple of 32, outputs to one of 32.
//   F32, F16: [inputs][16]
//   BF16:     [inputs / 2][16][2]
//   Int8:     [inputs / 32] of { uint8 [8][16][4], the weight plus 128; float [16], its scale }
//   Int8By256: [inputs / 256, rounded up] of { int8 [n / 4][16][4], float [16] }, n being 256, in the last block what
//   is
//              left, filled up to a multiple of 64
class PackedMatrix {
  public:
    static constexpr int kStrip = 16;
    static constexpr int kBlock = 32;
    // Of a block of an 8-bit strip: where its scales begin, and its size.
    static constexpr size_t kBlockScales = kBlock * kStrip;
    static constexpr size_t kBlockBytes = kBlockScales + kStrip * sizeof(float);
    // Inputs of a block of Int8By256.
    static constexpr int kLongBlock = 256;

    // Allocates. Throws OutOfMemory.
    PackedMatrix(Storage storage, int inputs, int outputs);
    // In memory of the caller's, of bytes(storage, inputs, outputs), on a cache line.
    PackedMatrix(Storage storage, int inputs, int outputs, uint8_t* memory);

    Storage storage() const { return storage_; }
    int inputs() const { return inputs_; }
    int outputs() const { return outputs_; }
    int padded_inputs() const { return padded(inputs_); }
    int strips() const { return padded(outputs_) / kStrip; }
    size_t bytes() const { return strip_bytes_ * static_cast<size_t>(strips()); }

    uint8_t* strip(int index) { return data_ + static_cast<size_t>(index) * strip_bytes_; }
    const uint8_t* strip(int index) const { return data_ + static_cast<size_t>(index) * strip_bytes_; }

    // Fills strip `index`. `rows`: the weights of its outputs, [count][inputs], count at most 16.
    void pack(int index, const float* rows, int count);

    // The same of an Int8 matrix from blocks of ggml's q8_0, as they are: [count][inputs / 32]. `inputs` is a multiple
    // of 32.
    void pack_q8_0(int index, const void* rows, int count);

    // The weights of one output, [inputs].
    void unpack(int output, float* row) const;

    static size_t strip_bytes(Storage storage, int inputs);
    // Of a whole matrix: a multiple of a cache line.
    static size_t bytes(Storage storage, int inputs, int outputs);

  private:
    PackedMatrix(Storage storage, int inputs, int outputs, Pages own);
    static int padded(int size) { return (size + kBlock - 1) / kBlock * kBlock; }

    Storage storage_;
    int inputs_, outputs_;
    size_t strip_bytes_;
    Pages own_;  // none where the memory is the caller's
    uint8_t* data_;
};

}  // namespace agora
