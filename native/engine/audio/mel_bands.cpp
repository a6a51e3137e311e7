#include "engine/audio/mel_bands.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace agora {

MelBands::MelBands(int bands, const std::vector<float>& filters) {
    const auto bins = static_cast<std::ptrdiff_t>(filters.size()) / bands;
    for (int band = 0; band < bands; ++band) {
        const auto row = filters.begin() + band * bins;
        const auto used = [](float weight) { return weight != 0.0f; };
        const auto first = std::find_if(row, row + bins, used);
        auto last = row + bins;
        while (last != first && !used(*(last - 1))) --last;
        filters_.push_back({static_cast<int>(first - row), {first, last}});
    }
}

float MelBands::power(int band, const float* spectrum) const {
    const Filter& filter = filters_[static_cast<size_t>(band)];
    float sum = 0;
    for (size_t i = 0; i < filter.weights.size(); ++i)
        sum += filter.weights[i] * spectrum[static_cast<size_t>(filter.first) + i];
    return sum;
}

std::vector<float> hann_window(int length, int period) {
    constexpr double kPi = 3.14159265358979323846;
    std::vector<float> window;
    for (int i = 0; i < length; ++i) window.push_back(static_cast<float>(0.5 - 0.5 * std::cos(2 * kPi * i / period)));
    return window;
}

}  // namespace agora
