#include "engine/decoder/packed_network.h"

#include "engine/device/parallel.h"

namespace agora {

PackedNetwork::Lane::Lane(const PackedWhisperWeights& weights, const EncoderShape& shape, const Precision& precision,
                          const KernelSet& kernels, Compute& compute)
    : projection(weights.decoder, precision, kernels, compute) {
    if (weights.encoder.blocks.empty()) return;
    const auto head = [this](ggml_context* context, ggml_tensor* encoded) {
        return projection.build(context, encoded);
    };
    encoder = std::make_unique<Encoder>(weights.encoder, shape, precision, kernels, compute, head);
}

PackedNetwork::PackedNetwork(const std::string& path, const WhisperFile& file, const Precision& precision,
                             const KernelSet& kernels, Compute& compute)
    : compute_(compute),
      precision_(precision),
      kernels_(kernels),
      weights_(path, file, precision, Parallel::on(compute)),
      shape_(encoder_shape(file.hparams, precision.type == ComputeType::F32)),
      decoder_(weights_.decoder, file.hparams, precision, kernels, compute) {
    lane(0);
}

PackedNetwork::Lane& PackedNetwork::lane(size_t number) {
    std::unique_ptr<Lane>& wanted = lanes_.at(number);
    if (!wanted) wanted = std::make_unique<Lane>(weights_, shape_, precision_, kernels_, compute_);
    return *wanted;
}

void PackedNetwork::begin_encoding(const std::vector<EncoderInput>& windows, size_t number) {
    const EncoderInput& window = windows.front();
    Lane& used = lane(number);
    used.projection.write_to(*window.memory, window.frames);
    used.encoder->begin(window.mel, window.frames);
}

Progress PackedNetwork::go_on_encoding(size_t number, double seconds, const std::atomic<bool>* stop) {
    return lane(number).encoder->go_on(seconds, stop);
}

std::vector<float> PackedNetwork::encoded(size_t window, size_t number) const {
    return lanes_.at(number)->encoder->output(static_cast<int>(window));
}

bool PackedNetwork::adopt(const std::vector<float>& encoded, const WindowFrames& frames, WindowMemory& memory,
                          const std::atomic<bool>* stop) {
    CrossProjection& projection = lane(0).projection;
    projection.write_to(memory, frames);
    return projection.run(encoded, compute_, stop);
}

}  // namespace agora
