// Voice activity detection by Silero's network.
#pragma once

#include <string>
#include <vector>

#include "engine/audio/silero_network.h"

namespace agora {

// One stream of audio. Not for several threads at once.
class VoiceActivityDetector {
  public:
    static constexpr int kFrameSamples = SileroNetwork::kFrameSamples;  // 32 ms at 16 kHz

    // Validates and loads. Throws ModelNotFound, ModelInvalid, OutOfMemory.
    explicit VoiceActivityDetector(const std::string& path, const KernelSet& kernels = *kernel_sets().front());

    // Speech probability of each frame that `samples` (16 kHz mono) complete; the rest is kept.
    std::vector<float> push(const float* samples, size_t count);
    // Probability of the last frame, filled up with silence; nothing if no samples are left. The next push() begins
    // anew.
    std::vector<float> flush();

  private:
    SileroNetwork network_;
    SileroNetwork::State state_;
    std::vector<float> pending_;
};

}  // namespace agora
