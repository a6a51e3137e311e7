// Attention of decoder rows over keys and values in half or single precision, head by head.
#pragma once

#include "engine/kernels/number_formats.h"

namespace agora {

constexpr int kHeadSize = 64;

// output = softmax(query · keysᵀ / 8) · values for one head and one row.
// query, output: [64] float; keys, values: [count][64]; scratch: [count] float, holds the weights afterwards, up to
// a common factor.
// The fastest of AVX-512, AVX2 and plain code that this processor runs; results are the same to rounding.
void attend(const float* query, const Half* keys, const Half* values, int count, float* scratch, float* output);
void attend(const float* query, const float* keys, const float* values, int count, float* scratch, float* output);

// For tests: the plain code.
void attend_plain(const float* query, const Half* keys, const Half* values, int count, float* scratch, float* output);
void attend_plain(const float* query, const float* keys, const float* values, int count, float* scratch, float* output);

}  // namespace agora
