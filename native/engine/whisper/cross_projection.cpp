#include "engine/whisper/cross_projection.h"

#include "engine/error.h"
#include "engine/whisper/encoder.h"

namespace agora {

CrossProjection::CrossProjection(const WhisperWeights& weights, const WhisperHyperParameters& hparams,
                                 CpuCompute& compute)
    : weights_(weights), hparams_(hparams), compute_(compute) {
    for (int layer = 0; layer < hparams.n_text_layer; ++layer) stores_.push_back({this, layer});
    const size_t nodes = 16 + 16 * static_cast<size_t>(hparams.n_text_layer);
    graph_ =
        std::make_unique<Graph>(compute.backend(), nodes, [this](ggml_context* context) { return build(context); });
    if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for a draft model's cross-attention");
}

ggml_tensor* CrossProjection::build(ggml_context* context) {
    encoded_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, hparams_.n_text_state, Encoder::kFrames);
    ggml_set_input(encoded_);
    // The node's value is of no use; it links the layers, so that one result stands for all.
    ggml_tensor* stored = nullptr;
    for (int layer = 0; layer < hparams_.n_text_layer; ++layer) {
        const Attention& cross = weights_.decoder.blocks[static_cast<size_t>(layer)].cross;
        ggml_tensor* arguments[] = {apply(context, cross.key, encoded_), apply(context, cross.value, encoded_), stored};
        stored = ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, arguments, stored == nullptr ? 2 : 3, store,
                                GGML_N_TASKS_MAX, &stores_[static_cast<size_t>(layer)]);
    }
    return stored;
}

void CrossProjection::store(ggml_tensor* destination, int thread, int threads, void* data) {
    const auto* task = static_cast<StoreTask*>(data);
    KeyValues& cross = *task->projection->cross_;
    for (int head = thread; head < task->projection->hparams_.n_text_head; head += threads) {
        for (int side = 0; side < 2; ++side) {
            const ggml_tensor* rows = destination->src[side];  // [D, T]
            Half* target = side == 0 ? cross.keys(task->layer, head) : cross.values(task->layer, head);
            const auto* source = static_cast<const float*>(rows->data) + head * kHeadSize;
            for (int frame = 0; frame < Encoder::kFrames; ++frame)
                to_half(source + frame * rows->ne[0], kHeadSize, target + frame * kHeadSize);
        }
    }
}

bool CrossProjection::run(const std::vector<float>& encoded, KeyValues& cross, const std::atomic<bool>* stop) {
    cross_ = &cross;
    ggml_backend_tensor_set(encoded_, encoded.data(), 0, ggml_nbytes(encoded_));
    return compute_.run(graph_->get(), stop);
}

}  // namespace agora
