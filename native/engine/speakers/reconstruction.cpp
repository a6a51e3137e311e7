#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "engine/speakers/voices.h"

namespace agora {
namespace {

using Shape = SegmentationShape;

constexpr double kRate = 16000;

// How many windows hear a speaker in a frame.
struct Votes {
    int speaker;
    int count;
};

// The votes of one frame after another. No frame has more windows than fit side by side, and those no more voices, so
// that a recording of a day with a thousand speakers takes no more memory than a short one.
class FrameVotes {
  public:
    FrameVotes(const FrameClock& clock, const std::vector<WindowVoices>& windows, const std::vector<int>& hard)
        : clock_(clock), windows_(windows), hard_(hard) {}

    // Windows with frame `t` in them. To be asked for in rising order, or a second back.
    size_t seen(size_t t) {
        move_to(t);
        return end_ - begin_;
    }

    // Speakers with votes in frame `t`, most votes first, of equal ones the lower number.
    const std::vector<Votes>& at(size_t t) {
        move_to(t);
        votes_.clear();
        for (size_t w = begin_; w < end_; ++w) add(w, windows_[w].speakers[t - clock_.first(w)]);
        std::sort(votes_.begin(), votes_.end(), [](const Votes& a, const Votes& b) {
            return a.count != b.count ? a.count > b.count : a.speaker < b.speaker;
        });
        return votes_;
    }

  private:
    void move_to(size_t t) {
        while (begin_ > 0 && clock_.first(begin_ - 1) + Shape::kFrames > t) --begin_;
        while (begin_ < windows_.size() && clock_.first(begin_) + Shape::kFrames <= t) ++begin_;
        end_ = std::max(end_, begin_);
        while (end_ < windows_.size() && clock_.first(end_) <= t) ++end_;
        while (end_ > begin_ && clock_.first(end_ - 1) > t) --end_;
    }

    // A speaker that two local voices of a window were given to is heard once.
    void add(size_t window, uint8_t bits) {
        std::array<int, Shape::kSpeakers> heard{};
        size_t count = 0;
        for (size_t k = 0; k < heard.size(); ++k) {
            const int speaker = hard_[window * heard.size() + k];
            if ((bits >> k & 1) == 0 || speaker < 0) continue;
            const auto end = heard.begin() + static_cast<std::ptrdiff_t>(count);
            if (std::find(heard.begin(), end, speaker) != end) continue;
            heard[count++] = speaker;
            const auto known = std::find_if(votes_.begin(), votes_.end(),
                                            [speaker](const Votes& votes) { return votes.speaker == speaker; });
            if (known == votes_.end()) {
                votes_.push_back({speaker, 1});
            } else {
                ++known->count;
            }
        }
    }

    const FrameClock& clock_;
    const std::vector<WindowVoices>& windows_;
    const std::vector<int>& hard_;
    // Windows of the frame that was asked for last.
    size_t begin_ = 0, end_ = 0;
    std::vector<Votes> votes_;
};

// The speaker with most votes within half a second of frame `t`, or the only one there is; -1 for nobody.
int heard_around(FrameVotes& votes, size_t speakers, size_t t, size_t frames) {
    if (speakers == 1) return 0;
    constexpr size_t kAround = 30;
    const size_t first = t < kAround ? 0 : t - kAround;
    const size_t last = std::min(frames, t + kAround + 1);
    std::map<int, int> sums;
    for (size_t i = first; i < last; ++i) {
        for (const Votes& each : votes.at(i)) sums[each.speaker] += each.count;
    }
    const auto most =
        std::max_element(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == sums.end() ? -1 : most->first;
}

// Runs of frames in which a speaker is active, as turns from frame middle to frame middle. Frames come in order.
class Runs {
  public:
    Runs(size_t speakers, size_t frames, double duration) : open_(speakers), frames_(frames), duration_(duration) {}

    void add(int speaker, size_t t, double share) {
        Run& run = open_[static_cast<size_t>(speaker)];
        if (run.end != t) {
            close(speaker);
            run = {t, t, 0};
        }
        run.end = t + 1;
        run.shares += share;
    }

    // By start.
    std::vector<SpeakerTurn> finish() {
        for (size_t s = 0; s < open_.size(); ++s) close(static_cast<int>(s));
        std::sort(turns_.begin(), turns_.end(), [](const SpeakerTurn& a, const SpeakerTurn& b) {
            return a.start != b.start ? a.start < b.start : a.speaker < b.speaker;
        });
        return std::move(turns_);
    }

  private:
    struct Run {
        size_t start = 0, end = 0;
        double shares = 0;
    };

    void close(int speaker) {
        const Run& run = open_[static_cast<size_t>(speaker)];
        if (run.end == run.start) return;
        const double begin = std::min(duration_, FrameClock::middle(run.start));
        const double end = std::min(duration_, FrameClock::middle(std::min(run.end, frames_ - 1)));
        if (end <= begin) return;
        const double share = run.shares / static_cast<double>(run.end - run.start);
        turns_.push_back({begin, end, speaker, static_cast<float>(share)});
    }

    std::vector<Run> open_;
    size_t frames_;
    double duration_;
    std::vector<SpeakerTurn> turns_;
};

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
                        const VoiceClusters& clusters, const std::vector<uint8_t>& counts, double duration, Stop stop) {
    const size_t speakers = clusters.centroids.size();
    const size_t frames = clock.frames();
    Diarization result;
    if (speakers == 0 || frames == 0) return result;
    FrameVotes votes(clock, windows, clusters.hard);
    Runs all(speakers, frames, duration);
    Runs alone(speakers, frames, duration);
    for (size_t t = 0; t < frames; ++t) {
        if (t % 4096 == 0) check_stop(stop);
        if (counts[t] == 0) continue;
        const std::vector<Votes>& heard = votes.at(t);
        if (heard.empty()) {
            // More speech was expected here than any window is sure of: that of who is heard around it.
            const int speaker = heard_around(votes, speakers, t, frames);
            if (speaker < 0) continue;
            all.add(speaker, t, 0);
            alone.add(speaker, t, 0);
            continue;
        }
        const auto seen = static_cast<double>(votes.seen(t));
        for (size_t rank = 0; rank < std::min<size_t>(heard.size(), counts[t]); ++rank) {
            const double share = heard[rank].count / seen;
            all.add(heard[rank].speaker, t, share);
            if (rank == 0) alone.add(heard[rank].speaker, t, share);
        }
    }
    result.turns = all.finish();
    result.exclusive = alone.finish();
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
