#include "engine/borealis/audio_encoder.h"

#include <limits>

#include "engine/audio/mel_filters.h"
#include "engine/device/parallel.h"

namespace agora {
namespace {

constexpr char kAdapter[] = "mm.a.mlp.";

std::vector<TensorEntry> select(const AudioFile& file, bool adapter) {
    std::vector<TensorEntry> selected;
    for (const TensorEntry& tensor : file.tensors) {
        if ((tensor.name.rfind(kAdapter, 0) == 0) == adapter) selected.push_back(tensor);
    }
    return selected;
}

EncoderWeights encoder_weights(const TensorMemory& tensors, int layers) {
    const auto linear = [&](const std::string& name) { return read_linear(tensors, name); };
    const auto norm = [&](const std::string& name) { return read_norm(tensors, name); };
    EncoderWeights weights{
        tensors.at("a.position_embd.weight"), linear("a.conv1d.1"), linear("a.conv1d.2"), norm("mm.a.norm_pre"), {}};
    for (int i = 0; i < layers; ++i) {
        const std::string block = "a.blk." + std::to_string(i) + ".";
        const Attention self{norm(block + "ln1"), linear(block + "attn_q"), linear(block + "attn_k"),
                             linear(block + "attn_v"), linear(block + "attn_out")};
        weights.blocks.push_back({self, {}, norm(block + "ln2"), linear(block + "ffn_up"), linear(block + "ffn_down")});
    }
    return weights;
}

}  // namespace

AudioEncoder::AudioEncoder(const std::string& path, const AudioFile& file, Compute& compute, BorealisPlace place)
    // The CPU gains nothing by several at once, and the first of them would wait for the others.
    : batch_(place == BorealisPlace::Cpu ? 1 : BatchEncoder::kWindows),
      adapter_(path, select(file, true), compute.device()),
      log_mel_(file.mels, mel_filters(file.mels)),
      rows_(compute.device()) {
    // PyTorch's GELU is the exact one.
    const EncoderShape shape{file.mels, file.width, file.heads, file.layers, true};
    if (place == BorealisPlace::Cpu && file.width == file.heads * 64 && file.feed_forward % 32 == 0) {
        const KernelSet& kernels = *kernel_sets().front();
        const bool wide = file.weight_type == "f16" || file.weight_type == "bf16";
        const ComputeType type = file.weight_type == "f32" ? ComputeType::F32 : ComputeType::Auto;
        Precision precision = choose_precision(type, !wide, kernels);
        // What that costs was measured with Whisper's weights alone.
        precision.long_blocks = false;
        // Host memory in ggml's own layout, until the weights are packed.
        const TensorMemory source(path, select(file, false), nullptr);
        packed_weights_ = pack_encoder(encoder_weights(source, file.layers), precision, Parallel::on(compute));
        packed_encoder_ = std::make_unique<Encoder>(packed_weights_, shape, precision, kernels, compute, head(file));
        return;
    }
    tensors_ = std::make_unique<TensorMemory>(path, select(file, false), compute.device());
    weights_ = encoder_weights(*tensors_, file.layers);
    batch_encoder_ =
        std::make_unique<BatchEncoder>(weights_, shape, compute, [this, head = head(file)](int) { return head; });
    batch_encoder_->reserve(static_cast<int>(batch_));
}

EncoderHead AudioEncoder::head(const AudioFile& file) const {
    return [this, stacked = file.stacked](ggml_context* context, ggml_tensor* encoded) {
        // [D, windows · 1500] → [stacked·D, windows · rows] → [H, windows · rows]
        ggml_tensor* x = ggml_reshape_2d(context, encoded, encoded->ne[0] * stacked, encoded->ne[1] / stacked);
        x = ggml_gelu_erf(context, apply(context, read_linear(adapter_, "mm.a.mlp.1"), x));
        return std::vector{apply(context, read_linear(adapter_, "mm.a.mlp.2"), x)};
    };
}

void AudioEncoder::begin(const std::vector<const float*>& spectrograms) {
    packed_encoder_ ? packed_encoder_->begin(spectrograms.front()) : batch_encoder_->begin(spectrograms);
}

Progress AudioEncoder::go_on(double seconds, const std::atomic<bool>* stop) {
    if (packed_encoder_) return packed_encoder_->go_on(seconds, stop);
    return batch_encoder_->finish(stop) ? Progress::Done : Progress::Stopped;
}

const float* AudioEncoder::rows() {
    const ggml_tensor* result = last().graph().result();
    auto* rows = static_cast<float*>(rows_.reserve(ggml_nbytes(result)));
    ggml_backend_tensor_get(result, rows, 0, ggml_nbytes(result));
    return rows;
}

const float* AudioEncoder::run(const std::vector<const float*>& spectrograms, const std::atomic<bool>* stop) {
    begin(spectrograms);
    return go_on(std::numeric_limits<double>::infinity(), stop) == Progress::Done ? rows() : nullptr;
}

}  // namespace agora
