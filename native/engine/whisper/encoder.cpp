#include "engine/whisper/encoder.h"

#include "engine/error.h"

namespace agora {
namespace {

// GELU of a convolution with a kernel of 3 and padding of 1. x: [length, channels] → [out, length / stride].
ggml_tensor* convolve(ggml_context* context, const Linear& layer, ggml_tensor* x, int stride) {
    const int64_t taps = layer.weight->ne[0] * layer.weight->ne[1];
    ggml_tensor* columns = ggml_im2col(context, layer.weight, x, stride, 0, 1, 0, 1, 0, false, layer.weight->type);
    ggml_tensor* kernel = ggml_reshape_2d(context, layer.weight, taps, layer.weight->ne[2]);
    ggml_tensor* y = ggml_mul_mat(context, kernel, ggml_reshape_2d(context, columns, taps, columns->ne[1]));
    return ggml_gelu(context, ggml_add(context, y, layer.bias));
}

}  // namespace

Encoder::Encoder(const WhisperWeights& weights, const WhisperHyperParameters& hparams, CpuCompute& compute)
    : weights_(weights), hparams_(hparams), compute_(compute) {
    for (int layer = 0; layer < hparams.n_text_layer; ++layer) stores_.push_back({this, layer});
    const size_t nodes =
        64 + 40 * static_cast<size_t>(hparams.n_audio_layer) + 16 * static_cast<size_t>(hparams.n_text_layer);
    graph_ =
        std::make_unique<Graph>(compute.backend(), nodes, [this](ggml_context* context) { return build(context); });
    if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for the encoder");
}

ggml_tensor* Encoder::build(ggml_context* context) {
    const int64_t width = hparams_.n_audio_state;
    const int64_t heads = hparams_.n_audio_head;
    mel_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, LogMel::kFrames, hparams_.n_mels);
    ggml_set_input(mel_);
    ggml_tensor* x = convolve(context, weights_.encoder.conv1, mel_, 1);
    x = convolve(context, weights_.encoder.conv2, ggml_cont(context, ggml_transpose(context, x)), 2);
    x = ggml_add(context, x, weights_.encoder.position);  // [D, T]

    const auto split = [&](ggml_tensor* rows) {  // [D, T] → [64, T, heads]
        return ggml_permute(context, ggml_reshape_3d(context, rows, kHeadSize, heads, kFrames), 0, 2, 1, 3);
    };
    for (const Block& block : weights_.encoder.blocks) {
        ggml_tensor* normed = apply(context, block.self.norm, x);
        ggml_tensor* query = split(apply(context, block.self.query, normed));
        ggml_tensor* key = ggml_cast(context, split(apply(context, block.self.key, normed)), GGML_TYPE_F16);
        ggml_tensor* value = ggml_cast(context, split(apply(context, block.self.value, normed)), GGML_TYPE_F16);
        ggml_tensor* attended = ggml_flash_attn_ext(context, query, key, value, nullptr, 0.125f, 0.0f, 0.0f);
        x = ggml_add(context, x, apply(context, block.self.out, ggml_reshape_2d(context, attended, width, kFrames)));
        x = apply_mlp(context, block, x);
    }
    encoded_ = apply(context, weights_.encoder.norm, x);
    ggml_set_output(encoded_);

    // Each layer of the decoder looks at the window through keys and values of its own. The node's value is of no
    // use; it links the layers, so that one result stands for all.
    ggml_tensor* stored = nullptr;
    for (int layer = 0; layer < hparams_.n_text_layer; ++layer) {
        const Attention& cross = weights_.decoder.blocks[static_cast<size_t>(layer)].cross;
        ggml_tensor* arguments[] = {apply(context, cross.key, encoded_), apply(context, cross.value, encoded_), stored};
        stored = ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, arguments, stored == nullptr ? 2 : 3, store_cross,
                                GGML_N_TASKS_MAX, &stores_[static_cast<size_t>(layer)]);
    }
    return stored;
}

void Encoder::store_cross(ggml_tensor* destination, int thread, int threads, void* data) {
    const auto* task = static_cast<StoreTask*>(data);
    KeyValues& cross = *task->encoder->cross_;
    for (int head = thread; head < task->encoder->hparams_.n_text_head; head += threads) {
        for (int side = 0; side < 2; ++side) {
            const ggml_tensor* rows = destination->src[side];  // [D, T]
            Half* target = side == 0 ? cross.keys(task->layer, head) : cross.values(task->layer, head);
            const auto* source = static_cast<const float*>(rows->data) + head * kHeadSize;
            for (int frame = 0; frame < kFrames; ++frame)
                to_half(source + frame * rows->ne[0], kHeadSize, target + frame * kHeadSize);
        }
    }
}

bool Encoder::run(const float* mel, KeyValues& cross, const std::atomic<bool>* stop) {
    cross_ = &cross;
    ggml_backend_tensor_set(mel_, mel, 0, ggml_nbytes(mel_));
    return compute_.run(graph_->get(), stop);
}

std::vector<float> Encoder::output() const {
    std::vector<float> values(static_cast<size_t>(ggml_nelements(encoded_)));
    ggml_backend_tensor_get(encoded_, values.data(), 0, ggml_nbytes(encoded_));
    return values;
}

}  // namespace agora
