// The encoder's output as the decoder's cross-attention takes it.
#pragma once

#include <memory>

#include "engine/decoder/cross_memory.h"
#include "engine/device/compute.h"
#include "engine/encoder/graph.h"
#include "engine/model/packed_whisper_weights.h"

namespace agora {

// Each layer of the decoder looks at the window through keys and values of its own: the encoder's output times that
// layer's matrices. The encoder runs this as its head.
class CrossProjection {
  public:
    CrossProjection(const PackedDecoderWeights& weights, const Precision& precision, const KernelSet& kernels,
                    Compute& compute);
    CrossProjection(const CrossProjection&) = delete;
    CrossProjection& operator=(const CrossProjection&) = delete;

    std::vector<ggml_tensor*> build(ggml_context* context, ggml_tensor* encoded);

    // The same by itself, from what another model's encoder has put out, [1500][D], of which those frames are read that
    // write_to() was told. False when stopped. Throws OutOfMemory.
    bool run(const std::vector<float>& encoded, Compute& compute, const std::atomic<bool>* stop);

    // Where the next run puts keys and values.
    void write_to(WindowMemory& memory, const WindowFrames& frames = {}) {
        memory_ = &static_cast<CrossMemory&>(memory);
        memory_->set_frames(frames);
        nodes_.set_frames(frames);
    }

  private:
    void store(int layer, const ggml_tensor* keys, const ggml_tensor* values, int thread, int threads);

    const PackedDecoderWeights& weights_;
    Arithmetic arithmetic_;
    KernelNodes nodes_;
    CrossMemory* memory_ = nullptr;
    std::unique_ptr<Graph> graph_;  // of run()
    ggml_tensor* encoded_ = nullptr;
};

}  // namespace agora
