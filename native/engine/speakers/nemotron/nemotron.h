// Who spoke when in a recording, by Nemotron-3-Diarization (NVIDIA, 2026): one network hears half a minute at a time,
// beside what it remembers of the speakers before, and tells for each of up to 8 when they speak.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/speakers/diarizer.h"
#include "engine/speakers/nemotron/nemotron_network.h"
#include "engine/speakers/nemotron/speaker_activity.h"
#include "engine/speakers/nemotron/speaker_memory.h"

namespace agora {

DiarizationFacts facts_of(const NemotronFile& file);

class NemotronModel : public DiarizationModel {
  public:
    // `type`: Auto keeps matrices in 8 bits where the file is quantised and in 16 where it is not, and multiplies in
    // bfloat16 where the processor does; elsewhere bytes, and in single precision. Throws as load_diarization_model()
    // does.
    NemotronModel(const std::string& path, int threads, ComputeType type = ComputeType::Auto,
                  const KernelSet& kernels = *kernel_sets().front());

    DiarizationFacts facts() const override { return facts_of(file_); }
    int batch() const override;
    std::unique_ptr<DiarizationStream> open() override { return open(StepSizes{}); }
    std::unique_ptr<DiarizationStream> open(const StepSizes& sizes);

    const NemotronFile& file() const { return file_; }
    const std::vector<float>& silence() const { return network_.silence(); }

    // As NemotronNetwork has them; one caller at a time.
    void embed(const float* samples, int frames, int count, float* output);
    // Hears what is remembered, then `chunk`, of which `heard` frames are sound and the first `count` are the step's
    // own. `memory` takes these; `logits` becomes those of each 10 ms of them, [count · 8][speakers]. False when
    // stopped.
    bool step(SpeakerMemory& memory, const std::vector<float>& chunk, int heard, int count, Stop stop,
              std::vector<float>& logits);

  private:
    NemotronFile file_;
    std::mutex mutex_;
    CpuCompute compute_;
    NemotronNetwork network_;
};

// Keeps the sound of a frame, half a minute of frames, what is remembered of the speakers, and 800 bytes of each
// second.
class NemotronStream : public DiarizationStream {
  public:
    NemotronStream(std::shared_ptr<NemotronModel> model, const StepSizes& sizes);

    // Works on all steps that the samples complete; stops within them.
    void push(const float* samples, size_t count, Stop stop) override;
    Diarization finish(const SpeakerCount& count, Stop stop) override;

    const SpeakerMemory& memory() const { return memory_; }

  private:
    void take(const float* samples, size_t count);
    void embed(size_t frames);
    void step(int count, int heard, Stop stop);

    std::shared_ptr<NemotronModel> model_;
    StepSizes sizes_;
    size_t width_;
    SpeakerMemory memory_;
    SpeakerActivity activity_;
    std::vector<float> sound_;   // after pre-emphasis, from the window of the next frame of 10 ms on
    float last_ = 0;             // sample, before pre-emphasis
    size_t total_ = 0;           // samples
    size_t embedded_ = 0;        // frames of 10 ms
    std::vector<float> frames_;  // of 80 ms, from the next chunk on, [frames][width]
    std::vector<bool> silent_;   // of each 10 ms of them
};

}  // namespace agora
