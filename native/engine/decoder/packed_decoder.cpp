#include "engine/decoder/packed_decoder.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "engine/error.h"

namespace agora {

PackedDecoder::PackedDecoder(const PackedDecoderWeights& weights, const WhisperHyperParameters& hparams,
                             const Precision& precision, const KernelSet& kernels, Compute& compute)
    : weights_(weights),
      hparams_(hparams),
      precision_(precision),
      kernels_(kernels),
      compute_(compute),
      memory_(compute.backend()) {}

std::unique_ptr<SequenceMemory> PackedDecoder::new_sequence() {
    return std::make_unique<KeyValues>(hparams_.n_text_layer, hparams_.n_text_head, hparams_.n_text_ctx,
                                       precision_.memory == Storage::F32);
}

std::unique_ptr<WindowMemory> PackedDecoder::new_window() {
    return std::make_unique<CrossMemory>(hparams_.n_text_layer, hparams_.n_text_head, precision_.memory);
}

size_t PackedDecoder::sequence_bytes() const {
    return KeyValues::bytes(hparams_.n_text_layer, hparams_.n_text_head, hparams_.n_text_ctx,
                            precision_.memory == Storage::F32);
}

size_t PackedDecoder::window_bytes() const {
    return CrossMemory::bytes(hparams_.n_text_layer, hparams_.n_text_head, precision_.memory);
}

const PackedDecoder::Plan& PackedDecoder::plan_of(int rows, int outputs) {
    // Memory that could not grow has taken their places from all plans, too.
    if (generation_ != memory_.generation()) plans_.clear();
    generation_ = memory_.generation();
    const Plan& plan = plans_.get({rows, outputs}, [&] {
        if (memory_.bytes() > kMaxMemoryBytes) memory_.release();
        return make_plan(rows, outputs);
    });
    if (generation_ != memory_.generation()) plans_.keep_newest();
    generation_ = memory_.generation();
    return plan;
}

PackedDecoder::Plan PackedDecoder::make_plan(int rows, int outputs) {
    Plan created;
    created.nodes = std::make_unique<KernelNodes>(kernels_, compute_);
    const size_t nodes = 32 + 24 * static_cast<size_t>(hparams_.n_text_layer);
    created.graph = std::make_unique<Graph>(
        memory_, nodes, [&](ggml_context* context) { return build(context, *created.nodes, rows, outputs); });
    if (!created.graph->allocated())
        throw Error(ErrorCode::OutOfMemory, "No memory for a decoder step of " + std::to_string(rows) + " tokens");
    return created;
}

ggml_tensor* PackedDecoder::build(ggml_context* context, KernelNodes& nodes, int rows, int outputs) {
    const int width = hparams_.n_text_state;
    const Arithmetic format = precision_.decoder;
    const auto custom = [&](const std::vector<ggml_tensor*>& inputs, int count, KernelNodes::Work work) {
        return nodes.custom(context, GGML_TYPE_F32, width, count, inputs, std::move(work));
    };
    ggml_tensor* x = custom({}, rows, [this](ggml_tensor* result, int thread, int threads) {
        embed(result, thread, threads);
    });  // [D, rows]
    ProductNode residual;
    ProductNode hidden;
    hidden.format = format;
    hidden.activation = precision_.gelu();
    for (int layer = 0; layer < hparams_.n_text_layer; ++layer) {
        const PackedBlock& block = weights_.blocks[static_cast<size_t>(layer)];
        ggml_tensor* normed = nodes.norm(context, block.self.norm, x, format);
        ggml_tensor* attended = custom(
            {nodes.product(context, block.self.query, normed, {}), nodes.product(context, block.self.key, normed, {}),
             nodes.product(context, block.self.value, normed, {})},
            rows, [this, layer](ggml_tensor* result, int thread, int threads) {
                if (precision_.memory == Storage::F32) {
                    self_attention<float>(layer, result, thread, threads);
                } else {
                    self_attention<Half>(layer, result, thread, threads);
                }
            });
        residual.residual = x;
        x = nodes.product(context, block.self.out, nodes.narrow(context, attended, format), residual);

        normed = nodes.norm(context, block.cross.norm, x, format);
        attended = custom({nodes.product(context, block.cross.query, normed, {})}, rows,
                          [this, layer](ggml_tensor* result, int thread, int threads) {
                              cross_attention(layer, result, thread, threads);
                          });
        residual.residual = x;
        x = nodes.product(context, block.cross.out, nodes.narrow(context, attended, format), residual);

        normed = nodes.norm(context, block.mlp_norm, x, format);
        residual.residual = x;
        x = nodes.product(context, block.down, nodes.product(context, block.up, normed, hidden), residual);
    }
    if (outputs < rows) {
        x = custom({x}, outputs, [this](ggml_tensor* result, int thread, int threads) {
            const auto* source = static_cast<const char*>(result->src[0]->data);
            for (auto i = static_cast<size_t>(thread); i < output_rows_.size(); i += static_cast<size_t>(threads)) {
                std::memcpy(static_cast<char*>(result->data) + i * result->nb[1],
                            source + static_cast<size_t>(output_rows_[i]) * result->nb[1], result->nb[1]);
            }
        });
    }
    return nodes.product(context, weights_.embedding, nodes.norm(context, weights_.norm, x, format), {});
}

void PackedDecoder::embed(ggml_tensor* result, int thread, int threads) const {
    const auto width = static_cast<size_t>(result->ne[0]);
    for (auto i = static_cast<size_t>(thread); i < tokens_.size(); i += static_cast<size_t>(threads)) {
        float* row = static_cast<float*>(result->data) + i * width;
        weights_.embedding.weight->unpack(tokens_[i], row);
        const float* position = weights_.position.data() + static_cast<size_t>(positions_[i]) * width;
        for (size_t j = 0; j < width; ++j) row[j] += position[j];
    }
}

// One unit of work is a head of a sequence: it writes its keys and values and reads no other's.
template <typename Value>
void PackedDecoder::self_attention(int layer, ggml_tensor* result, int thread, int threads) const {
    const int heads = hparams_.n_text_head;
    const int64_t width = result->ne[0];
    const auto* query = static_cast<const float*>(result->src[0]->data);
    const auto* key = static_cast<const float*>(result->src[1]->data);
    const auto* value = static_cast<const float*>(result->src[2]->data);
    auto* output = static_cast<float*>(result->data);
    std::vector<float> scratch(static_cast<size_t>(context()));
    int unit = 0;
    int64_t first_row = 0;
    for (const DecoderInput& input : *inputs_) {
        const int count = static_cast<int>(input.tokens.size());
        auto& memory = static_cast<KeyValues&>(*input.self);
        for (int head = 0; head < heads; ++head, ++unit) {
            if (unit % threads != thread) continue;
            auto* keys = memory.keys<Value>(layer, head);
            auto* values = memory.values<Value>(layer, head);
            for (int i = 0; i < count; ++i) {
                const int64_t offset = (first_row + i) * width + head * kHeadSize;
                const int position = input.past + i;
                narrow(key + offset, kHeadSize, keys + position * kHeadSize);
                narrow(value + offset, kHeadSize, values + position * kHeadSize);
                attend(query + offset, keys, values, position + 1, scratch.data(), output + offset);
            }
        }
        first_row += count;
    }
}

void PackedDecoder::cross_attention(int layer, ggml_tensor* result, int thread, int threads) const {
    const int heads = hparams_.n_text_head;
    const auto width = static_cast<size_t>(result->ne[0]);
    const auto* query = static_cast<const float*>(result->src[0]->data);
    auto* output = static_cast<float*>(result->data);
    std::vector<float> weights;
    // A thread takes each `threads`-th head of all groups'.
    const int units = heads * static_cast<int>(groups_.size());
    const auto head_of = [&](int unit) -> const PackedHead& {
        return groups_[static_cast<size_t>(unit / heads)].cross->head(layer, unit % heads);
    };
    for (int unit = thread; unit < units; unit += threads) {
        const Group& group = groups_[static_cast<size_t>(unit / heads)];
        const int head = unit % heads;
        const PackedHead& packed = head_of(unit);
        const PackedHead* next = unit + threads < units ? &head_of(unit + threads) : nullptr;
        const auto is_wanted = [=](const DecoderInput& input) {
            return input.capture != nullptr && input.capture->place_of(layer, head);
        };
        const auto first = inputs_->begin() + static_cast<std::ptrdiff_t>(group.first_input);
        const bool captured = std::any_of(first, first + static_cast<std::ptrdiff_t>(group.inputs), is_wanted);
        if (captured) weights.resize(static_cast<size_t>(group.rows) * static_cast<size_t>(packed.padded()));
        const size_t offset = static_cast<size_t>(group.first_row) * width + static_cast<size_t>(head) * kHeadSize;
        packed.attend(kernels_, query + offset, group.rows, width, output + offset, width,
                      captured ? weights.data() : nullptr, next);
        if (captured) capture(layer, head, group, weights.data());
    }
}

void PackedDecoder::capture(int layer, int head, const Group& group, const float* weights) const {
    const auto width = static_cast<size_t>(group.cross->head(layer, head).padded());
    const auto heard = static_cast<std::ptrdiff_t>(group.cross->frames().heard);
    for (size_t i = group.first_input; i < group.first_input + group.inputs; ++i) {
        const DecoderInput& input = (*inputs_)[i];
        const size_t count = input.tokens.size();
        const auto place = input.capture == nullptr ? std::nullopt : input.capture->place_of(layer, head);
        for (size_t token = 0; place && token < count; ++token) {
            const float* row = weights + token * width;
            const float sum = std::accumulate(row, row + group.cross->frames().count(), 0.0f);
            float* target = input.capture->weights.data() + (*place * count + token) * CrossMemory::kFrames;
            std::transform(row, row + heard, target, [=](float weight) { return weight / sum; });
        }
        weights += count * width;
    }
}

const float* PackedDecoder::run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop) {
    tokens_.clear();
    positions_.clear();
    output_rows_.clear();
    groups_.clear();
    for (size_t index = 0; index < inputs.size(); ++index) {
        const DecoderInput& input = inputs[index];
        const size_t count = input.tokens.size();
        if (input.past + static_cast<int>(count) > context())
            throw Error(ErrorCode::Internal, "A sequence is longer than the decoder's context");
        if (input.capture != nullptr)
            input.capture->weights.assign(input.capture->heads.size() * count * CrossMemory::kFrames, 0.0f);
        const auto* cross = static_cast<const CrossMemory*>(input.cross);
        if (groups_.empty() || groups_.back().cross != cross)
            groups_.push_back({cross, static_cast<int>(tokens_.size()), 0, index, 0});
        groups_.back().rows += static_cast<int>(count);
        ++groups_.back().inputs;
        for (size_t i = 0; i < count; ++i) {
            if (i + input.outputs >= count) output_rows_.push_back(static_cast<int>(tokens_.size()));
            tokens_.push_back(input.tokens[i]);
            positions_.push_back(input.past + static_cast<int>(i));
        }
    }
    inputs_ = &inputs;
    const auto rows = static_cast<int>(tokens_.size());
    const auto outputs = static_cast<int>(output_rows_.size());
    const Plan& current = plan_of(rows, outputs);
    if (!compute_.run(current.graph->get(), stop)) return nullptr;
    return static_cast<const float*>(current.graph->result()->data);
}

}  // namespace agora
