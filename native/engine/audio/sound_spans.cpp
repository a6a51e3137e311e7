#include "engine/audio/sound_spans.h"

#include <algorithm>
#include <cmath>

namespace agora {
namespace {

constexpr size_t kFrame = 320;
constexpr double kFrameSeconds = 0.02;
constexpr float kBelowHeard = 12;
constexpr float kAboveFloor = 9;
constexpr double kBridged = 0.3;
constexpr double kShortest = 0.2;

// Decibels of each frame.
std::vector<float> levels_of(const float* samples, size_t count) {
    std::vector<float> levels;
    for (size_t begin = 0; begin + kFrame <= count; begin += kFrame) {
        double mean = 0;
        double power = 1e-10;
        for (size_t i = begin; i < begin + kFrame; ++i) mean += samples[i] / kFrame;
        for (size_t i = begin; i < begin + kFrame; ++i) power += (samples[i] - mean) * (samples[i] - mean) / kFrame;
        levels.push_back(static_cast<float>(10 * std::log10(power)));
    }
    return levels;
}

float quantile(std::vector<float> values, double part) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

}  // namespace

std::vector<SoundSpan> sound_spans(const float* samples, size_t count, const std::vector<SoundSpan>& heard) {
    const std::vector<float> levels = levels_of(samples, count);
    std::vector<float> spoken;
    for (const SoundSpan& span : heard) {
        const auto first = static_cast<size_t>(std::max(0.0, span.start) / kFrameSeconds);
        const auto last = std::min(levels.size(), static_cast<size_t>(std::max(0.0, span.end) / kFrameSeconds));
        for (size_t i = first; i < last; ++i) spoken.push_back(levels[i]);
    }
    if (spoken.empty()) return {};
    const float threshold = std::max(quantile(spoken, 0.7) - kBelowHeard, quantile(levels, 0.1) + kAboveFloor);

    std::vector<SoundSpan> spans;
    for (size_t i = 0; i < levels.size(); ++i) {
        if (levels[i] < threshold) continue;
        const double start = static_cast<double>(i) * kFrameSeconds;
        if (!spans.empty() && start - spans.back().end <= kBridged) {
            spans.back().end = start + kFrameSeconds;
        } else {
            spans.push_back({start, start + kFrameSeconds});
        }
    }
    const auto is_click = [](const SoundSpan& span) { return span.end - span.start < kShortest; };
    spans.erase(std::remove_if(spans.begin(), spans.end(), is_click), spans.end());
    return spans;
}

std::vector<SoundSpan> spans_after(const std::vector<SoundSpan>& spans, double from) {
    std::vector<SoundSpan> rest;
    for (const SoundSpan& span : spans) {
        if (span.end > from) rest.push_back({std::max(span.start, from), span.end});
    }
    return rest;
}

double total_of(const std::vector<SoundSpan>& spans) {
    double total = 0;
    for (const SoundSpan& span : spans) total += span.end - span.start;
    return total;
}

}  // namespace agora
