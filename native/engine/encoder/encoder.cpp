#include "engine/encoder/encoder.h"

#include <algorithm>
#include <limits>

#include "engine/encoder/encoder_graphs.h"
#include "engine/error.h"

namespace agora {

Encoder::Encoder(const EncoderWeights& weights, const EncoderShape& shape, Compute& compute, const EncoderHead& head,
                 int windows)
    : compute_(compute) {
    const auto body = [&](ggml_context* context, ggml_tensor* mel) {
        return portable_encoder(context, weights, shape, mel);
    };
    build(shape, windows, body, head);
}

Encoder::Encoder(const PackedEncoderWeights& weights, const EncoderShape& shape, const Precision& precision,
                 const KernelSet& kernels, Compute& compute, const EncoderHead& head)
    : compute_(compute),
      nodes_(std::make_unique<KernelNodes>(kernels, compute)),
      packed_(&weights),
      positions_(weights.position.begin(), weights.position.end()) {
    const auto body = [&](ggml_context* context, ggml_tensor* mel) {
        return packed_encoder(context, *nodes_, weights, shape, precision, positions_.data(), mel);
    };
    build(shape, 1, body, head);
}

void Encoder::build(const EncoderShape& shape, int windows, const Body& body, const EncoderHead& head) {
    const size_t nodes = 1024 + 64 * static_cast<size_t>(shape.layers);
    graph_ = std::make_unique<Graph>(compute_.backend(), nodes, [&](ggml_context* context) {
        mel_ = ggml_new_tensor_3d(context, GGML_TYPE_F32, LogMel::kFrames, shape.mels, windows);
        ggml_set_input(mel_);
        encoded_ = body(context, mel_);
        ggml_set_output(encoded_);
        return head(context, encoded_);
    });
    if (!graph_->allocated()) throw Error(ErrorCode::OutOfMemory, "No memory for the encoder");
    parts_ = std::make_unique<GraphParts>(graph_->get());
}

void Encoder::begin(const float* mel, const WindowFrames& frames) {
    ggml_backend_tensor_set(mel_, mel, 0, ggml_nbytes(mel_));
    if (packed_) {
        const size_t width = packed_->position.size() / kFrames;
        for (int i = 0; i < frames.count(); ++i)
            std::copy_n(packed_->position.data() + static_cast<size_t>(frames.position(i)) * width, width,
                        positions_.data() + static_cast<size_t>(i) * width);
        nodes_->set_frames(frames);
    }
    parts_->begin(static_cast<double>(frames.count()) / WindowFrames::kAll);
}

Progress Encoder::go_on(double seconds, const std::atomic<bool>* stop) {
    return parts_->go_on(compute_, seconds, stop);
}

bool Encoder::run(const float* mel, const std::atomic<bool>* stop) {
    begin(mel);
    return go_on(std::numeric_limits<double>::infinity(), stop) == Progress::Done;
}

std::vector<float> Encoder::output(int window) const {
    std::vector<float> values(static_cast<size_t>(encoded_->ne[0]) * kFrames);
    const size_t bytes = values.size() * sizeof(float);
    ggml_backend_tensor_get(encoded_, values.data(), static_cast<size_t>(window) * bytes, bytes);
    return values;
}

}  // namespace agora
