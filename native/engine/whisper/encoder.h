// Whisper's audio encoder (Radford et al., 2022), and the keys and values that the decoder takes from it.
#pragma once

#include <memory>

#include "engine/audio/log_mel.h"
#include "engine/device/compute.h"
#include "engine/whisper/graph.h"
#include "engine/whisper/memory.h"

namespace agora {

class Encoder {
  public:
    static constexpr int kFrames = 1500;  // of 20 ms

    Encoder(const WhisperWeights& weights, const WhisperHyperParameters& hparams, CpuCompute& compute);

    // Spectrogram [bands][3000] to the cross-attention memory of one window. False when stopped.
    bool run(const float* mel, KeyValues& cross, const std::atomic<bool>* stop);

    // The last run's output, [1500][D].
    std::vector<float> output() const;

  private:
    ggml_tensor* build(ggml_context* context);

    const WhisperWeights& weights_;
    WhisperHyperParameters hparams_;
    CpuCompute& compute_;
    KeyValues* cross_ = nullptr;  // of the run in progress
    struct StoreTask {
        Encoder* encoder;
        int layer;
    };
    std::vector<StoreTask> stores_;
    ggml_tensor* mel_ = nullptr;
    ggml_tensor* encoded_ = nullptr;
    std::unique_ptr<Graph> graph_;

    static void store_cross(ggml_tensor* destination, int thread, int threads, void* task);
};

}  // namespace agora
