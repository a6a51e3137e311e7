// Whisper's audio encoder (Radford et al., 2022).
#pragma once

#include <functional>
#include <memory>

#include "engine/audio/log_mel.h"
#include "engine/device/compute.h"
#include "engine/whisper/graph.h"

namespace agora {

struct EncoderShape {
    int mels, width, heads, layers;
    bool exact_gelu = false;  // by the error function, as PyTorch has it; whisper.cpp takes the tanh approximation
};

inline EncoderShape encoder_shape(const WhisperHyperParameters& hparams) {
    return {hparams.n_mels, hparams.n_audio_state, hparams.n_audio_head, hparams.n_audio_layer};
}

// What follows the last layer norm in the same graph: a function of its output, [D, 1500]; returns the last node.
using EncoderHead = std::function<ggml_tensor*(ggml_context*, ggml_tensor* encoded)>;

class Encoder {
  public:
    static constexpr int kFrames = 1500;  // of 20 ms

    // Throws OutOfMemory.
    Encoder(const EncoderWeights& weights, const EncoderShape& shape, CpuCompute& compute, EncoderHead head);

    // Spectrogram [bands][3000] of one window through the encoder and its head. False when stopped.
    bool run(const float* mel, const std::atomic<bool>* stop);

    // Of the last run: the encoder's output, [1500][D], and the head's result.
    std::vector<float> output() const;
    ggml_tensor* result() const { return graph_->result(); }

  private:
    ggml_tensor* build(ggml_context* context);

    const EncoderWeights& weights_;
    EncoderShape shape_;
    CpuCompute& compute_;
    EncoderHead head_;
    ggml_tensor* mel_ = nullptr;
    ggml_tensor* encoded_ = nullptr;
    std::unique_ptr<Graph> graph_;
};

}  // namespace agora
