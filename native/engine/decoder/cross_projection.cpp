#include "engine/decoder/cross_projection.h"

#include "engine/error.h"

namespace agora {

CrossProjection::CrossProjection(const PackedDecoderWeights& weights, const Precision& precision,
                                 const KernelSet& kernels, Compute& compute)
    : weights_(weights), arithmetic_(precision.long_rows()), nodes_(kernels, compute) {}

// The storing nodes' values are of no use. Each links to the one before, as its first input: so the last stands for
// all, and a layer's keys and values are stored before the next layer's take their memory.
std::vector<ggml_tensor*> CrossProjection::build(ggml_context* context, ggml_tensor* encoded) {
    ggml_tensor* rows = nodes_.narrow(context, encoded, arithmetic_);
    ggml_tensor* stored = nullptr;
    for (int layer = 0; layer < static_cast<int>(weights_.blocks.size()); ++layer) {
        const auto& cross = weights_.blocks[static_cast<size_t>(layer)].cross;
        std::vector<ggml_tensor*> inputs;
        if (stored != nullptr) inputs.push_back(stored);
        const size_t keys = inputs.size();
        inputs.push_back(nodes_.product(context, cross.key, rows, {}));
        inputs.push_back(nodes_.product(context, cross.value, rows, {}));
        stored = nodes_.custom(context, GGML_TYPE_F32, 1, 1, inputs,
                               [this, layer, keys](ggml_tensor* result, int thread, int threads) {
                                   store(layer, result->src[keys], result->src[keys + 1], thread, threads);
                               });
    }
    return {stored};
}

bool CrossProjection::run(const std::vector<float>& encoded, Compute& compute, const std::atomic<bool>* stop) {
    if (!graph_) {
        const size_t nodes = 16 + 8 * weights_.blocks.size();
        graph_ = std::make_unique<Graph>(compute.backend(), nodes, [this](ggml_context* context) {
            const int width = weights_.blocks.front().cross.key.weight->inputs();
            encoded_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, width, CrossMemory::kFrames);
            ggml_set_input(encoded_);
            return build(context, encoded_);
        });
        if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for the draft model");
    }
    ggml_backend_tensor_set(encoded_, encoded.data(), 0, ggml_nbytes(encoded_));
    return compute.run(graph_->get(), stop);
}

void CrossProjection::store(int layer, const ggml_tensor* keys, const ggml_tensor* values, int thread, int threads) {
    const auto width = static_cast<size_t>(keys->ne[0]);
    for (int head = thread; head < memory_->heads(); head += threads) {
        PackedHead& packed = memory_->head(layer, head);
        const int column = head * PackedHead::kSize;
        packed.set_keys(nodes_.kernels(), static_cast<const float*>(keys->data) + column, width);
        packed.set_values(nodes_.kernels(), static_cast<const float*>(values->data) + column, width);
    }
}

}  // namespace agora
