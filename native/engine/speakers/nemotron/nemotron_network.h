// The network of Nemotron-3-Diarization: a transformer over remembered and new frames, and a head that tells for each
// 10 ms who speaks.
#pragma once

#include <memory>
#include <vector>

#include "engine/device/parallel.h"
#include "engine/encoder/graph_parts.h"
#include "engine/kernels/rope_angles.h"
#include "engine/speakers/nemotron/log_mel_features.h"
#include "engine/speakers/nemotron/nemotron_weights.h"
#include "engine/speakers/stop.h"

namespace agora {

class Graph;

class NemotronNetwork {
  public:
    static constexpr int kMostRows = 700;

    // Throws ModelInvalid, OutOfMemory.
    NemotronNetwork(const NemotronFile& file, ComputeType type, const KernelSet& kernels, CpuCompute& compute);
    ~NemotronNetwork();

    const Precision& precision() const { return precision_; }
    const std::vector<float>& silence() const { return weights_.silence; }

    // Frames of 80 ms, [count][width], of `frames` frames of 10 ms whose first has its window at `samples`, after
    // pre-emphasis; what is missing of the last is nothing. `count` may be greater than `frames` / 8.
    void embed(const float* samples, int frames, int count, float* output);
    // The spectrogram's frames alone, [frames][kBands].
    void features(const float* samples, int frames, float* output);

    // Rows of frames, to be filled before begin(): [kMostRows][width].
    float* rows();
    // Of the first `count` rows, of which those from `heard` on are not attended to; the head looks at rows
    // [first, last). In parts of about so many seconds: as long as it is unfinished, go_on() goes on with what begin()
    // was given.
    void begin(int count, int heard, int first, int last);
    Progress go_on(double seconds, Stop stop);
    // The same at once. False when stopped.
    bool run(int count, int heard, int first, int last, Stop stop);
    // Of the last run, [last - first][8][speakers]: logarithms of the odds that a speaker speaks.
    const float* logits() const;
    // Of the last run, after the last norm: rows [first - 1, last + 1) where there are such, [..][width].
    const float* encoded() const;

  private:
    std::vector<ggml_tensor*> build(ggml_context* context);
    ggml_tensor* rotate(ggml_context* context, ggml_tensor* projected);
    ggml_tensor* attend(ggml_context* context, ggml_tensor* rotated, bool is_last);
    ggml_tensor* feed_forward(ggml_context* context, KernelNodes& nodes, const NemotronLayer& layer, ggml_tensor* x,
                              ggml_tensor* attended);
    ggml_tensor* looked_at(ggml_context* context, ggml_tensor* x);
    ggml_tensor* project(ggml_context* context, ggml_tensor* encoded);
    ggml_tensor* classify(ggml_context* context, ggml_tensor* projected);

    NemotronShape shape_;
    Precision precision_;
    const KernelSet& kernels_;
    CpuCompute& compute_;
    Parallel parallel_;
    NemotronWeights weights_;
    LogMelFeatures features_;
    RopeAngles angles_;  // of kMostRows positions
    std::vector<float> stacked_;
    KernelNodes nodes_;
    KernelNodes last_nodes_;  // of the last layer
    ggml_tensor* input_ = nullptr;
    ggml_tensor* encoded_ = nullptr;
    ggml_tensor* logits_ = nullptr;
    std::unique_ptr<Graph> graph_;
    std::unique_ptr<GraphParts> parts_;
    // Of the run.
    int count_ = 0, heard_ = 0, first_ = 0, last_ = 0;
    int begin_ = 0, end_ = 0;  // what the head looks at, with a row before and one behind
};

}  // namespace agora
