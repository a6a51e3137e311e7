// Sums over the logits of a vocabulary.
#pragma once

#include <cstddef>
#include <vector>

namespace agora {

// The largest of [begin, end), which is not empty.
float highest(const float* begin, const float* end);

// Where the `most` largest of `count` values are, the largest first; of equal ones the first comes first. All of them
// where there are no more.
std::vector<int> highest_ones(const float* values, size_t count, size_t most);

// log(Σ exp(logits)) over [begin, end); -infinity when all are.
// The fastest of AVX-512, AVX2 and plain code that this processor runs; results are the same to rounding.
float log_sum_exp(const float* begin, const float* end);

// For tests: the plain code.
float log_sum_exp_plain(const float* begin, const float* end);

}  // namespace agora
