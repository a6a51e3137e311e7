// The decoder on the CPU kernels.
#pragma once

#include <memory>

#include "engine/decoder/cross_memory.h"
#include "engine/decoder/decoder.h"
#include "engine/decoder/memory.h"
#include "engine/decoder/plan_cache.h"
#include "engine/device/compute.h"
#include "engine/encoder/graph.h"
#include "engine/model/packed_whisper_weights.h"

namespace agora {

class PackedDecoder final : public Decoder {
  public:
    PackedDecoder(const PackedDecoderWeights& weights, const WhisperHyperParameters& hparams,
                  const Precision& precision, const KernelSet& kernels, Compute& compute);

    const float* run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop) override;
    int context() const override { return hparams_.n_text_ctx; }
    std::unique_ptr<SequenceMemory> new_sequence() override;
    std::unique_ptr<WindowMemory> new_window() override;
    size_t sequence_bytes() const override;
    size_t window_bytes() const override;

    // The nodes of graphs that are kept take at most so many bytes. What they compute has one memory for all of them:
    // at most so many bytes, or what the last step takes where that is more.
    static constexpr size_t kMaxPlanBytes = size_t{8} << 20;
    static constexpr size_t kMaxMemoryBytes = size_t{64} << 20;
    size_t plan_bytes() const { return plans_.bytes(); }
    size_t memory_bytes() const { return memory_.bytes(); }

  private:
    // A graph for a number of tokens and of outputs.
    struct Plan {
        std::unique_ptr<KernelNodes> nodes;
        std::unique_ptr<Graph> graph;

        size_t bytes() const { return graph->bytes(); }
    };
    // Inputs that follow each other and look at the same window: their first row in the batch, and how many rows.
    struct Group {
        const CrossMemory* cross;
        int first_row, rows;
        size_t first_input, inputs;
    };

    // Valid until the next one is asked for.
    const Plan& plan_of(int rows, int outputs);
    Plan make_plan(int rows, int outputs);
    ggml_tensor* build(ggml_context* context, KernelNodes& nodes, int rows, int outputs);
    void embed(ggml_tensor* result, int thread, int threads) const;
    // Value: of the sequences' memory.
    template <typename Value>
    void self_attention(int layer, ggml_tensor* result, int thread, int threads) const;
    void cross_attention(int layer, ggml_tensor* result, int thread, int threads) const;
    void capture(int layer, int head, const Group& group, const float* weights) const;

    const PackedDecoderWeights& weights_;
    WhisperHyperParameters hparams_;
    Precision precision_;
    const KernelSet& kernels_;
    Compute& compute_;
    GraphMemory memory_;
    PlanCache<std::pair<int, int>, Plan> plans_{kMaxPlanBytes};
    int generation_ = 0;  // of the memory that the plans are laid out in

    // Of the run in progress.
    const std::vector<DecoderInput>* inputs_ = nullptr;
    std::vector<int> tokens_, positions_, output_rows_;
    std::vector<Group> groups_;
};

}  // namespace agora
