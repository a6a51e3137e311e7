#include "engine/model/whisper_weights.h"

namespace agora {

Linear read_linear(const TensorMemory& tensors, const std::string& name) {
    return {tensors.at(name + ".weight"), tensors.find(name + ".bias")};
}

LayerNorm read_norm(const TensorMemory& tensors, const std::string& name) {
    return {tensors.at(name + ".weight"), tensors.at(name + ".bias")};
}

WhisperWeights::WhisperWeights(const std::string& path, const WhisperFile& file, ggml_backend_dev_t device)
    : tensors_(path, file.tensors, device) {
    const auto linear = [this](const std::string& name) { return read_linear(tensors_, name); };
    const auto norm = [this](const std::string& name) { return read_norm(tensors_, name); };
    const auto blocks = [&](const std::string& side, int count, bool cross) {
        return read_blocks<Linear, LayerNorm>(side, count, cross, linear, norm);
    };
    // A file may have been read for its decoder alone.
    if (tensors_.find("encoder.conv1.weight") != nullptr) {
        encoder = {tensors_.at("encoder.positional_embedding"), linear("encoder.conv1"), linear("encoder.conv2"),
                   norm("encoder.ln_post"), blocks("encoder", file.hparams.n_audio_layer, false)};
    }
    decoder = {tensors_.at("decoder.positional_embedding"), tensors_.at("decoder.token_embedding.weight"),
               norm("decoder.ln"), blocks("decoder", file.hparams.n_text_layer, true)};
}

}  // namespace agora
