#pragma once

#include <vector>

#include "engine/audio/mel_bands.h"
#include "engine/audio/power_spectrum.h"
#include "engine/speakers/nemotron/nemotron_file.h"

namespace agora {

// What Nemotron-3-Diarization hears: frames of 10 ms as the logarithms of 128 mel bands. Pre-emphasis 0.97, a symmetric
// Hann window of 400 samples around every 160th, zeros outside, power, ln(x + 2^-24); not normalised.
// Source: transformers, NemotronAsrStreamingFeatureExtractor.
class LogMelFeatures {
  public:
    static constexpr int kWindow = 400;
    static constexpr int kHop = 160;
    static constexpr float kEmphasis = 0.97f;
    static constexpr float kGuard = 5.9604644775390625e-8f;  // 2^-24, added before the logarithm

    LogMelFeatures();

    // The bands of one frame, [kBands], of its kWindow samples after pre-emphasis.
    void frame(const float* samples, float* output) const;

  private:
    MelBands bands_;
    std::vector<float> window_;
    PowerSpectrum spectrum_;
};

}  // namespace agora
