#include "engine/audio/mel_filters.h"

#include <algorithm>
#include <cmath>

namespace agora {
namespace {

constexpr double kHighest = 8000;  // hertz
constexpr double kRate = 16000;

// Slaney's scale: linear up to 1000 Hz, logarithmic above.
constexpr double kHertzPerMel = 200.0 / 3;
constexpr double kLogStartHertz = 1000;
constexpr double kLogStartMel = kLogStartHertz / kHertzPerMel;

double log_step() {
    return std::log(6.4) / 27;
}

double hertz_to_mel(double hertz) {
    if (hertz < kLogStartHertz) return hertz / kHertzPerMel;
    return kLogStartMel + std::log(hertz / kLogStartHertz) / log_step();
}

double mel_to_hertz(double mel) {
    if (mel < kLogStartMel) return mel * kHertzPerMel;
    return kLogStartHertz * std::exp((mel - kLogStartMel) * log_step());
}

}  // namespace

std::vector<float> mel_filters(int bands, int size) {
    std::vector<double> edges;
    const double top = hertz_to_mel(kHighest);
    for (int i = 0; i < bands + 2; ++i) edges.push_back(mel_to_hertz(top / (bands + 1) * i));
    // Exactly: the last bin is there, and a rounded power would let the last filter touch it.
    edges.back() = kHighest;
    std::vector<float> filters;
    for (int band = 0; band < bands; ++band) {
        const auto at = static_cast<size_t>(band);
        const double left = edges[at];
        const double centre = edges[at + 1];
        const double right = edges[at + 2];
        for (int bin = 0; bin <= size / 2; ++bin) {
            const double frequency = bin * kRate / size;
            const double rising = (frequency - left) / (centre - left);
            const double falling = (right - frequency) / (right - centre);
            filters.push_back(static_cast<float>(std::max(0.0, std::min(rising, falling)) * 2 / (right - left)));
        }
    }
    return filters;
}

}  // namespace agora
