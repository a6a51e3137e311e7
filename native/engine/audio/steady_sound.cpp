#include "engine/audio/steady_sound.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace agora {
namespace {

// Beats of two tones are faster, syllables are slower.
constexpr size_t kFrame = 800;  // 50 ms
constexpr size_t kLeastFrames = 20;
// In dB. What is further below the loudest frame is a break.
constexpr double kBreak = 20;
// From the fifth to the four fifths of frames: those at the edges of breaks are among the rest.
constexpr double kGreatestSpread = 1.5;

}  // namespace

bool is_steady_sound(const float* samples, size_t count) {
    std::vector<double> levels;
    for (size_t begin = 0; begin + kFrame <= count; begin += kFrame) {
        double power = 0;
        for (size_t i = begin; i < begin + kFrame; ++i) power += static_cast<double>(samples[i]) * samples[i];
        levels.push_back(10 * std::log10(power / kFrame + 1e-12));
    }
    if (levels.empty()) return false;
    std::sort(levels.begin(), levels.end());
    levels.erase(levels.begin(), std::lower_bound(levels.begin(), levels.end(), levels.back() - kBreak));
    if (levels.size() < kLeastFrames) return false;
    return levels[levels.size() * 4 / 5] - levels[levels.size() / 5] < kGreatestSpread;
}

}  // namespace agora
