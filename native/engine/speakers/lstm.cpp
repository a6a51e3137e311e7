#include "engine/speakers/lstm.h"

#include <algorithm>

namespace agora {
namespace {

std::vector<float> sum(const std::vector<float>& a, const std::vector<float>& b) {
    std::vector<float> result(a.size());
    std::transform(a.begin(), a.end(), b.begin(), result.begin(), [](float x, float y) { return x + y; });
    return result;
}

}  // namespace

Lstm::Lstm(const LstmWeights& weights, int inputs, int width)
    : width_(width),
      input_(pack_linear(weights.input, sum(weights.input_bias, weights.recurrent_bias), inputs, 4 * width)),
      recurrent_(pack_linear(weights.recurrent, {}, width, 4 * width)) {}

void Lstm::run(const KernelSet& kernels, const float* x, size_t x_stride, int frames, int count, bool backward,
               float* output, size_t output_stride, std::vector<float>& scratch) const {
    const auto width = static_cast<size_t>(width_);
    const auto rows = static_cast<size_t>(count);
    const size_t step_gates = rows * 4 * width;
    const size_t all_gates = static_cast<size_t>(frames) * step_gates;
    if (scratch.size() < all_gates + rows * width) scratch.resize(all_gates + rows * width);
    float* gates = scratch.data();
    float* cells = gates + all_gates;
    std::fill_n(cells, rows * width, 0.0f);
    multiply_rows(kernels, input_, x, x_stride, frames * count, gates, 4 * width);
    const float* before = nullptr;  // hidden state of the frame before
    for (int i = 0; i < frames; ++i) {
        const auto frame = static_cast<size_t>(backward ? frames - 1 - i : i);
        float* now = gates + frame * step_gates;
        if (before != nullptr) multiply_rows(kernels, recurrent_, before, output_stride, count, now, 4 * width, now);
        float* hidden = output + frame * rows * output_stride;
        for (size_t row = 0; row < rows; ++row) {
            kernels.lstm_cell(now + row * 4 * width, width_, cells + row * width, hidden + row * output_stride);
        }
        before = hidden;
    }
}

}  // namespace agora
