#include "engine/borealis/audio_encoder.h"

#include "engine/audio/mel_filters.h"

namespace agora {

AudioEncoder::AudioEncoder(const std::string& path, const AudioFile& file, CpuCompute& compute)
    : tensors_(path, file.tensors, compute.device()),
      weights_(encoder_weights(file)),
      log_mel_(file.mels, mel_filters(file.mels)),
      mel_(static_cast<size_t>(file.mels) * LogMel::kFrames),
      // PyTorch's GELU is the exact one.
      encoder_(weights_, {file.mels, file.width, file.heads, file.layers, true}, compute,
               [this, stacked = file.stacked](ggml_context* context, ggml_tensor* encoded) {
                   // [D, 1500] → [stacked·D, rows] → [H, rows]
                   ggml_tensor* x =
                       ggml_reshape_2d(context, encoded, encoded->ne[0] * stacked, encoded->ne[1] / stacked);
                   x = ggml_gelu_erf(context, apply(context, linear("mm.a.mlp.1"), x));
                   return apply(context, linear("mm.a.mlp.2"), x);
               }) {}

EncoderWeights AudioEncoder::encoder_weights(const AudioFile& file) const {
    EncoderWeights weights;
    weights.position = tensors_.at("a.position_embd.weight");
    weights.conv1 = linear("a.conv1d.1");
    weights.conv2 = linear("a.conv1d.2");
    weights.norm = norm("mm.a.norm_pre");
    for (int i = 0; i < file.layers; ++i) {
        const std::string block = "a.blk." + std::to_string(i) + ".";
        Attention attention{norm(block + "ln1"), linear(block + "attn_q"), linear(block + "attn_k"),
                            linear(block + "attn_v"), linear(block + "attn_out")};
        weights.blocks.push_back(
            {attention, {}, norm(block + "ln2"), linear(block + "ffn_up"), linear(block + "ffn_down")});
    }
    return weights;
}

Linear AudioEncoder::linear(const std::string& name) const {
    return {tensors_.at(name + ".weight"), tensors_.find(name + ".bias")};
}

LayerNorm AudioEncoder::norm(const std::string& name) const {
    return {tensors_.at(name + ".weight"), tensors_.at(name + ".bias")};
}

bool AudioEncoder::run(const float* samples, size_t count, const std::atomic<bool>* stop, float* rows) {
    log_mel_.compute(samples, count, mel_.data());
    if (!encoder_.run(mel_.data(), stop)) return false;
    ggml_backend_tensor_get(encoder_.result(), rows, 0, ggml_nbytes(encoder_.result()));
    return true;
}

}  // namespace agora
