// The language model on the CPU kernels: Qwen2 (Qwen Team, 2024) and Qwen3 (2025).
#pragma once

#include "engine/borealis/causal_attention.h"
#include "engine/borealis/language_network.h"
#include "engine/borealis/packed_language_weights.h"
#include "engine/device/compute.h"
#include "engine/encoder/graph.h"
#include "engine/kernels/rope_angles.h"

namespace agora {

class PackedLanguageNetwork final : public LanguageNetwork {
  public:
    // Whether the kernels take the shapes of a model: rows in whole blocks of 32, heads of keys in whole strips.
    static bool takes(const LanguageFile& file);

    // Loads the weights; sequences take memory as they grow. Throws ModelInvalid, OutOfMemory.
    PackedLanguageNetwork(const std::string& path, const LanguageFile& file, const KernelSet& kernels,
                          CpuCompute& compute, int sequences, int capacity);

    int capacity() const override { return capacity_; }
    const float* decode(const std::vector<LanguageInput>& inputs) override;
    int length(int sequence) const override { return memory(sequence).length(); }
    void truncate(int sequence, int length) override { memory(sequence).truncate(length); }
    void copy(int from, int to) override { memory(to).copy_from(memory(from)); }
    void move(int from, int to) override;

  private:
    // Rows of one sequence in the pass in progress.
    struct Part {
        LanguageMemory* memory;
        const float* rows;  // [count][width]
        int past, count;
        int first;  // among the rows of the pass
    };

    LanguageMemory& memory(int sequence) { return memories_[static_cast<size_t>(sequence)]; }
    const LanguageMemory& memory(int sequence) const { return memories_[static_cast<size_t>(sequence)]; }

    ggml_tensor* build(ggml_context* context);
    ggml_tensor* build_block(ggml_context* context, int layer, ggml_tensor* x);
    Arithmetic arithmetic(const PackedLinear& layer) const;
    ggml_tensor* norm(ggml_context* context, const std::vector<float>& weight, ggml_tensor* x,
                      const PackedLinear& reader);
    ggml_tensor* rows(ggml_context* context, Arithmetic format, int64_t width, const std::vector<ggml_tensor*>& inputs,
                      KernelNodes::Work work);

    void read_rows(ggml_tensor* result, int thread, int threads) const;
    void remember(int layer, ggml_tensor* result, int thread, int threads) const;
    void attend(int layer, ggml_tensor* result, int thread, int threads) const;
    void turn(const std::vector<float>& weight, int position, const float* x, float* output) const;
    void run_pass();

    LanguageFile file_;
    const KernelSet& kernels_;
    CpuCompute& compute_;
    Parallel parallel_;
    PackedLanguageWeights weights_;
    int capacity_;
    RopeAngles angles_;  // of `capacity` positions
    std::vector<LanguageMemory> memories_;
    KernelNodes nodes_;
    std::unique_ptr<Graph> graph_;
    std::vector<float> logits_;  // [inputs][vocabulary]

    // Of the pass in progress.
    std::vector<Part> parts_;
    std::vector<int> last_rows_;  // those that logits are wanted of
    int count_ = 0;               // rows
    float* pass_logits_ = nullptr;
};

}  // namespace agora
