#include "engine/whisper/encoder.h"

#include "engine/error.h"
#include "engine/whisper/encoder_graphs.h"

namespace agora {

Encoder::Encoder(const EncoderWeights& weights, const EncoderShape& shape, CpuCompute& compute, const EncoderHead& head)
    : compute_(compute) {
    build(
        shape, [&](ggml_context* context, ggml_tensor* mel) { return portable_encoder(context, weights, shape, mel); },
        head);
}

Encoder::Encoder(const PackedEncoderWeights& weights, const EncoderShape& shape, const Precision& precision,
                 const KernelSet& kernels, CpuCompute& compute, const EncoderHead& head)
    : compute_(compute), nodes_(std::make_unique<KernelNodes>(kernels)) {
    const auto body = [&](ggml_context* context, ggml_tensor* mel) {
        return packed_encoder(context, *nodes_, weights, shape, precision, mel);
    };
    build(shape, body, head);
}

void Encoder::build(const EncoderShape& shape, const Body& body, const EncoderHead& head) {
    const size_t nodes = 1024 + 40 * static_cast<size_t>(shape.layers);
    graph_ = std::make_unique<Graph>(compute_.backend(), nodes, [&](ggml_context* context) {
        mel_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, LogMel::kFrames, shape.mels);
        ggml_set_input(mel_);
        encoded_ = body(context, mel_);
        ggml_set_output(encoded_);
        return head(context, encoded_);
    });
    if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for the encoder");
}

bool Encoder::run(const float* mel, const std::atomic<bool>* stop) {
    ggml_backend_tensor_set(mel_, mel, 0, ggml_nbytes(mel_));
    return compute_.run(graph_->get(), stop);
}

std::vector<float> Encoder::output() const {
    std::vector<float> values(static_cast<size_t>(ggml_nelements(encoded_)));
    ggml_backend_tensor_get(encoded_, values.data(), 0, ggml_nbytes(encoded_));
    return values;
}

}  // namespace agora
