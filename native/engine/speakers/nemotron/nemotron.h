// Who spoke when in a recording, by Nemotron-3-Diarization (NVIDIA, 2026): one network hears half a minute at a time,
// beside what it remembers of the speakers before, and tells for each of up to 8 when they speak.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/speakers/diarizer.h"
#include "engine/speakers/nemotron/nemotron_network.h"
#include "engine/speakers/nemotron/speaker_activity.h"
#include "engine/speakers/nemotron/speaker_memory.h"

namespace agora {

class NemotronStream;

DiarizationFacts facts_of(const NemotronFile& file);

// One run of the network: it hears what is remembered, then a chunk.
struct NemotronStep {
    std::vector<float> chunk;  // frames of 80 ms, [..][width]
    int heard = 0;             // of them, from the first on, are sound
    int count = 0;             // and so many the step tells of
    bool remembers = true;     // and has remembered
};

// Used by one thread at a time, by all streams together.
class NemotronModel : public DiarizationModel {
  public:
    // `type`: Auto keeps matrices in 8 bits where the file is quantised and in 16 where it is not, and multiplies in
    // bfloat16 where the processor does; elsewhere bytes, and in single precision. Throws as load_diarization_model()
    // does.
    NemotronModel(const std::string& path, int threads, ComputeType type = ComputeType::Auto,
                  const KernelSet& kernels = *kernel_sets().front());

    DiarizationFacts facts() const override { return facts_of(file_); }
    int batch() const override;
    std::unique_ptr<DiarizationStream> open() override;
    std::unique_ptr<NemotronStream> open(const StepSizes& sizes);

    const NemotronFile& file() const { return file_; }
    const std::vector<float>& silence() const { return network_.silence(); }

    // As NemotronNetwork has it.
    void embed(const float* samples, int frames, int count, float* output);

    // Runs a step in parts of about so many seconds: as long as it is unfinished, go_on() goes on with what begin() was
    // given. Whose step it is must not change until end(), after it is done: `memory` takes what the step is to have
    // remembered, and `logits` becomes those of each 10 ms that it tells of, [count · 8][speakers].
    void begin(const SpeakerMemory& memory, const NemotronStep& step);
    Progress go_on(double seconds, Stop stop) { return network_.go_on(seconds, stop); }
    void end(SpeakerMemory& memory, const NemotronStep& step, std::vector<float>& logits);
    // All of it at once. False when stopped.
    bool run(SpeakerMemory& memory, const NemotronStep& step, Stop stop, std::vector<float>& logits);

  private:
    static int first_row(const SpeakerMemory& memory, const NemotronStep& step);

    NemotronFile file_;
    CpuCompute compute_;
    NemotronNetwork network_;
};

// Keeps the sound of a frame, half a minute of frames, what is remembered of the speakers, and 800 bytes of each
// second that is not forgotten.
//
// While somebody speaks, look() hears what there is behind the last step, as often as it is asked for: nothing of that
// is remembered, so that steps find the same with it and without.
class NemotronStream : public DiarizationStream {
  public:
    NemotronStream(std::shared_ptr<NemotronModel> model, const StepSizes& sizes);

    // Works on all steps that the samples complete; stops within them.
    void push(const float* samples, size_t count, Stop stop) override;
    Diarization finish(const SpeakerCount& count, Stop stop) override;

    // The same in parts: what is given, the end, and looks are worked off by work(), in about so many seconds each
    // time, as long as that is unfinished.
    void give(const float* samples, size_t count);
    void end() { ended_ = true; }
    void look() { looks_ = true; }
    // Whether all is worked off, to the end.
    bool is_done() const { return left_ == 0 && !has_step_; }
    Progress work(double seconds, Stop stop);
    // Whether work() has a run of the network to make, whose frames are there then.
    bool needs_network() { return has_step_ || prepare_step(); }
    // Whether the next work() goes on with a run of the network, and what to do where the network was used for others
    // meanwhile: that run begins anew.
    bool is_within_step() const { return has_step_ && begun_; }
    void lose_step() { begun_ = false; }

    // Forgets who spoke before so many seconds of all that was given: finish() may not follow.
    void forget_before(double seconds) { activity_.forget_before(seconds); }
    // After a look: who speaks from `start` seconds on, one speaker at a time, by the model's numbers, which stay the
    // same; what lies before is forgotten. Of more speakers than `most` those are told who were told first, and what
    // others say is the likeliest of them. Throws Cancelled.
    std::vector<SpeakerTurn> turns_from(double start, int most, Stop stop);

    const SpeakerMemory& memory() const { return memory_; }

  private:
    void embed(size_t frames);
    bool has_frames_for_step();
    void take_rest();
    bool prepare_step();
    void prepare(size_t length, int heard, int count, bool remembers);
    void end_step();

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

    bool ended_ = false;  // nothing more is given
    int left_ = -1;       // frames of 80 ms that have not been in a step; known once no full step is left
    bool looks_ = false;  // a look is asked for
    NemotronStep step_;
    bool has_step_ = false;
    bool begun_ = false;        // the network is at it
    SpeakerActivity ahead_;     // of the last look: what comes behind `activity_`
    std::vector<size_t> told_;  // speakers that turns_from() has told of
};

}  // namespace agora
