// Whisper's text decoder over many sequences at once.
#pragma once

#include <map>
#include <memory>

#include "engine/device/compute.h"
#include "engine/whisper/cross_memory.h"
#include "engine/whisper/graph.h"
#include "engine/whisper/memory.h"
#include "engine/whisper/packed_weights.h"

namespace agora {

// Where cross-attention of some heads is written to.
struct AttentionCapture {
    std::vector<std::pair<int, int>> heads;  // layer, head
    std::vector<float> weights;              // [heads][tokens][1500], up to a factor for each row
};

// New tokens of one sequence.
struct DecoderInput {
    KeyValues* self;     // capacity: the model's text context
    CrossMemory* cross;  // of the sequence's window
    int past;            // positions that `self` holds
    std::vector<int> tokens;
    AttentionCapture* capture = nullptr;
    bool all_logits = false;  // of each token, not of the last one alone

    size_t outputs() const { return all_logits ? tokens.size() : 1; }
};

class Decoder {
  public:
    Decoder(const PackedDecoderWeights& weights, const WhisperHyperParameters& hparams, const Precision& precision,
            const KernelSet& kernels, CpuCompute& compute);

    // Runs all inputs' tokens through the decoder in one batch and appends their keys and values.
    // Returns the logits of each input's outputs(), [Σ outputs][n_vocab], valid until the next call; null when stopped.
    // Inputs of one window, one behind the other, share the reading of its memory.
    const float* run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop);

    // Positions that a sequence has room for.
    int context() const { return hparams_.n_text_ctx; }

    // Memory for one sequence, and for one window.
    std::unique_ptr<KeyValues> new_sequence() const;
    std::unique_ptr<CrossMemory> new_window() const;

  private:
    // A graph for a number of tokens and of outputs.
    struct Plan {
        std::unique_ptr<KernelNodes> nodes;
        std::unique_ptr<Graph> graph;
    };
    // Inputs that follow each other and look at the same window: their first row in the batch, and how many rows.
    struct Group {
        CrossMemory* cross;
        int first_row, rows;
        size_t first_input, inputs;
    };

    Plan& plan(int rows, int outputs);
    ggml_tensor* build(ggml_context* context, KernelNodes& nodes, int rows, int outputs);
    void embed(ggml_tensor* result, int thread, int threads) const;
    void self_attention(int layer, ggml_tensor* result, int thread, int threads) const;
    void cross_attention(int layer, ggml_tensor* result, int thread, int threads) const;
    void capture(int layer, int head, const Group& group, const float* weights) const;

    const PackedDecoderWeights& weights_;
    WhisperHyperParameters hparams_;
    Precision precision_;
    const KernelSet& kernels_;
    CpuCompute& compute_;
    std::map<std::pair<int, int>, Plan> plans_;

    // Of the run in progress.
    const std::vector<DecoderInput>* inputs_ = nullptr;
    std::vector<int> tokens_, positions_, output_rows_;
    std::vector<Group> groups_;
};

}  // namespace agora
