#include "engine/decoder/packed_network.h"

#include "engine/device/parallel.h"

namespace agora {

PackedNetwork::PackedNetwork(const std::string& path, const WhisperFile& file, const Precision& precision,
                             const KernelSet& kernels, Compute& compute)
    : compute_(compute),
      precision_(precision),
      weights_(path, file, precision, Parallel::on(compute)),
      projection_(weights_.decoder, precision, kernels, compute),
      decoder_(weights_.decoder, file.hparams, precision, kernels, compute) {
    if (weights_.encoder.blocks.empty()) return;
    encoder_ = std::make_unique<Encoder>(
        weights_.encoder, encoder_shape(file.hparams, precision.type == ComputeType::F32), precision, kernels, compute,
        [this](ggml_context* context, ggml_tensor* encoded) { return projection_.build(context, encoded); });
}

void PackedNetwork::begin_encoding(const std::vector<EncoderInput>& windows) {
    projection_.write_to(*windows.front().memory, windows.front().frames);
    encoder_->begin(windows.front().mel, windows.front().frames);
}

Progress PackedNetwork::go_on_encoding(double seconds, const std::atomic<bool>* stop) {
    return encoder_->go_on(seconds, stop);
}

std::vector<float> PackedNetwork::encoded(size_t window) const {
    return encoder_->output(static_cast<int>(window));
}

bool PackedNetwork::adopt(const std::vector<float>& encoded, const WindowFrames& frames, WindowMemory& memory,
                          const std::atomic<bool>* stop) {
    projection_.write_to(memory, frames);
    return projection_.run(encoded, compute_, stop);
}

}  // namespace agora
