#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/speakers/voices.h"

namespace agora {
namespace {

using Shape = SegmentationShape;

constexpr double kRate = 16000;

// The speaker with most votes within half a second of frame `t`, or the only one there is; -1 for nobody.
int heard_around(const std::vector<uint16_t>& votes, size_t speakers, size_t t, size_t frames) {
    if (speakers == 1) return 0;
    constexpr size_t kAround = 30;
    const size_t first = t < kAround ? 0 : t - kAround;
    const size_t last = std::min(frames, t + kAround + 1);
    int best = -1;
    uint32_t most = 0;
    for (size_t s = 0; s < speakers; ++s) {
        uint32_t sum = 0;
        for (size_t i = first; i < last; ++i) sum += votes[i * speakers + s];
        if (sum <= most) continue;
        most = sum;
        best = static_cast<int>(s);
    }
    return best;
}

// Runs of frames in which `active` holds, from frame middle to frame middle.
template <typename Active, typename Share>
void append_turns(size_t frames, int speaker, double duration, Active active, Share share,
                  std::vector<SpeakerTurn>& turns) {
    for (size_t t = 0; t < frames;) {
        if (!active(t)) {
            ++t;
            continue;
        }
        const size_t start = t;
        double sum = 0;
        for (; t < frames && active(t); ++t) sum += share(t);
        const double begin = std::min(duration, FrameClock::middle(start));
        const double end = std::min(duration, FrameClock::middle(std::min(t, frames - 1)));
        if (end <= begin) continue;
        turns.push_back({begin, end, speaker, static_cast<float>(sum / static_cast<double>(t - start))});
    }
}

}  // namespace

size_t FrameClock::first(size_t window) const {
    return static_cast<size_t>(std::lrint(static_cast<double>(window) * step_ / Shape::kFrameStep));
}

size_t FrameClock::frames() const {
    if (windows_ == 0) return 0;
    const double end = static_cast<double>(windows_ - 1) * step_ + Shape::kSamples;
    const auto nearest = static_cast<size_t>(std::lrint(end / Shape::kFrameStep)) + 1;
    return std::max(nearest, first(windows_ - 1) + Shape::kFrames);
}

double FrameClock::middle(size_t frame) {
    return (static_cast<double>(frame) * Shape::kFrameStep + 0.5 * Shape::kReceptiveField) / kRate;
}

std::vector<uint8_t> count_speakers(const FrameClock& clock, size_t windows, const std::vector<float>& sums,
                                    double bias, int most) {
    std::vector<uint16_t> seen(clock.frames(), 0);
    for (size_t w = 0; w < windows; ++w) {
        for (size_t f = 0; f < Shape::kFrames; ++f) ++seen[clock.first(w) + f];
    }
    std::vector<uint8_t> counts(clock.frames());
    for (size_t t = 0; t < counts.size(); ++t) {
        const double mean = static_cast<double>(sums[t]) / std::max<double>(seen[t], 1);
        // Halves go to the even number, as numpy's rint() has it.
        const double count = bias == 0.5 ? std::nearbyint(mean) : std::floor(mean + bias);
        counts[t] = static_cast<uint8_t>(std::clamp<double>(count, 0, std::min(most, Shape::kSpeakers)));
    }
    return counts;
}

void mute_background(const std::vector<float>& levels, std::vector<uint8_t>& counts) {
    constexpr float kSteady = 3;  // dB between the quietest frames and the lower quarter
    constexpr float kAround = 4;  // dB above the quietest frames that still are background
    constexpr size_t kShort = 4;  // frames that tell nothing of a background
    constexpr size_t kPause = 6;  // frames: 0.1 s
    if (levels.size() < kShort) return;
    std::vector<float> smooth(levels.size());
    for (size_t t = 0; t < levels.size(); ++t) {
        double power = 0;
        const size_t last = std::min(t + 1, levels.size() - 1);
        const size_t first = t == 0 ? 0 : t - 1;
        for (size_t i = first; i <= last; ++i) power += std::pow(10.0, levels[i] / 10);
        smooth[t] = static_cast<float>(10 * std::log10(power / static_cast<double>(last - first + 1)));
    }
    std::vector<float> sorted = smooth;
    std::sort(sorted.begin(), sorted.end());
    const float floor = sorted[sorted.size() / 20];
    if (sorted[sorted.size() / 4] - floor > kSteady) return;
    const auto quiet = [&](size_t t) { return t < counts.size() && smooth[t] < floor + kAround; };
    for (size_t start = 0; start < counts.size();) {
        size_t end = start;
        while (quiet(end)) ++end;
        // Shorter ones lie within words.
        if (end - start >= kPause) std::fill(&counts[start], &counts[start] + (end - start), uint8_t{0});
        start = end + 1;
    }
}

Diarization reconstruct(const FrameClock& clock, const std::vector<WindowVoices>& windows,
                        const VoiceClusters& clusters, const std::vector<uint8_t>& counts, double duration) {
    const size_t speakers = clusters.centroids.size();
    const size_t frames = clock.frames();
    Diarization result;
    if (speakers == 0 || frames == 0) return result;
    // Of each frame and speaker, the windows that hear them.
    std::vector<uint16_t> votes(frames * speakers, 0);
    std::vector<uint16_t> seen(frames, 0);
    for (size_t w = 0; w < windows.size(); ++w) {
        const size_t first = clock.first(w);
        for (size_t f = 0; f < Shape::kFrames; ++f) {
            const uint8_t bits = windows[w].speakers[f];
            ++seen[first + f];
            if (bits == 0) continue;
            // A speaker that two local voices were given to is heard once.
            for (int k = 0; k < Shape::kSpeakers; ++k) {
                const int speaker = clusters.hard[w * Shape::kSpeakers + static_cast<size_t>(k)];
                if ((bits >> k & 1) == 0 || speaker < 0) continue;
                bool counted = false;
                for (int before = 0; before < k; ++before) {
                    counted = counted || ((bits >> before & 1) != 0 &&
                                          clusters.hard[w * Shape::kSpeakers + static_cast<size_t>(before)] == speaker);
                }
                if (!counted) ++votes[(first + f) * speakers + static_cast<size_t>(speaker)];
            }
        }
    }
    // Places of the speakers in each frame, most votes first, of equal ones the lower number.
    std::vector<int8_t> ranks(frames * speakers, -1);
    std::vector<size_t> order(speakers);
    for (size_t t = 0; t < frames; ++t) {
        const uint16_t* row = &votes[t * speakers];
        std::iota(order.begin(), order.end(), size_t{0});
        const size_t kept = std::min<size_t>(speakers, Shape::kSpeakers);
        std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                          [&](size_t a, size_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
        if (counts[t] > 0 && row[order[0]] == 0) {
            // More speech was expected here than any window is sure of: that of who is heard around it.
            const int speaker = heard_around(votes, speakers, t, frames);
            if (speaker >= 0) ranks[t * speakers + static_cast<size_t>(speaker)] = 0;
            continue;
        }
        for (size_t i = 0; i < kept && i < counts[t]; ++i) {
            if (row[order[i]] > 0) ranks[t * speakers + order[i]] = static_cast<int8_t>(i);
        }
    }
    for (size_t s = 0; s < speakers; ++s) {
        const auto share = [&](size_t t) { return static_cast<double>(votes[t * speakers + s]) / seen[t]; };
        const auto rank = [&](size_t t) { return ranks[t * speakers + s]; };
        const int speaker = static_cast<int>(s);
        append_turns(
            frames, speaker, duration, [&](size_t t) { return rank(t) >= 0; }, share, result.turns);
        append_turns(
            frames, speaker, duration, [&](size_t t) { return rank(t) == 0; }, share, result.exclusive);
    }
    const auto earlier = [](const SpeakerTurn& a, const SpeakerTurn& b) {
        return a.start != b.start ? a.start < b.start : a.speaker < b.speaker;
    };
    std::sort(result.turns.begin(), result.turns.end(), earlier);
    std::sort(result.exclusive.begin(), result.exclusive.end(), earlier);
    // Numbered by first speech; who never wins a frame is nobody.
    std::vector<int> names(speakers, -1);
    for (const SpeakerTurn& turn : result.turns) {
        int& name = names[static_cast<size_t>(turn.speaker)];
        if (name >= 0) continue;
        name = static_cast<int>(result.embeddings.size());
        const std::vector<double>& centroid = clusters.centroids[static_cast<size_t>(turn.speaker)];
        const double length = std::sqrt(std::inner_product(centroid.begin(), centroid.end(), centroid.begin(), 0.0));
        std::vector<float> unit;
        for (const double value : centroid) unit.push_back(static_cast<float>(length > 0 ? value / length : 0));
        result.embeddings.push_back(std::move(unit));
    }
    for (auto* turns : {&result.turns, &result.exclusive}) {
        for (SpeakerTurn& turn : *turns) turn.speaker = names[static_cast<size_t>(turn.speaker)];
    }
    return result;
}

}  // namespace agora
