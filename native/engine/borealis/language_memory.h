// Keys and values of one sequence, in the order in which the CPU kernels multiply with them.
#pragma once

#include "engine/kernels/packed_matrix.h"

namespace agora {

// Of every layer and head two matrices that grow with the sequence, in strips as PackedMatrix has them:
//   keys:   [positions / 16][head][16]: a position is an output, its key the weights
//   values: [head / 16][positions][16]: a position is an input
// `head` is the width of a head, filled up with zeros to a multiple of 32.
class LanguageMemory {
  public:
    struct Shape {
        Storage storage;  // F16 or F32
        int layers, heads, head_width;

        int padded_head() const { return (head_width + 31) / 32 * 32; }
        size_t value_bytes() const { return storage == Storage::F32 ? 4 : 2; }
    };

    explicit LanguageMemory(const Shape& shape) : shape_(shape) {}

    const Shape& shape() const { return shape_; }
    int length() const { return length_; }

    // Sees to it that there is room for so many positions; what it has stays. Throws OutOfMemory.
    void reserve(int positions);
    // Counts `positions` more that write() has filled for every layer and head.
    void extend(int positions) { length_ += positions; }
    // Forgets what stands from `length` on; gives the memory back when nothing is left.
    void truncate(int length);
    // Takes what `other` has, and only that.
    void copy_from(const LanguageMemory& other);

    // Key and value, [head_width], of a position that there is room for.
    void write(int layer, int head, int position, const float* key, const float* value);

    // The strip of the keys from `position` on, a multiple of 16.
    const uint8_t* keys(int layer, int head, int position) const;
    // Strip `index` of the values.
    const uint8_t* values(int layer, int head, int index) const;

  private:
    size_t matrix_bytes() const;
    size_t offset(int layer, int head, bool values) const;
    void take(const LanguageMemory& other);
    template <typename Value>
    void write_as(int layer, int head, int position, const float* key, const float* value);

    Shape shape_;
    int length_ = 0;
    int room_ = 0;  // positions
    Pages pages_;
};

}  // namespace agora
