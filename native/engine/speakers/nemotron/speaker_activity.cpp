#include "engine/speakers/nemotron/speaker_activity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace agora {
namespace {

constexpr double kFrameSeconds = 0.01;
constexpr uint8_t kSpeaks = 128;
// A pause within a turn, and a turn, is at least one of the encoder's frames: what is shorter is the edge of a sound.
constexpr size_t kShortest = 8;

// Makes runs of `value` that are shorter than `least` the other; those at the ends too where `ends`.
void without_short_runs(std::vector<bool>& frames, bool value, size_t least, bool ends) {
    for (size_t start = 0; start < frames.size();) {
        size_t end = start;
        while (end < frames.size() && frames[end] == frames[start]) ++end;
        const bool at_end = start == 0 || end == frames.size();
        if (frames[start] == value && end - start < least && (ends || !at_end))
            std::fill(frames.begin() + static_cast<std::ptrdiff_t>(start),
                      frames.begin() + static_cast<std::ptrdiff_t>(end), !value);
        start = end;
    }
}

}  // namespace

void SpeakerActivity::add(const float* logits, bool silent) {
    for (size_t s = 0; s < speakers_; ++s) {
        const float probability = 1 / (1 + std::exp(-logits[s]));
        // What is no number is nobody.
        const bool none = silent || !(probability >= 0);
        likely_.push_back(none ? 0 : static_cast<uint8_t>(std::min(255.0f, probability * 256)));
    }
}

// Those who speak, most first, as many as are wanted.
std::vector<size_t> SpeakerActivity::kept(const SpeakerCount& count) const {
    std::vector<size_t> talk(speakers_, 0);
    for (size_t i = 0; i < likely_.size(); ++i) talk[i % speakers_] += likely_[i] >= kSpeaks ? 1 : 0;
    std::vector<size_t> order(speakers_);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return talk[a] > talk[b]; });
    const auto wanted = static_cast<size_t>(std::max(1, count.exactly.value_or(count.most)));
    while (!order.empty() && (order.size() > wanted || talk[order.back()] == 0)) order.pop_back();
    return order;
}

std::vector<SpeakerActivity::Frames> SpeakerActivity::active(const std::vector<size_t>& kept) const {
    std::vector<Frames> result(kept.size(), Frames(frames(), false));
    for (size_t t = 0; t < frames(); ++t) {
        bool anybody = false;
        bool others = false;
        for (size_t s = 0; s < speakers_; ++s) others = others || likely(t, s) >= kSpeaks;
        size_t likeliest = 0;
        for (size_t k = 0; k < kept.size(); ++k) {
            result[k][t] = likely(t, kept[k]) >= kSpeaks;
            anybody = anybody || result[k][t];
            if (likely(t, kept[k]) > likely(t, kept[likeliest])) likeliest = k;
        }
        if (others && !anybody && !kept.empty()) result[likeliest][t] = true;
    }
    for (Frames& frames : result) {
        without_short_runs(frames, false, kShortest, false);
        without_short_runs(frames, true, kShortest, true);
    }
    return result;
}

// Of several who speak at once, words are the likeliest's; who is so for less than one of the encoder's frames does not
// take them from who had them before and still speaks. -1: nobody's.
std::vector<int8_t> SpeakerActivity::likeliest(const std::vector<size_t>& kept,
                                               const std::vector<Frames>& active) const {
    std::vector<int8_t> result(frames(), -1);
    for (size_t t = 0; t < frames(); ++t) {
        for (size_t k = 0; k < kept.size(); ++k) {
            if (!active[k][t]) continue;
            const bool is_first = result[t] < 0;
            if (is_first || likely(t, kept[k]) > likely(t, kept[static_cast<size_t>(result[t])]))
                result[t] = static_cast<int8_t>(k);
        }
    }
    int8_t holder = -1;
    for (size_t start = 0; start < frames();) {
        size_t end = start;
        bool speaks = holder >= 0;
        while (end < frames() && result[end] == result[start]) {
            speaks = speaks && active[static_cast<size_t>(holder)][end];
            ++end;
        }
        if (speaks && end - start < kShortest) {
            std::fill(result.begin() + static_cast<std::ptrdiff_t>(start),
                      result.begin() + static_cast<std::ptrdiff_t>(end), holder);
        } else {
            holder = result[start];
        }
        start = end;
    }
    return result;
}

// Where `speaks` says so.
template <typename Speaks>
std::vector<SpeakerActivity::Run> SpeakerActivity::runs(const Speaks& speaks) const {
    std::vector<Run> result;
    for (size_t start = 0; start < frames();) {
        size_t end = start;
        while (end < frames() && speaks(end)) ++end;
        if (end > start) result.push_back({start, end});
        start = end + 1;
    }
    return result;
}

SpeakerTurn SpeakerActivity::turn_of(const Run& run, size_t speaker, int number, double duration) const {
    double sum = 0;
    for (size_t t = run.start; t < run.end; ++t) sum += likely(t, speaker);
    const double confidence = sum / static_cast<double>(run.end - run.start) / 255;
    const auto seconds = [&](size_t frame) {
        return std::min(duration, static_cast<double>(first_ + frame) * kFrameSeconds);
    };
    return {seconds(run.start), seconds(run.end), number, static_cast<float>(confidence)};
}

Diarization SpeakerActivity::turns(const SpeakerCount& count, double duration, Stop stop) const {
    check_stop(stop);
    const std::vector<size_t> speakers = kept(count);
    const std::vector<Frames> active = this->active(speakers);
    check_stop(stop);
    const std::vector<int8_t> alone = likeliest(speakers, active);
    const auto add = [&](std::vector<SpeakerTurn>& turns, size_t k, const std::vector<Run>& runs) {
        for (const Run& run : runs) {
            const SpeakerTurn turn = turn_of(run, speakers[k], static_cast<int>(k), duration);
            if (turn.end > turn.start) turns.push_back(turn);
        }
    };
    Diarization result;
    for (size_t k = 0; k < speakers.size(); ++k) {
        check_stop(stop);
        add(result.turns, k, runs([&](size_t t) { return bool{active[k][t]}; }));
        add(result.exclusive, k, runs([&](size_t t) { return alone[t] == static_cast<int>(k); }));
    }
    // Numbered by first speech; of several who begin at once, as the model has them.
    const auto sort = [](std::vector<SpeakerTurn>& turns, const auto& number) {
        std::stable_sort(turns.begin(), turns.end(), [&](const SpeakerTurn& a, const SpeakerTurn& b) {
            return a.start != b.start ? a.start < b.start : number(a.speaker) < number(b.speaker);
        });
    };
    sort(result.turns, [&](int speaker) { return speakers[static_cast<size_t>(speaker)]; });
    std::vector<int> names(speakers.size(), -1);
    int named = 0;
    for (const SpeakerTurn& turn : result.turns) {
        int& name = names[static_cast<size_t>(turn.speaker)];
        if (name < 0) name = named++;
    }
    for (auto* turns : {&result.turns, &result.exclusive}) {
        for (SpeakerTurn& turn : *turns) turn.speaker = names[static_cast<size_t>(turn.speaker)];
        sort(*turns, [](int speaker) { return speaker; });
    }
    return result;
}

void SpeakerActivity::forget_before(double seconds) {
    const auto frame = static_cast<size_t>(std::max(0.0, std::floor(seconds / kFrameSeconds)));
    if (frame <= first_) return;
    const size_t gone = std::min(frames(), frame - first_);
    likely_.erase(likely_.begin(), likely_.begin() + static_cast<std::ptrdiff_t>(gone * speakers_));
    first_ += gone;
}

std::vector<SpeakerTurn> SpeakerActivity::turns_of_one(const SpeakerActivity& after, double start, double duration,
                                                       int most, std::vector<size_t>& told, Stop stop) const {
    check_stop(stop);
    SpeakerActivity all = *this;
    all.likely_.insert(all.likely_.end(), after.likely_.begin(), after.likely_.end());
    all.forget_before(start);
    const std::vector<size_t> heard = all.kept({});
    const std::vector<Frames> speaks = all.active(heard);
    for (size_t k = 0; k < heard.size() && told.size() < static_cast<size_t>(std::max(1, most)); ++k) {
        const bool is_heard = std::find(speaks[k].begin(), speaks[k].end(), true) != speaks[k].end();
        if (is_heard && std::find(told.begin(), told.end(), heard[k]) == told.end()) told.push_back(heard[k]);
    }
    const std::vector<int8_t> alone = all.likeliest(told, all.active(told));
    std::vector<SpeakerTurn> turns;
    for (size_t k = 0; k < told.size(); ++k) {
        for (const Run& run : all.runs([&](size_t t) { return alone[t] == static_cast<int>(k); }))
            turns.push_back(all.turn_of(run, told[k], static_cast<int>(told[k]), duration));
    }
    std::sort(turns.begin(), turns.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
    return turns;
}

}  // namespace agora
