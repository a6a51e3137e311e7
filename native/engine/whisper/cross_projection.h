// What the decoder's cross-attention takes from an encoded window.
#pragma once

#include <vector>

#include "engine/whisper/graph.h"
#include "engine/whisper/memory.h"

namespace agora {

// Each layer of the decoder looks at the window through keys and values of its own: the encoder's output times that
// layer's matrices. The encoder runs this as its head.
class CrossProjection {
  public:
    CrossProjection(const DecoderWeights& weights, int heads);
    CrossProjection(const CrossProjection&) = delete;
    CrossProjection& operator=(const CrossProjection&) = delete;

    ggml_tensor* build(ggml_context* context, ggml_tensor* encoded);

    // Where the next run of the encoder puts keys and values.
    void write_to(KeyValues& memory) { memory_ = &memory; }

  private:
    struct Task {
        CrossProjection* projection;
        int layer;
    };
    static void store(ggml_tensor* destination, int thread, int threads, void* task);

    const DecoderWeights& weights_;
    int heads_;
    std::vector<Task> tasks_;
    KeyValues* memory_ = nullptr;
};

}  // namespace agora
