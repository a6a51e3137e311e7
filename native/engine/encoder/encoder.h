// Whisper's audio encoder (Radford et al., 2022).
#pragma once

#include <functional>
#include <memory>

#include "engine/audio/log_mel.h"
#include "engine/device/compute.h"
#include "engine/encoder/graph.h"
#include "engine/encoder/graph_parts.h"
#include "engine/kernels/window_frames.h"
#include "engine/model/packed_whisper_weights.h"

namespace agora {

struct EncoderShape {
    int mels, width, heads, layers;
    bool exact_gelu;  // by the error function, as PyTorch has it; whisper.cpp takes the tanh approximation
};

inline EncoderShape encoder_shape(const WhisperHyperParameters& hparams, bool exact_gelu = false) {
    return {hparams.n_mels, hparams.n_audio_state, hparams.n_audio_head, hparams.n_audio_layer, exact_gelu};
}

// What follows the last layer norm in the same graph: a function of its output, [D, windows · 1500]; returns the last
// nodes.
using EncoderHead = std::function<std::vector<ggml_tensor*>(ggml_context*, ggml_tensor* encoded)>;

class Encoder {
  public:
    static constexpr int kFrames = WindowFrames::kAll;  // of 20 ms

    // On ggml's operations, which every backend has, for a number of windows at once. Throws OutOfMemory.
    Encoder(const EncoderWeights& weights, const EncoderShape& shape, Compute& compute, const EncoderHead& head,
            int windows = 1);
    // On the CPU kernels. Throws OutOfMemory.
    Encoder(const PackedEncoderWeights& weights, const EncoderShape& shape, const Precision& precision,
            const KernelSet& kernels, Compute& compute, const EncoderHead& head);

    // Spectrograms [windows][bands][3000] through the encoder and its head, in parts of about so many seconds: as long
    // as it is unfinished, go_on() goes on with what begin() was given.
    void begin(const float* mel, const WindowFrames& frames = {});
    Progress go_on(double seconds, const std::atomic<bool>* stop);
    // The same at once. False when stopped.
    bool run(const float* mel, const std::atomic<bool>* stop);

    // The encoder's output of a window of the last run, [1500][D].
    std::vector<float> output(int window = 0) const;
    const Graph& graph() const { return *graph_; }

  private:
    using Body = std::function<ggml_tensor*(ggml_context*, ggml_tensor* mel)>;
    void build(const EncoderShape& shape, int windows, const Body& body, const EncoderHead& head);

    Compute& compute_;
    std::unique_ptr<KernelNodes> nodes_;
    const PackedEncoderWeights* packed_ = nullptr;
    std::vector<float> positions_;  // [1500][D], of the frames that are computed
    ggml_tensor* mel_ = nullptr;
    ggml_tensor* encoded_ = nullptr;
    std::unique_ptr<Graph> graph_;
    std::unique_ptr<GraphParts> parts_;
};

}  // namespace agora
