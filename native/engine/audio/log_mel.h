// Whisper's log-mel spectrogram.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/audio/mel_bands.h"
#include "engine/audio/power_spectrum.h"
#include "engine/parts.h"

namespace agora {

// Frames of 400 samples every 160, periodic Hann window, reflected at the start; power spectrum; mel filters; log10
// with a floor of 1e-10; limited to 8 below the window's maximum; (x + 4) / 4.
// Source: openai-whisper, audio.py log_mel_spectrogram().
class LogMel {
  public:
    static constexpr int kFrames = 3000;  // 30 s
    static constexpr int kBins = 201;

    // `filters`: [bands][kBins]
    LogMel(int bands, const std::vector<float>& filters);

    int bands() const { return bands_.count(); }

    // `count` samples of 16 kHz, at most 30 s, filled up with silence. Writes [bands][kFrames]. `in_parts`: at most
    // 256.
    void compute(const float* samples, size_t count, float* output, const InParts& in_parts = in_one_part) const;

  private:
    float write_frame(const float* samples, float* output) const;

    MelBands bands_;
    std::vector<float> window_;
    PowerSpectrum spectrum_;
};

}  // namespace agora
