// Who speaks in 10 s: pyannote's segmentation-3.0 (Plaquet & Bredin, 2023, Powerset multi-class cross entropy loss for
// neural speaker diarization; PyanNet).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/model/named_tensors.h"
#include "engine/speakers/lstm.h"
#include "engine/speakers/segmentation_shape.h"

namespace agora {

// Calls its argument once on every thread, with the number of the thread and their count, and waits.
using OnThreads = std::function<void(const std::function<void(int thread, int threads)>&)>;

class Segmentation {
  public:
    using Shape = SegmentationShape;

    Segmentation(const NamedTensors& tensors, const KernelSet& kernels);

    // Windows of kSamples. Writes [windows][kFrames][kClasses] log-probabilities of the classes none, 0, 1, 2, 0+1,
    // 0+2, 1+2. A window's result does not depend on its neighbours or on the threads.
    void run(const std::vector<const float*>& windows, const OnThreads& threads, float* log_probabilities);

  private:
    // Windows that go through the LSTM side by side.
    static constexpr int kGroup = 8;

    void features(const float* samples, float* output, size_t frame_stride, std::vector<float>& scratch) const;
    void classify(const float* rows, int count, float* output, std::vector<float>& scratch) const;

    const KernelSet& kernels_;
    PackedNorm wave_;
    std::array<PackedNorm, 3> norms_;
    std::array<PackedLinear, 3> convolutions_;
    std::vector<std::array<Lstm, 2>> layers_;  // forward, backward
    std::array<PackedLinear, 3> linears_;
    // Kept from call to call.
    std::vector<float> input_, output_;
    std::vector<std::vector<float>> scratch_;  // of each thread
};

// Which of the 3 speakers of a window are active in a frame, as bits: that of the greatest of 7 log-probabilities.
uint8_t powerset_speakers(const float* log_probabilities);

}  // namespace agora
