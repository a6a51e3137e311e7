// The median of attention over time, which steadies it.
#pragma once

#include <vector>

namespace agora {

// Frames that each median is of.
inline constexpr int kMedianWidth = 7;

// Each value of a row becomes the median of those around it, reflected at the ends. `copy` is memory that is used again
// and again. Source: openai-whisper, timing.py median_filter().
void median_filter(std::vector<float>& row, std::vector<float>& copy);

}  // namespace agora
