// The keys and values that one decoder takes from what another model's encoder has heard.
#pragma once

#include <memory>
#include <vector>

#include "engine/device/compute.h"
#include "engine/whisper/graph.h"
#include "engine/whisper/memory.h"

namespace agora {

class CrossProjection {
  public:
    CrossProjection(const WhisperWeights& weights, const WhisperHyperParameters& hparams, CpuCompute& compute);

    // `encoded`: an encoder's output, [1500][D]. False when stopped.
    bool run(const std::vector<float>& encoded, KeyValues& cross, const std::atomic<bool>* stop);

  private:
    struct StoreTask {
        CrossProjection* projection;
        int layer;
    };

    ggml_tensor* build(ggml_context* context);
    static void store(ggml_tensor* destination, int thread, int threads, void* task);

    const WhisperWeights& weights_;
    WhisperHyperParameters hparams_;
    CpuCompute& compute_;
    KeyValues* cross_ = nullptr;  // of the run in progress
    std::vector<StoreTask> stores_;
    ggml_tensor* encoded_ = nullptr;
    std::unique_ptr<Graph> graph_;
};

}  // namespace agora
