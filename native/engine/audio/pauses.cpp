#include "engine/audio/pauses.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace agora {
namespace {

constexpr size_t kBlock = 160;  // 10 ms
constexpr double kBlockSeconds = 0.01;
// All lengths below are in blocks, all levels in dB.
constexpr size_t kAround = 500;
constexpr size_t kFloorWidth = 20;
constexpr size_t kPeakWidth = 5;
constexpr size_t kSmoothing = 3;
constexpr size_t kShortestPause = 8;
// In seconds: of silence that parts turns, and of the shortest of them.
constexpr double kTurnPause = 0.25;
constexpr double kShortestTurn = 0.15;
// Sound this short with silence this long on both sides is a click.
constexpr size_t kClick = 4;
constexpr size_t kClickDistance = 15;
// Speech may be this much quieter than the loudest of the window, and stand this far out of silence.
constexpr float kQuieter = 25;
constexpr float kGreatestRange = 45;
constexpr float kLeastRange = 10;
// What stands out of the floor by this share of the range is sound.
constexpr float kShare = 0.35f;
constexpr float kLeastRise = 5;
constexpr float kGreatestRise = 15;

// Power of each block. Rumble and mains hum below 200 Hz say nothing of speech.
std::vector<float> block_powers(const float* samples, size_t count) {
    constexpr float kPole = 0.927f;  // of a high-pass filter of first order at 200 Hz
    std::vector<float> powers(count / kBlock);
    float in = count > 0 ? samples[0] : 0;
    float out = 0;
    for (size_t block = 0; block < powers.size(); ++block) {
        float sum = 0;
        for (size_t i = 0; i < kBlock; ++i) {
            const float sample = samples[block * kBlock + i];
            out = kPole * (out + sample - in);
            in = sample;
            sum += out * out;
        }
        powers[block] = sum / kBlock;
    }
    return powers;
}

// Level of the mean power of `width` blocks around each.
std::vector<float> levels(const std::vector<float>& powers, size_t width) {
    const size_t n = powers.size();
    std::vector<double> sums(n + 1, 0);
    for (size_t i = 0; i < n; ++i) sums[i + 1] = sums[i] + static_cast<double>(powers[i]);
    std::vector<float> result(n);
    for (size_t i = 0; i < n; ++i) {
        const size_t begin = i > width / 2 ? i - width / 2 : 0;
        const size_t end = std::min(n, i + (width + 1) / 2);
        const double mean = std::max(0.0, sums[end] - sums[begin]) / static_cast<double>(end - begin);
        result[i] = static_cast<float>(10 * std::log10(mean + 1e-12));
    }
    return result;
}

// Extreme of `values` within kAround of each, by `before(a, b)`: a is more extreme than b.
template <typename Before>
std::vector<float> extremes_around(const std::vector<float>& values, Before before) {
    std::vector<float> result(values.size());
    std::deque<size_t> best;
    size_t next = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        for (; next < std::min(values.size(), i + kAround + 1); ++next) {
            while (!best.empty() && !before(values[best.back()], values[next])) best.pop_back();
            best.push_back(next);
        }
        while (best.front() + kAround < i) best.pop_front();
        result[i] = values[best.front()];
    }
    return result;
}

std::vector<bool> find_sound(const std::vector<float>& powers) {
    const std::vector<float> fine = levels(powers, kSmoothing);
    const std::vector<float> peak_levels = levels(powers, kPeakWidth);
    const std::vector<float> peaks = extremes_around(peak_levels, [](float a, float b) { return a > b; });
    const std::vector<float> floors =
        extremes_around(levels(powers, kFloorWidth), [](float a, float b) { return a < b; });
    const float loudest = *std::max_element(peak_levels.begin(), peak_levels.end());
    std::vector<bool> sound(powers.size());
    for (size_t i = 0; i < sound.size(); ++i) {
        // Where all is about as loud, the window tells whether that is speech.
        const float peak = peaks[i] - floors[i] < kLeastRange ? loudest : std::max(peaks[i], loudest - kQuieter);
        const float floor = std::max(floors[i], peak - kGreatestRange);
        const float range = peak - floor;
        sound[i] = range < kLeastRange || fine[i] > floor + std::clamp(kShare * range, kLeastRise, kGreatestRise);
    }
    return sound;
}

struct Run {
    size_t begin;
    size_t end;
    bool sound;
    size_t length() const { return end - begin; }
};

std::vector<Run> runs_of(const std::vector<bool>& sound) {
    std::vector<Run> runs;
    for (size_t i = 0; i < sound.size(); ++i) {
        if (runs.empty() || runs.back().sound != sound[i]) runs.push_back({i, i, sound[i]});
        runs.back().end = i + 1;
    }
    return runs;
}

void drop_clicks(std::vector<bool>& sound) {
    const std::vector<Run> runs = runs_of(sound);
    for (size_t i = 0; i < runs.size(); ++i) {
        const auto is_far = [&](size_t other) { return runs[other].length() >= kClickDistance; };
        if (!runs[i].sound || runs[i].length() > kClick) continue;
        if ((i > 0 && !is_far(i - 1)) || (i + 1 < runs.size() && !is_far(i + 1))) continue;
        std::fill(sound.begin() + static_cast<std::ptrdiff_t>(runs[i].begin),
                  sound.begin() + static_cast<std::ptrdiff_t>(runs[i].end), false);
    }
}

}  // namespace

std::vector<Pause> find_pauses(const float* samples, size_t count) {
    const std::vector<float> powers = block_powers(samples, count);
    if (powers.empty()) return {};
    std::vector<bool> sound = find_sound(powers);
    drop_clicks(sound);
    std::vector<Pause> pauses;
    for (const Run& run : runs_of(sound)) {
        if (run.sound || run.length() < kShortestPause) continue;
        pauses.push_back(
            {static_cast<double>(run.begin) * kBlockSeconds, static_cast<double>(run.end) * kBlockSeconds});
    }
    return pauses;
}

std::vector<Turn> turns_of(const float* samples, size_t count) {
    std::vector<Turn> turns;
    double start = 0;
    const auto add = [&](double end) {
        if (end - start >= kShortestTurn) turns.push_back({start, end});
    };
    for (const Pause& pause : find_pauses(samples, count)) {
        if (pause.end - pause.start < kTurnPause) continue;
        add(pause.start);
        start = pause.end;
    }
    add(static_cast<double>(count) / 16000);
    return turns;
}

std::optional<Pause> pause_before(const std::vector<Pause>& pauses, double time, double shortest, double within) {
    std::optional<Pause> last;
    for (const Pause& pause : pauses) {
        if (pause.start <= time && pause.end - pause.start >= shortest) last = pause;
    }
    if (!last || last->end > time || last->end < time - within) return std::nullopt;
    return last;
}

}  // namespace agora
