#include "engine/speakers/nemotron/log_mel_features.h"

#include <algorithm>
#include <cmath>

#include "engine/audio/mel_filters.h"

namespace agora {
namespace {

using Shape = NemotronShape;

constexpr int kBins = Shape::kSpectrum / 2 + 1;
constexpr double kPi = 3.14159265358979323846;

}  // namespace

LogMelFeatures::LogMelFeatures() : spectrum_(Shape::kSpectrum) {
    const std::vector<float> filters = mel_filters(Shape::kBands, Shape::kSpectrum);
    for (int i = 0; i < kWindow; ++i)
        window_.push_back(static_cast<float>(0.5 - 0.5 * std::cos(2 * kPi * i / (kWindow - 1))));
    for (int band = 0; band < Shape::kBands; ++band) {
        const auto row = filters.begin() + static_cast<std::ptrdiff_t>(band) * kBins;
        const auto used = [](float weight) { return weight != 0.0f; };
        const auto first = std::find_if(row, row + kBins, used);
        auto last = row + kBins;
        while (last != first && !used(*(last - 1))) --last;
        bands_.push_back({static_cast<int>(first - row), {first, last}});
    }
}

void LogMelFeatures::frame(const float* samples, float* output) const {
    // Where in the transform the samples lie does not change its power.
    float frame[Shape::kSpectrum] = {};
    for (size_t i = 0; i < kWindow; ++i) frame[i] = samples[i] * window_[i];
    float power[kBins];
    spectrum_.compute(frame, power);
    for (size_t band = 0; band < Shape::kBands; ++band) {
        const Band& filter = bands_[band];
        float sum = 0;
        for (size_t i = 0; i < filter.weights.size(); ++i)
            sum += filter.weights[i] * power[static_cast<size_t>(filter.first) + i];
        output[band] = std::log(sum + kGuard);
    }
}

}  // namespace agora
