// Attention of decoder rows over keys and values in half or single precision, head by head.
#pragma once

#include <cstdint>

namespace agora {

using Half = uint16_t;  // IEEE binary16

constexpr int kHeadSize = 64;

// output = softmax(query · keysᵀ / 8) · values for one head and one row.
// query, output: [64] float; keys, values: [count][64]; scratch: [count] float, holds the weights afterwards, up to
// a common factor.
// The fastest of AVX-512, AVX2 and plain code that this processor runs; results are the same to rounding.
void attend(const float* query, const Half* keys, const Half* values, int count, float* scratch, float* output);
void attend(const float* query, const float* keys, const float* values, int count, float* scratch, float* output);

// [count] floats in the precision of the output; to half, round to nearest even.
void narrow(const float* input, int count, Half* output);
void narrow(const float* input, int count, float* output);

// For tests: the plain code.
void attend_plain(const float* query, const Half* keys, const Half* values, int count, float* scratch, float* output);
void attend_plain(const float* query, const float* keys, const float* values, int count, float* scratch, float* output);

}  // namespace agora
