#include "engine/text/hallucination.h"

#include <algorithm>

namespace agora {
namespace {

// A word is odd when it is less probable, shorter or longer (in seconds) than these.
constexpr double kImprobable = 0.15;
constexpr double kShort = 0.133;
constexpr double kLong = 2;
constexpr size_t kWordsLookedAt = 8;
// A segment this close to an edge of the pass has silence on that side.
constexpr double kEdge = 2;
// Listening again starts this much later at least, so that it comes to an end.
constexpr double kMinGap = 0.1;
constexpr double kMinStep = 1;

double oddity(const Word& word) {
    const double duration = word.end - word.start;
    double score = word.confidence < kImprobable ? 1 : 0;
    if (duration < kShort) score += (kShort - duration) * 15;
    if (duration > kLong) score += duration - kLong;
    return score;
}

bool is_odd(const DecodedSegment* segment) {
    if (segment == nullptr || segment->words.empty()) return false;
    const size_t count = std::min(kWordsLookedAt, segment->words.size());
    double score = 0;
    for (size_t i = 0; i < count; ++i) score += oddity(segment->words[i]);
    return score >= 3 || score + 0.01 >= static_cast<double>(count);
}

double start_of(const DecodedSegment& segment) {
    return segment.words.front().start;
}

double end_of(const DecodedSegment& segment) {
    return segment.words.back().end;
}

const DecodedSegment* with_words(const std::vector<DecodedSegment>& segments, size_t from) {
    for (size_t i = from; i < segments.size(); ++i) {
        if (!segments[i].words.empty()) return &segments[i];
    }
    return nullptr;
}

}  // namespace

std::optional<double> skip_hallucinations(std::vector<DecodedSegment>& segments, bool ends_with_timestamp,
                                          const PassTimes& pass, double threshold) {
    const DecodedSegment* first = with_words(segments, 0);
    if (first == nullptr) return std::nullopt;

    // Silence before a text that is odd from the start: without it, the text may come out right.
    if (is_odd(first) && start_of(*first) - pass.begin > std::max(threshold, kMinGap)) {
        const double start = start_of(*first);
        segments.clear();
        return start;
    }

    std::optional<double> resume;
    const auto last = std::find_if(segments.rbegin(), segments.rend(), [](const auto& s) { return !s.words.empty(); });
    if (!ends_with_timestamp && end_of(*last) > pass.begin) {
        resume = pass.end - end_of(*last) > threshold ? end_of(*last) : pass.end;
    }

    double last_end = pass.last_speech;
    for (size_t i = 0; i < segments.size(); ++i) {
        const DecodedSegment& segment = segments[i];
        if (segment.words.empty()) continue;
        const double start = start_of(segment);
        const double end = end_of(segment);
        if (is_odd(&segment)) {
            const DecodedSegment* next = with_words(segments, i + 1);
            const double next_start = next != nullptr ? start_of(*next) : pass.end;
            const bool silence_before = start - last_end > threshold || start < threshold || start - pass.begin < kEdge;
            const bool silence_after = next_start - end > threshold || is_odd(next) || pass.end - end < kEdge;
            if (silence_before && silence_after) {
                resume = pass.end - end < threshold ? pass.end : std::max(pass.begin + kMinStep, start);
                segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(i), segments.end());
                return resume;
            }
        }
        last_end = end;
    }
    return resume;
}

}  // namespace agora
