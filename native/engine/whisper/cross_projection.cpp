#include "engine/whisper/cross_projection.h"

namespace agora {

CrossProjection::CrossProjection(const DecoderWeights& weights, int heads) : weights_(weights), heads_(heads) {
    for (int layer = 0; layer < static_cast<int>(weights.blocks.size()); ++layer) tasks_.push_back({this, layer});
}

// The nodes' values are of no use; each links to the one before, so that the last stands for all.
ggml_tensor* CrossProjection::build(ggml_context* context, ggml_tensor* encoded) {
    ggml_tensor* stored = nullptr;
    for (Task& task : tasks_) {
        const Attention& cross = weights_.blocks[static_cast<size_t>(task.layer)].cross;
        ggml_tensor* arguments[] = {apply(context, cross.key, encoded), apply(context, cross.value, encoded), stored};
        stored = ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, arguments, stored == nullptr ? 2 : 3, store,
                                GGML_N_TASKS_MAX, &task);
    }
    return stored;
}

void CrossProjection::store(ggml_tensor* destination, int thread, int threads, void* data) {
    const auto* task = static_cast<Task*>(data);
    KeyValues& memory = *task->projection->memory_;
    for (int head = thread; head < task->projection->heads_; head += threads) {
        for (int side = 0; side < 2; ++side) {
            const ggml_tensor* rows = destination->src[side];  // [D, T]
            Half* target = side == 0 ? memory.keys(task->layer, head) : memory.values(task->layer, head);
            const auto* source = static_cast<const float*>(rows->data) + head * kHeadSize;
            for (int64_t frame = 0; frame < rows->ne[1]; ++frame)
                to_half(source + frame * rows->ne[0], kHeadSize, target + frame * kHeadSize);
        }
    }
}

}  // namespace agora
