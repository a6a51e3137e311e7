#include <cstring>

#include "engine/encoder/encoder_graphs.h"

namespace agora {
namespace {

// Frames as rows, [3000, bands] → rows of bands, with a frame of zeros before the first and two after the last: the
// convolution's padding, and what reading in whole vectors runs over.
ggml_tensor* frames_of(ggml_context* context, KernelNodes& nodes, ggml_tensor* mel, Arithmetic format) {
    const auto frames = static_cast<int>(mel->ne[0]);
    const auto bands = static_cast<int>(mel->ne[1]);
    return nodes.rows(context, format, bands, frames + 3, {mel},
                      [&nodes, format, frames, bands](ggml_tensor* result, int thread, int threads) {
                          const auto* source = static_cast<const float*>(result->src[0]->data);
                          std::vector<float> row(static_cast<size_t>(bands));
                          const int last = 2 * nodes.frames().count();
                          for (int i = thread; i < last + 3; i += threads) {
                              for (int band = 0; band < bands; ++band) {
                                  const bool inside = i >= 1 && i <= last;
                                  row[static_cast<size_t>(band)] = inside ? source[band * frames + i - 1] : 0;
                              }
                              auto* output =
                                  static_cast<uint8_t*>(result->data) + static_cast<size_t>(i) * result->nb[1];
                              nodes.kernels().narrow(row.data(), bands, format, output);
                          }
                      });
}

}  // namespace

ggml_tensor* packed_encoder(ggml_context* context, KernelNodes& nodes, const PackedEncoderWeights& weights,
                            const EncoderShape& shape, const Precision& precision, const float* position,
                            ggml_tensor* mel) {
    const Activation gelu = shape.exact_gelu ? Activation::Gelu : Activation::GeluTanh;
    const Arithmetic rows = precision.encoder;
    const Arithmetic first = precision.convolutions == Storage::BF16 ? Arithmetic::BF16 : Arithmetic::F32;

    // A kernel of 3 over rows that lie behind each other is a product with rows of three times the width, which
    // overlap.
    ProductNode convolution;
    convolution.activation = gelu;
    convolution.format = first;
    convolution.count = LogMel::kFrames;
    convolution.row_stride = row_bytes(first, shape.mels);
    convolution.padding = 1;
    convolution.rows_of_frame = 2;
    ggml_tensor* x = frames_of(context, nodes, mel, first);
    x = nodes.product(context, weights.conv1, x, convolution);
    convolution.format = Arithmetic::F32;
    convolution.count = Encoder::kFrames;
    convolution.row_stride = 2 * row_bytes(first, shape.width);
    convolution.padding = 0;
    convolution.rows_of_frame = 1;
    convolution.constant = position;
    x = nodes.product(context, weights.conv2, x, convolution);  // [D, T]

    ProductNode projection;
    projection.format = attention_rows(precision.attention);
    ProductNode residual;
    ProductNode hidden;
    // Blocks of 256 are longer than what is left of a product at once: they are made of what it wrote.
    hidden.format = precision.long_blocks ? Arithmetic::BF16 : rows;
    hidden.activation = gelu;
    for (const PackedBlock& block : weights.blocks) {
        ggml_tensor* normed = nodes.norm(context, block.self.norm, x, rows);
        ggml_tensor* query = nodes.product(context, block.self.query, normed, projection);
        ggml_tensor* key = nodes.product(context, block.self.key, normed, projection);
        ggml_tensor* value = nodes.product(context, block.self.value, normed, projection);
        ggml_tensor* attended = nodes.attention(context, query, key, value, shape.heads, precision.attention, rows);
        residual.residual = x;
        x = nodes.product(context, block.self.out, attended, residual);
        normed = nodes.norm(context, block.mlp_norm, x, precision.long_rows());
        ggml_tensor* activated = nodes.product(context, block.up, normed, hidden);
        if (precision.long_blocks) activated = nodes.narrow(context, activated, precision.long_rows());
        residual.residual = x;
        x = nodes.product(context, block.down, activated, residual);
    }
    return nodes.norm(context, weights.norm, x, Arithmetic::F32);
}

}  // namespace agora
