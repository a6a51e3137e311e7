#include "engine/audio/silence.h"

#include <algorithm>

namespace agora {
namespace {

constexpr float kStep = 1.0f / 32768;
// From -2 to 2, and room for what resampling makes of it.
constexpr float kMaxRange = 4.1f * kStep;

}  // namespace

size_t leading_silence(const float* samples, size_t count) {
    if (count == 0) return 0;
    float low = samples[0];
    float high = samples[0];
    for (size_t i = 0; i < count; ++i) {
        low = std::min(low, samples[i]);
        high = std::max(high, samples[i]);
        if (high - low > kMaxRange) return i;
    }
    return count;
}

}  // namespace agora
