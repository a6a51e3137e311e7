#pragma once

#include <cstddef>
#include <vector>

#include "engine/audio/mel_bands.h"

namespace agora {

// Kaldi's log-mel filter banks as WeSpeaker was trained on: 80 bands of 20 to 8000 Hz, frames of 25 ms every 10 ms that
// lie inside the signal, mean removed, pre-emphasis 0.97, Hamming window. Source: kaldi, feat/feature-fbank.cc and
// feat/mel-computations.cc.
class KaldiFeatures {
  public:
    static constexpr int kBands = 80;

    KaldiFeatures();

    static size_t frames(size_t samples) { return samples < 400 ? 0 : 1 + (samples - 400) / 160; }

    // [frames(count)][kBands] of samples in [-1, 1].
    std::vector<float> compute(const float* samples, size_t count) const;

  private:
    std::vector<float> window_;
    MelBands bands_;
};

}  // namespace agora
