#include "engine/audio/steady_sound.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace agora {
namespace {

// Beats of two tones are faster, syllables are slower.
constexpr size_t kFrame = 800;  // 50 ms
constexpr size_t kLeastFrames = 20;
// In dB. What is further below the loudest frame is a break.
constexpr double kBreak = 20;
// In dB. Those at the edges of breaks are among the frames that do not count.
constexpr double kGreatestSpread = 1.5;
constexpr double kLeastSpread = 5;

// Of two low-pass filters of first order, one behind the other, at 800 Hz: 1 - exp(-2 pi 800 / 16000).
constexpr double kLowPass = 0.2696;

struct Levels {
    std::vector<double> all;
    std::vector<double> low;
};

Levels levels_of(const float* samples, size_t count) {
    Levels levels;
    double once = 0;
    double twice = 0;
    for (size_t begin = 0; begin + kFrame <= count; begin += kFrame) {
        double power = 0;
        double low_power = 0;
        for (size_t i = begin; i < begin + kFrame; ++i) {
            const double sample = samples[i];
            once += kLowPass * (sample - once);
            twice += kLowPass * (once - twice);
            power += sample * sample;
            low_power += twice * twice;
        }
        levels.all.push_back(10 * std::log10(power / kFrame + 1e-12));
        levels.low.push_back(10 * std::log10(low_power / kFrame + 1e-12));
    }
    return levels;
}

// From the fifth to the four fifths of frames, without breaks, in dB; nothing where there are too few.
std::optional<double> spread_of(std::vector<double> levels) {
    if (levels.empty()) return std::nullopt;
    std::sort(levels.begin(), levels.end());
    levels.erase(levels.begin(), std::lower_bound(levels.begin(), levels.end(), levels.back() - kBreak));
    if (levels.size() < kLeastFrames) return std::nullopt;
    return levels[levels.size() * 4 / 5] - levels[levels.size() / 5];
}

bool is_steady(const std::vector<double>& levels) {
    const std::optional<double> spread = spread_of(levels);
    return spread && *spread < kGreatestSpread;
}

}  // namespace

bool is_steady_sound(const float* samples, size_t count) {
    const Levels levels = levels_of(samples, count);
    return is_steady(levels.all) && is_steady(levels.low);
}

bool rises_and_falls(const float* samples, size_t count) {
    const std::optional<double> spread = spread_of(levels_of(samples, count).all);
    return spread && *spread >= kLeastSpread;
}

}  // namespace agora
