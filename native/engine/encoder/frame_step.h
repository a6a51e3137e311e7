// What a layer of the encoder does with each frame by itself.
#pragma once

#include "engine/kernels/kernel_set.h"
#include "engine/model/packed_whisper_weights.h"

namespace agora {

// From what attention has found to what the next attention asks: the output projection and the MLP of one layer, and
// the queries, keys and values of the next. Frames go through all of it a few at a time, which stay in the cache:
// products with rows of bytes want whole rows, which would go to memory and back in between.
struct FrameStep {
    const PackedBlock* before = nullptr;    // whose attention has been; null: the first layer's is next
    const PackedBlock* next = nullptr;      // whose attention is next; null: there is none
    const PackedNorm* last_norm = nullptr;  // where there is none
    Activation activation = Activation::GeluTanh;
    Arithmetic format = Arithmetic::BF16;  // of queries, keys and values: BF16 or F32
};

struct Frames {
    const uint8_t* attended = nullptr;  // bfloat16 [D]
    size_t attended_stride = 0;         // bytes
    float* x = nullptr;                 // [D], updated
    uint8_t* output = nullptr;          // queries, keys and values, [3][D]; behind the last layer float [D]
    size_t output_stride = 0;           // bytes
};

// Of frames first, …, last - 1. Weights are Int8PerOutput.
void take_step(const KernelSet& kernels, const FrameStep& step, const Frames& frames, int first, int last);

}  // namespace agora
