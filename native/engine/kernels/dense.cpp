#include "engine/kernels/dense.h"

#include <algorithm>

namespace agora {

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
