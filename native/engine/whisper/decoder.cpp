#include "engine/whisper/decoder.h"

#include <algorithm>

#include "engine/error.h"

namespace agora {
namespace {

// Graphs are kept for the batch sizes in use; prompts come in too many lengths to keep them all.
constexpr size_t kMaxPlans = 64;
constexpr int kWindowFrames = 1500;

void keep(const std::vector<float>& weights, AttentionCapture& capture, std::pair<int, int> head, size_t token,
          size_t tokens) {
    const auto found = std::find(capture.heads.begin(), capture.heads.end(), head);
    if (found == capture.heads.end()) return;
    const size_t row = static_cast<size_t>(found - capture.heads.begin()) * tokens + token;
    std::copy(weights.begin(), weights.end(),
              capture.weights.begin() + static_cast<std::ptrdiff_t>(row * kWindowFrames));
}

}  // namespace

Decoder::Decoder(const WhisperWeights& weights, const WhisperHyperParameters& hparams, CpuCompute& compute)
    : weights_(weights), hparams_(hparams), compute_(compute) {
    for (int layer = 0; layer < hparams.n_text_layer; ++layer) tasks_.push_back({this, layer});
}

std::unique_ptr<KeyValues> Decoder::new_sequence() const {
    return std::make_unique<KeyValues>(hparams_.n_text_layer, hparams_.n_text_head, hparams_.n_text_ctx);
}

Decoder::Plan& Decoder::plan(int rows, int outputs) {
    const auto key = std::make_pair(rows, outputs);
    const auto found = plans_.find(key);
    if (found != plans_.end()) return found->second;
    if (plans_.size() >= kMaxPlans) plans_.clear();
    Plan& created = plans_[key];
    const size_t nodes = 32 + 48 * static_cast<size_t>(hparams_.n_text_layer);
    created.graph = std::make_unique<Graph>(
        compute_.backend(), nodes, [&](ggml_context* context) { return build(context, created, rows, outputs); });
    if (!created.graph->allocated()) {
        plans_.erase(key);
        throw Error(ErrorCode::OutOfMemory, "No memory for a decoder step of " + std::to_string(rows) + " tokens");
    }
    return created;
}

ggml_tensor* Decoder::build(ggml_context* context, Plan& plan, int rows, int outputs) {
    const int64_t width = hparams_.n_text_state;
    const auto input = [&](int count) {
        ggml_tensor* tensor = ggml_new_tensor_1d(context, GGML_TYPE_I32, count);
        ggml_set_input(tensor);
        return tensor;
    };
    plan.tokens = input(rows);
    plan.positions = input(rows);
    plan.output_rows = input(outputs);
    ggml_tensor* x = ggml_add(context, ggml_get_rows(context, weights_.decoder.embedding, plan.tokens),
                              ggml_get_rows(context, weights_.decoder.position, plan.positions));  // [D, rows]
    for (int layer = 0; layer < hparams_.n_text_layer; ++layer) {
        const Block& block = weights_.decoder.blocks[static_cast<size_t>(layer)];
        AttentionTask* task = &tasks_[static_cast<size_t>(layer)];
        ggml_tensor* normed = apply(context, block.self.norm, x);
        ggml_tensor* own[] = {apply(context, block.self.query, normed), apply(context, block.self.key, normed),
                              apply(context, block.self.value, normed)};
        ggml_tensor* attended =
            ggml_custom_4d(context, GGML_TYPE_F32, width, rows, 1, 1, own, 3, self_attention, GGML_N_TASKS_MAX, task);
        x = ggml_add(context, x, apply(context, block.self.out, attended));

        ggml_tensor* query[] = {apply(context, block.cross.query, apply(context, block.cross.norm, x))};
        attended = ggml_custom_4d(context, GGML_TYPE_F32, width, rows, 1, 1, query, 1, cross_attention,
                                  GGML_N_TASKS_MAX, task);
        x = ggml_add(context, x, apply(context, block.cross.out, attended));
        x = apply_mlp(context, block, x);
    }
    if (outputs < rows) x = ggml_get_rows(context, x, plan.output_rows);
    return ggml_mul_mat(context, weights_.decoder.embedding, apply(context, weights_.decoder.norm, x));
}

// One unit of work is a head of a sequence: it writes its keys and values and reads no other's.
void Decoder::self_attention(ggml_tensor* destination, int thread, int threads, void* data) {
    const auto* task = static_cast<AttentionTask*>(data);
    const Decoder& decoder = *task->decoder;
    const int heads = decoder.hparams_.n_text_head;
    const int64_t width = destination->ne[0];
    const auto* query = static_cast<const float*>(destination->src[0]->data);
    const auto* key = static_cast<const float*>(destination->src[1]->data);
    const auto* value = static_cast<const float*>(destination->src[2]->data);
    auto* output = static_cast<float*>(destination->data);
    std::vector<float> scratch(static_cast<size_t>(decoder.hparams_.n_text_ctx));
    int unit = 0;
    int64_t first_row = 0;
    for (const DecoderInput& input : *decoder.inputs_) {
        const int count = static_cast<int>(input.tokens.size());
        for (int head = 0; head < heads; ++head, ++unit) {
            if (unit % threads != thread) continue;
            Half* keys = input.self->keys(task->layer, head);
            Half* values = input.self->values(task->layer, head);
            for (int i = 0; i < count; ++i) {
                const int64_t offset = (first_row + i) * width + head * kHeadSize;
                const int position = input.past + i;
                to_half(key + offset, kHeadSize, keys + position * kHeadSize);
                to_half(value + offset, kHeadSize, values + position * kHeadSize);
                attend(query + offset, keys, values, position + 1, scratch.data(), output + offset);
            }
        }
        first_row += count;
    }
}

void Decoder::cross_attention(ggml_tensor* destination, int thread, int threads, void* data) {
    const auto* task = static_cast<AttentionTask*>(data);
    const Decoder& decoder = *task->decoder;
    const int heads = decoder.hparams_.n_text_head;
    const int64_t width = destination->ne[0];
    const auto* query = static_cast<const float*>(destination->src[0]->data);
    auto* output = static_cast<float*>(destination->data);
    std::vector<float> scratch(kWindowFrames);
    int unit = 0;
    int64_t first_row = 0;
    for (const DecoderInput& input : *decoder.inputs_) {
        for (int head = 0; head < heads; ++head, ++unit) {
            if (unit % threads != thread) continue;
            for (size_t i = 0; i < input.tokens.size(); ++i) {
                const int64_t offset = (first_row + static_cast<int64_t>(i)) * width + head * kHeadSize;
                attend(query + offset, input.cross->keys(task->layer, head), input.cross->values(task->layer, head),
                       kWindowFrames, scratch.data(), output + offset);
                if (input.capture != nullptr)
                    keep(scratch, *input.capture, {task->layer, head}, i, input.tokens.size());
            }
        }
        first_row += static_cast<int64_t>(input.tokens.size());
    }
}

const float* Decoder::run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop) {
    for (const DecoderInput& input : inputs) {
        if (input.capture == nullptr) continue;
        input.capture->weights.assign(input.capture->heads.size() * input.tokens.size() * kWindowFrames, 0.0f);
    }
    std::vector<int32_t> tokens;
    std::vector<int32_t> positions;
    std::vector<int32_t> output_rows;
    for (const DecoderInput& input : inputs) {
        if (input.past + static_cast<int>(input.tokens.size()) > context()) {
            throw Error(ErrorCode::Internal, "A sequence is longer than the decoder's context");
        }
        for (size_t i = 0; i < input.tokens.size(); ++i) {
            if (i + input.outputs() >= input.tokens.size()) output_rows.push_back(static_cast<int32_t>(tokens.size()));
            tokens.push_back(input.tokens[i]);
            positions.push_back(input.past + static_cast<int>(i));
        }
    }
    Plan& current = plan(static_cast<int>(tokens.size()), static_cast<int>(output_rows.size()));
    const auto set = [](ggml_tensor* tensor, const std::vector<int32_t>& values) {
        if (tensor->data != nullptr) ggml_backend_tensor_set(tensor, values.data(), 0, ggml_nbytes(tensor));
    };
    set(current.tokens, tokens);
    set(current.positions, positions);
    set(current.output_rows, output_rows);
    inputs_ = &inputs;
    if (!compute_.run(current.graph->get(), stop)) return nullptr;
    logits_.resize(output_rows.size() * static_cast<size_t>(hparams_.n_vocab));
    ggml_backend_tensor_get(current.graph->result(), logits_.data(), 0, logits_.size() * sizeof(float));
    return logits_.data();
}

}  // namespace agora
