// Products of many rows with a packed matrix, in parallel.
#pragma once

#include "engine/kernels/kernel_set.h"

namespace agora {

struct Product {
    const PackedMatrix* weights = nullptr;
    const float* bias = nullptr;  // [outputs rounded up to 32], or null
    Activation activation = Activation::None;
    const float* residual = nullptr;  // [rows][outputs], or null

    Arithmetic arithmetic = Arithmetic::F32;
    const uint8_t* rows = nullptr;  // in the format of `arithmetic`; may be read up to 64 bytes past their end
    size_t row_stride = 0;          // bytes; rows may overlap
    int count = 0;

    Arithmetic format = Arithmetic::F32;  // of the output
    uint8_t* output = nullptr;
    size_t output_stride = 0;  // bytes
};

// The part of `thread`, 0 to `threads` - 1, of: output = activation(rows · weightsᵀ + bias) + residual.
// Int8 weights go with every arithmetic but Int8By256, which goes with weights of that kind alone; others with F32, and
// BF16 with BF16.
void multiply(const KernelSet& kernels, const Product& product, int thread, int threads);

}  // namespace agora
