// Who spoke when in a recording, by the community pipeline.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/device/parallel.h"
#include "engine/speakers/speaker_encoder.h"
#include "engine/speakers/stop.h"
#include "engine/speakers/voices.h"

namespace agora {

// A loaded model, shared by streams; one step of one of them at a time.
class DiarizationModel {
  public:
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    DiarizationModel(const std::string& path, int threads);

    const SpeakerFile& file() const { return file_; }
    const ClusteringRules& rules() const { return rules_; }
    const Plda* plda() const { return plda_.get(); }
    // Windows that one step takes.
    int batch() const { return batch_; }

    // [windows][frames][classes] log-probabilities.
    std::vector<float> segment(const std::vector<const float*>& windows);
    // [masks][size] of the encoder.
    std::vector<float> embed(const std::vector<const float*>& windows, const std::vector<VoiceMask>& masks);

  private:
    OnThreads on_threads();

    SpeakerFile file_;
    ClusteringRules rules_;
    std::unique_ptr<Plda> plda_;
    int batch_;
    std::mutex mutex_;
    CpuCompute compute_;
    Parallel parallel_;
    std::unique_ptr<Segmentation> segmentation_;
    std::unique_ptr<SpeakerEncoder> encoder_;
};

// One recording. Keeps the last 10 s of sound, and of each second a kilobyte and an embedding for each voice. Not for
// several threads at once.
class DiarizationStream {
  public:
    static constexpr int kStep = 16000;  // samples between windows

    explicit DiarizationStream(std::shared_ptr<DiarizationModel> model) : model_(std::move(model)) {}

    // Takes samples of 16 kHz and works on all windows that they complete, one for each second. Throws Cancelled
    // between steps once `stop` is set.
    void push(const float* samples, size_t count, Stop stop);

    // Works on what is left and tells all turns. Nothing may be pushed any more.
    Diarization finish(const SpeakerCount& count, Stop stop);

  private:
    void step(const std::vector<const float*>& windows);
    void advance(Stop stop);

    std::shared_ptr<DiarizationModel> model_;
    std::vector<float> pending_;  // from the start of the next window on
    size_t total_ = 0;            // samples
    std::vector<WindowVoices> windows_;
    std::vector<float> embeddings_;  // [windows · 3][size]
    std::vector<float> sums_;        // of each global frame, the windows' number of speakers
    std::vector<float> levels_;      // of each global frame, in dB
};

}  // namespace agora
