#include "engine/kernels/dense.h"

#include <algorithm>

namespace agora {

PackedLinear pack_dense(const std::vector<float>& weights, const std::vector<float>& bias, int inputs, int outputs) {
    PackedLinear layer;
    layer.weight = std::make_unique<PackedMatrix>(Storage::F32, inputs, outputs);
    constexpr int kStrip = PackedMatrix::kStrip;
    for (int strip = 0; strip < layer.weight->strips(); ++strip) {
        const int first = std::min(outputs, strip * kStrip);
        const int count = std::min(outputs - first, kStrip);
        layer.weight->pack(strip, weights.data() + static_cast<size_t>(first) * static_cast<size_t>(inputs), count);
    }
    layer.bias = bias;
    if (!bias.empty()) layer.bias.resize(static_cast<size_t>(layer.weight->strips() * kStrip), 0.0f);
    return layer;
}

void multiply_rows(const KernelSet& kernels, const PackedLinear& layer, const float* input, size_t input_stride,
                   int count, float* output, size_t output_stride, const float* residual) {
    Product product;
    product.weights = layer.weight.get();
    product.bias = layer.bias.empty() ? nullptr : layer.bias.data();
    product.residual = residual;
    product.rows = reinterpret_cast<const uint8_t*>(input);
    product.row_stride = input_stride * sizeof(float);
    product.count = count;
    product.output = reinterpret_cast<uint8_t*>(output);
    product.output_stride = output_stride * sizeof(float);
    multiply(kernels, product, 0, 1);
}

void leaky_relu(float* values, size_t count) {
    constexpr float kSlope = 0.01f;
    for (size_t i = 0; i < count; ++i) values[i] = std::max(values[i], kSlope * values[i]);
}

}  // namespace agora
