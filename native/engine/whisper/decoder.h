// Whisper's text decoder over many sequences at once.
#pragma once

#include <map>
#include <memory>

#include "engine/device/compute.h"
#include "engine/whisper/graph.h"
#include "engine/whisper/memory.h"

namespace agora {

// Where cross-attention of some heads is written to.
struct AttentionCapture {
    std::vector<std::pair<int, int>> heads;  // layer, head
    std::vector<float> weights;              // [heads][tokens][1500], up to a factor for each row
};

// New tokens of one sequence.
struct DecoderInput {
    KeyValues* self;   // capacity: the model's text context
    KeyValues* cross;  // of the sequence's window
    int past;          // positions that `self` holds
    std::vector<int> tokens;
    AttentionCapture* capture = nullptr;
    bool all_logits = false;  // of each token, not of the last one alone

    size_t outputs() const { return all_logits ? tokens.size() : 1; }
};

class Decoder {
  public:
    Decoder(const WhisperWeights& weights, const WhisperHyperParameters& hparams, CpuCompute& compute);

    // Runs all inputs' tokens through the decoder in one batch and appends their keys and values.
    // Returns the logits of each input's outputs(), [Σ outputs][n_vocab], valid until the next call; null when stopped.
    const float* run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop);

    // Positions that a sequence has room for.
    int context() const { return hparams_.n_text_ctx; }

    // Memory for one sequence.
    std::unique_ptr<KeyValues> new_sequence() const;

  private:
    struct AttentionTask {
        Decoder* decoder;
        int layer;
    };
    struct Plan {
        ggml_tensor *tokens, *positions, *output_rows;
        std::unique_ptr<Graph> graph;
    };

    Plan& plan(int rows, int outputs);
    ggml_tensor* build(ggml_context* context, Plan& plan, int rows, int outputs);
    static void self_attention(ggml_tensor* destination, int thread, int threads, void* task);
    static void cross_attention(ggml_tensor* destination, int thread, int threads, void* task);

    const WhisperWeights& weights_;
    WhisperHyperParameters hparams_;
    CpuCompute& compute_;
    std::vector<AttentionTask> tasks_;
    std::map<std::pair<int, int>, Plan> plans_;
    const std::vector<DecoderInput>* inputs_ = nullptr;  // of the run in progress
    std::vector<float> logits_;
};

}  // namespace agora
