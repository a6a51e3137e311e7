// Who spoke when in a recording, by pyannote's community pipeline.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/device/parallel.h"
#include "engine/speakers/diarizer.h"
#include "engine/speakers/speaker_encoder.h"

namespace agora {

DiarizationFacts facts_of(const SpeakerFile& file);

class CommunityModel : public DiarizationModel {
  public:
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    CommunityModel(const std::string& path, int threads);

    DiarizationFacts facts() const override { return facts_of(file_); }
    // Windows, one for each second.
    int batch() const override { return batch_; }
    std::unique_ptr<DiarizationStream> open() override;

    const SpeakerFile& file() const { return file_; }
    const ClusteringRules& rules() const { return rules_; }
    const Plda* plda() const { return plda_.get(); }

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

// Keeps the last 10 s of sound, and of each second a kilobyte and an embedding for each voice.
class CommunityStream : public DiarizationStream {
  public:
    static constexpr int kStep = 16000;  // samples between windows

    explicit CommunityStream(std::shared_ptr<CommunityModel> model) : model_(std::move(model)) {}

    // Works on all windows that the samples complete, one for each second; stops between steps.
    void push(const float* samples, size_t count, Stop stop) override;
    Diarization finish(const SpeakerCount& count, Stop stop) override;

  private:
    void step(const std::vector<const float*>& windows);
    void advance(Stop stop);

    std::shared_ptr<CommunityModel> model_;
    std::vector<float> pending_;  // from the start of the next window on
    size_t total_ = 0;            // samples
    std::vector<WindowVoices> windows_;
    std::vector<float> embeddings_;  // [windows · 3][size]
    std::vector<float> sums_;        // of each global frame, the windows' number of speakers
    std::vector<float> levels_;      // of each global frame, in dB
};

}  // namespace agora
