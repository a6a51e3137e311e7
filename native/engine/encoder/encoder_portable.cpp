#include <cmath>

#include "engine/encoder/encoder_graphs.h"

namespace agora {
namespace {

// GELU of a convolution with a kernel of 3 and padding of 1. x: [length, channels, N] → [out, N · length / stride].
ggml_tensor* convolve(ggml_context* context, const EncoderShape& shape, const Linear& layer, ggml_tensor* x,
                      int stride) {
    const int64_t taps = layer.weight->ne[0] * layer.weight->ne[1];
    ggml_tensor* columns = ggml_im2col(context, layer.weight, x, stride, 0, 1, 0, 1, 0, false, layer.weight->type);
    ggml_tensor* kernel = ggml_reshape_2d(context, layer.weight, taps, layer.weight->ne[2]);
    columns = ggml_reshape_2d(context, columns, taps, columns->ne[1] * columns->ne[2]);
    return gelu(context, ggml_add(context, ggml_mul_mat(context, kernel, columns), layer.bias), shape.exact_gelu);
}

}  // namespace

// Rows of all windows lie behind each other, so that each layer is one product; attention alone keeps them apart.
ggml_tensor* portable_encoder(ggml_context* context, const EncoderWeights& weights, const EncoderShape& shape,
                              ggml_tensor* mel) {
    const int64_t windows = mel->ne[2];
    const int64_t rows = windows * Encoder::kFrames;
    ggml_tensor* x = convolve(context, shape, weights.conv1, mel, 1);
    x = ggml_reshape_3d(context, x, shape.width, LogMel::kFrames, windows);
    x = convolve(context, shape, weights.conv2, ggml_cont(context, ggml_permute(context, x, 1, 0, 2, 3)), 2);
    x = ggml_reshape_3d(context, x, shape.width, Encoder::kFrames, windows);
    x = ggml_reshape_2d(context, ggml_add(context, x, weights.position), shape.width, rows);  // [D, N · T]

    const int head_width = shape.width / shape.heads;
    const float scale = 1 / std::sqrt(static_cast<float>(head_width));
    const auto split = [&](ggml_tensor* all) {  // [D, N · T] → [D / heads, T, heads, N]
        ggml_tensor* heads = ggml_reshape_4d(context, all, head_width, shape.heads, Encoder::kFrames, windows);
        return ggml_permute(context, heads, 0, 2, 1, 3);
    };
    // Full-precision weights are there for full precision.
    const bool exact = weights.blocks[0].self.key.weight->type == GGML_TYPE_F32;
    const auto narrow = [&](ggml_tensor* heads) {
        return exact ? ggml_cont(context, heads) : ggml_cast(context, heads, GGML_TYPE_F16);
    };
    for (const Block& block : weights.blocks) {
        ggml_tensor* normed = apply(context, block.self.norm, x);
        ggml_tensor* query = split(apply(context, block.self.query, normed));
        ggml_tensor* key = narrow(split(apply(context, block.self.key, normed)));
        ggml_tensor* value = narrow(split(apply(context, block.self.value, normed)));
        ggml_tensor* attended = ggml_flash_attn_ext(context, query, key, value, nullptr, scale, 0.0f, 0.0f);
        ggml_flash_attn_ext_set_prec(attended, GGML_PREC_F32);
        attended = ggml_reshape_2d(context, attended, shape.width, rows);
        x = ggml_add(context, x, apply(context, block.self.out, attended));
        x = apply_mlp(context, block, x, shape.exact_gelu);
    }
    return apply(context, weights.norm, x);
}

}  // namespace agora
