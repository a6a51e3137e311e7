// The language model on libllama: on a GPU, and on the CPU for shapes that the CPU kernels do not take.
#pragma once

#include "engine/borealis/language_file.h"
#include "engine/borealis/language_network.h"
#include "engine/borealis/llama_model.h"
#include "engine/device/compute.h"

struct llama_context;

namespace agora {

class LlamaNetwork final : public LanguageNetwork {
  public:
    // `model` has been loaded with its weights. Memory for `sequences` sequences (1 to 256) of at most `capacity`
    // positions. Throws OutOfMemory.
    LlamaNetwork(LlamaModel model, const LanguageFile& file, CpuCompute& compute, int threads, int sequences,
                 int capacity, bool gpu);

    int capacity() const override { return capacity_; }
    const float* decode(const std::vector<LanguageInput>& inputs) override;
    int length(int sequence) const override;
    void truncate(int sequence, int length) override;
    void copy(int from, int to) override;
    void move(int from, int to) override;

  private:
    struct Deleter {
        void operator()(llama_context* context) const;
    };

    LlamaModel model_;
    std::unique_ptr<llama_context, Deleter> context_;
    size_t width_;
    int capacity_;
    std::vector<float> batch_rows_;
};

}  // namespace agora
