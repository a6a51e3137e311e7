#include "engine/speakers/nemotron/log_mel_features.h"

#include <cmath>

#include "engine/audio/mel_filters.h"

namespace agora {
namespace {

using Shape = NemotronShape;

constexpr int kBins = Shape::kSpectrum / 2 + 1;

}  // namespace

LogMelFeatures::LogMelFeatures()
    : bands_(Shape::kBands, mel_filters(Shape::kBands, Shape::kSpectrum)),
      window_(hann_window(kWindow, kWindow - 1)),
      spectrum_(Shape::kSpectrum) {}

void LogMelFeatures::frame(const float* samples, float* output) const {
    // Where in the transform the samples lie does not change its power.
    float frame[Shape::kSpectrum] = {};
    for (size_t i = 0; i < kWindow; ++i) frame[i] = samples[i] * window_[i];
    float power[kBins];
    spectrum_.compute(frame, power);
    for (int band = 0; band < Shape::kBands; ++band) output[band] = std::log(bands_.power(band, power) + kGuard);
}

}  // namespace agora
