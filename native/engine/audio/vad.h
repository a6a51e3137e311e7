// Voice activity detection: Silero's network, run by whisper.cpp.
#pragma once

#include <string>
#include <vector>

struct whisper_vad_context;

namespace agora {

// One stream of audio. Not for several threads at once.
class VoiceActivityDetector {
  public:
    static constexpr int kFrameSamples = 512;  // 32 ms at 16 kHz

    // Validates and loads. Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    explicit VoiceActivityDetector(const std::string& path);
    ~VoiceActivityDetector();
    VoiceActivityDetector(const VoiceActivityDetector&) = delete;
    VoiceActivityDetector& operator=(const VoiceActivityDetector&) = delete;

    // Speech probability of each frame that `samples` (16 kHz mono) complete; the rest is kept.
    std::vector<float> push(const float* samples, size_t count);
    // Probability of the last frame, filled up with silence; nothing if no samples are left. The next push() begins
    // anew.
    std::vector<float> flush();

  private:
    std::vector<float> run(const float* samples, size_t count);

    whisper_vad_context* context_;
    std::vector<float> pending_;
};

}  // namespace agora
