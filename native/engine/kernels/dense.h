// Dense layers and convolutions in time, on one thread, by the CPU kernels.
#pragma once

#include <cstddef>

#include "engine/kernels/packed_linear.h"
#include "engine/kernels/product.h"

namespace agora {

// output[row] = input[row] · weightsᵀ + bias for `count` rows. Strides count floats; input rows may overlap, which
// makes it a convolution over a signal with channels last, and are read up to the next multiple of 32 inputs and 16
// floats more: what is there must be finite. `residual`, [count][outputs] or null, is added and may be `output` itself.
void multiply_rows(const KernelSet& kernels, const PackedLinear& layer, const float* input, size_t input_stride,
                   int count, float* output, size_t output_stride, const float* residual = nullptr);

// max(x, 0.01 x)
void leaky_relu(float* values, size_t count);

// Of floats that multiply_rows() reads: what may be read behind the last row.
constexpr size_t kRowMargin = 48;

}  // namespace agora
