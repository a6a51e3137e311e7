// One direction of one layer of an LSTM, for several sequences of the same length.
#pragma once

#include <vector>

#include "engine/kernels/dense.h"

namespace agora {

// PyTorch's nn.LSTM: gates in the order input, forget, cell, output; two biases.
struct LstmWeights {
    std::vector<float> input;           // [4 · width][inputs]
    std::vector<float> recurrent;       // [4 · width][width]
    std::vector<float> input_bias;      // [4 · width]
    std::vector<float> recurrent_bias;  // [4 · width]
};

class Lstm {
  public:
    // `width` is a multiple of 32.
    Lstm(const LstmWeights& weights, int inputs, int width);

    int width() const { return width_; }

    // x: [frames][count] rows, `x_stride` floats apart; output: rows of `width` at `output_stride`. `scratch` is kept
    // from call to call so that its memory need not be asked for again.
    void run(const KernelSet& kernels, const float* x, size_t x_stride, int frames, int count, bool backward,
             float* output, size_t output_stride, std::vector<float>& scratch) const;

  private:
    int width_;
    PackedLinear input_, recurrent_;
};

}  // namespace agora
