// What a compute type means on this processor.
#pragma once

#include "engine/kernels/compute_type.h"
#include "engine/kernels/kernel_set.h"

namespace agora {

struct Precision {
    ComputeType type;      // never Auto
    Storage weights;       // of the matrices
    Storage convolutions;  // of the encoder's first layers, which quantised models keep wide too
    Arithmetic encoder;    // of its products
    Arithmetic decoder;
    Arithmetic attention;  // of the encoder
    bool bytes_memory;     // cross-attention keys and values in 8 bits, else in half precision
};

// `eight_bit`: whether the model file's own weights have 8 bits or fewer.
Precision choose_precision(ComputeType type, bool eight_bit, const KernelSet& kernels);

// "float32", "int8_bfloat16", …
const char* compute_type_name(ComputeType type);

}  // namespace agora
