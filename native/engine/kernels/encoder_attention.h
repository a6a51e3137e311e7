// Self-attention over all frames of a window, without a mask.
#pragma once

#include "engine/kernels/kernel_set.h"

namespace agora {

// Rows of BF16 where the arithmetic is that, else of F32, [frames][heads · 64].
inline Arithmetic attention_rows(Arithmetic arithmetic) {
    return arithmetic == Arithmetic::BF16 ? Arithmetic::BF16 : Arithmetic::F32;
}

struct EncoderAttention {
    Arithmetic arithmetic = Arithmetic::F32;
    const uint8_t *query = nullptr, *key = nullptr, *value = nullptr;
    size_t row_stride = 0;  // bytes
    int frames = 0;
    int queries = 0;  // rows that attend; 0: as many as frames
    int heads = 0;
    // From which frame on each stands for several, and the logarithm of how many.
    int single = 0;
    float bias = 0;

    Arithmetic format = Arithmetic::F32;  // of the output, [queries][heads · 64]
    uint8_t* output = nullptr;
    size_t output_stride = 0;  // bytes
};

// The part of `thread` of: softmax(query · keyᵀ / 8) · value, for each head. A block of queries at a time: its scores
// stay in the cache, as in FlashAttention (Dao et al., 2022), but whole rows of them, so that nothing is rescaled.
void attend_all(const KernelSet& kernels, const EncoderAttention& attention, int thread, int threads);

}  // namespace agora
