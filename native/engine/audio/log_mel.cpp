#include "engine/audio/log_mel.h"

#include <algorithm>
#include <cmath>

namespace agora {
namespace {

constexpr int kFrameLength = 400;
constexpr int kHop = 160;
constexpr int kWindowSamples = LogMel::kFrames * kHop;
constexpr float kSilence = -10;  // log10 of the smallest power
constexpr size_t kMaxParts = 256;

}  // namespace

LogMel::LogMel(int bands, const std::vector<float>& filters)
    : bands_(bands, filters), window_(hann_window(kFrameLength, kFrameLength)), spectrum_(kFrameLength) {}

void LogMel::compute(const float* samples, size_t count, float* output, const InParts& in_parts) const {
    // Half a frame before the start (reflected) and after the end of the 30 s.
    std::vector<float> audio(kWindowSamples + kFrameLength, 0.0f);
    const int half = kFrameLength / 2;
    const int used = static_cast<int>(std::min<size_t>(count, kWindowSamples));
    std::copy(samples, samples + used, audio.begin() + half);
    for (int i = 1; i <= half; ++i) audio[static_cast<size_t>(half - i)] = i < used ? samples[i] : 0.0f;
    const int silent_from = std::min(kFrames, (used + half) / kHop + 1);

    std::vector<float> highest(kMaxParts, kSilence);  // of each part
    in_parts([&](int part, int parts) {
        float& most = highest[static_cast<size_t>(part)];
        for (int t = silent_from * part / parts; t < silent_from * (part + 1) / parts; ++t)
            most = std::max(most, write_frame(audio.data() + t * kHop, output + t));
    });
    const float most = *std::max_element(highest.begin(), highest.end());
    const auto scaled = [floor = most - 8.0f](float value) { return (std::max(value, floor) + 4.0f) / 4.0f; };
    in_parts([&](int part, int parts) {
        for (int band = bands() * part / parts; band < bands() * (part + 1) / parts; ++band) {
            float* row = output + band * kFrames;
            std::transform(row, row + silent_from, row, scaled);
            std::fill(row + silent_from, row + kFrames, scaled(kSilence));
        }
    });
}

// One frame's bands, kFrames values apart. Returns the highest.
float LogMel::write_frame(const float* samples, float* output) const {
    float frame[kFrameLength];
    for (size_t i = 0; i < kFrameLength; ++i) frame[i] = samples[i] * window_[i];
    float power[kBins];
    spectrum_.compute(frame, power);
    float most = kSilence;
    for (int band = 0; band < bands(); ++band) {
        const float value = std::log10(std::max(bands_.power(band, power), 1e-10f));
        most = std::max(most, value);
        output[band * kFrames] = value;
    }
    return most;
}

}  // namespace agora
