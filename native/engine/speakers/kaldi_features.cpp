#include "engine/speakers/kaldi_features.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/audio/power_spectrum.h"

namespace agora {
namespace {

constexpr size_t kLength = 400;
constexpr size_t kHop = 160;
constexpr int kSize = 512;
constexpr size_t kBins = kSize / 2 + 1;
constexpr double kPi = 3.14159265358979323846;
constexpr float kScale = 32768;  // Kaldi counts in 16-bit steps
constexpr float kPreEmphasis = 0.97f;

double mel(double hertz) {
    return 1127 * std::log(1 + hertz / 700);
}

// [kBands][kBins], of 20 to 8000 Hz.
std::vector<float> filters() {
    std::vector<float> weights(KaldiFeatures::kBands * kBins, 0.0f);
    const double low = mel(20);
    const double step = (mel(8000) - low) / (KaldiFeatures::kBands + 1);
    for (size_t band = 0; band < KaldiFeatures::kBands; ++band) {
        const double left = low + static_cast<double>(band) * step;
        for (size_t bin = 0; bin + 1 < kBins; ++bin) {
            const double at = (mel(static_cast<double>(bin) * 16000 / kSize) - left) / step;
            weights[band * kBins + bin] = static_cast<float>(std::max(0.0, at <= 1 ? at : 2 - at));
        }
    }
    return weights;
}

}  // namespace

KaldiFeatures::KaldiFeatures() : window_(kLength), bands_(kBands, filters()) {
    for (size_t i = 0; i < kLength; ++i)
        window_[i] = static_cast<float>(0.54 - 0.46 * std::cos(2 * kPi * static_cast<double>(i) / (kLength - 1)));
}

std::vector<float> KaldiFeatures::compute(const float* samples, size_t count) const {
    static const PowerSpectrum spectrum(kSize);
    const size_t number = frames(count);
    std::vector<float> result(number * kBands);
    for (size_t t = 0; t < number; ++t) {
        float frame[kSize] = {};
        double mean = 0;
        for (size_t i = 0; i < kLength; ++i) {
            frame[i] = samples[t * kHop + i] * kScale;
            mean += static_cast<double>(frame[i]);
        }
        const auto offset = static_cast<float>(mean / kLength);
        for (size_t i = 0; i < kLength; ++i) frame[i] -= offset;
        for (size_t i = kLength - 1; i > 0; --i) frame[i] -= kPreEmphasis * frame[i - 1];
        frame[0] -= kPreEmphasis * frame[0];
        for (size_t i = 0; i < kLength; ++i) frame[i] *= window_[i];
        float power[kBins];
        spectrum.compute(frame, power);
        for (int band = 0; band < kBands; ++band) {
            const float sum = bands_.power(band, power);
            result[t * kBands + static_cast<size_t>(band)] =
                std::log(std::max(sum, std::numeric_limits<float>::epsilon()));
        }
    }
    return result;
}

}  // namespace agora
