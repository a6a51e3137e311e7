#include "engine/text/word_times.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

namespace agora {
namespace {

// How far an edge moves to a pause it does not lie in, in seconds: further for longer pauses, which words have no part
// in, than for those that a closed mouth makes inside of words.
constexpr double kReach = 0.3;
constexpr double kLongPause = 0.2;
constexpr double kShortReach = 0.08;
// A pause this long is not inside a word.
constexpr double kParting = 0.4;
// A word of which less than this is outside of a pause is in it.
constexpr double kLeftOver = 0.08;
// The median that openai-whisper allows at most.
constexpr double kGreatestMedian = 0.7;
// A segment's own time counts when the word's is this far outside.
constexpr double kAstray = 0.5;

struct Edges {
    Word* word;
    const DecodedSegment* segment;
    bool first;  // of its segment
    bool last;
    bool start_heard = false;  // the sound tells it
    bool end_heard = false;

    double duration() const { return word->end - word->start; }
};

double distance(const Pause& pause, double time) {
    return std::max({0.0, pause.start - time, time - pause.end});
}

double reach(const Pause& pause) {
    return pause.end - pause.start >= kLongPause ? kReach : kShortReach;
}

// The pause that an edge at `time` is at, of those that leave something between `low` and `high`.
const Pause* pause_at(const std::vector<Pause>& pauses, double time, double low, double high) {
    const Pause* best = nullptr;
    double best_score = 0;
    const auto first = std::lower_bound(pauses.begin(), pauses.end(), time - kReach,
                                        [](const Pause& pause, double t) { return pause.end < t; });
    for (auto pause = first; pause != pauses.end() && pause->start <= time + kReach; ++pause) {
        const double away = distance(*pause, time);
        if (away > reach(*pause) || pause->end <= low || pause->start >= high) continue;
        // A long pause further off, which parts words, before a short one, which may be inside of one.
        const double score = std::min(pause->end - pause->start, 2 * kReach) - away;
        if (best != nullptr && score <= best_score) continue;
        best = &*pause;
        best_score = score;
    }
    return best;
}

// A word that goes on behind a long pause, or began before it, keeps its longer part.
void part_from_pauses(Edges& edges, const std::vector<Pause>& pauses) {
    Word& word = *edges.word;
    for (const Pause& pause : pauses) {
        if (pause.end - pause.start < kParting || pause.start <= word.start || pause.end >= word.end) continue;
        if (pause.start - word.start < word.end - pause.end) {
            word.start = pause.end;
            edges.start_heard = true;
        } else {
            word.end = pause.start;
            edges.end_heard = true;
            return;
        }
    }
}

bool ends_sentence(const std::string& text) {
    for (const std::string_view mark : {".", "!", "?", "。", "！", "？"}) {
        if (text.size() >= mark.size() && text.compare(text.size() - mark.size(), mark.size(), mark) == 0) return true;
    }
    return false;
}

bool begins_sentence(const std::vector<Edges>& all, size_t i) {
    return all[i].first || ends_sentence(all[i - 1].word->text);
}

bool finishes_sentence(const Edges& edges) {
    return edges.last || ends_sentence(edges.word->text);
}

double median_duration(const std::vector<Edges>& all) {
    std::vector<double> durations;
    for (const Edges& edges : all) {
        if (edges.duration() > 0) durations.push_back(edges.duration());
    }
    if (durations.empty()) return 0;
    const auto middle = durations.begin() + static_cast<std::ptrdiff_t>(durations.size() / 2);
    std::nth_element(durations.begin(), middle, durations.end());
    return std::min(*middle, kGreatestMedian);
}

// A word whose time is a pause, which attention left to it, was spoken where its sentence goes on. It takes a word's
// time, and at most half of its neighbour's.
void leave_pauses(std::vector<Edges>& all, const std::vector<Pause>& pauses, double median) {
    for (size_t i = 0; i < all.size(); ++i) {
        Word& word = *all[i].word;
        const auto pause = std::find_if(pauses.begin(), pauses.end(), [&](const Pause& p) {
            const double inside = std::min(p.end, word.end) - std::max(p.start, word.start);
            return p.end - p.start >= kParting && inside > 0 && word.end - word.start - inside < kLeftOver;
        });
        if (pause == pauses.end()) continue;
        const bool nearer_end = pause->end - word.end < word.start - pause->start;
        const bool after = begins_sentence(all, i) || (!finishes_sentence(all[i]) && nearer_end);
        if (after) {
            word.start = std::max(word.start, pause->end);
            const double room = i + 1 < all.size() ? (all[i + 1].word->end - word.start) / 2 : median;
            word.end = word.start + std::clamp(room, kShortestSpan, std::max(kShortestSpan, median));
            if (i + 1 < all.size()) all[i + 1].word->start = std::max(all[i + 1].word->start, word.end);
            all[i].start_heard = true;
        } else {
            word.end = std::min(word.end, pause->start);
            const double room = i > 0 ? (word.end - all[i - 1].word->start) / 2 : median;
            word.start = word.end - std::clamp(room, kShortestSpan, std::max(kShortestSpan, median));
            if (i > 0) all[i - 1].word->end = std::min(all[i - 1].word->end, word.start);
            all[i].end_heard = true;
        }
    }
}

// Where the sound stops that goes on behind the attention to a segment's last word, if the model's own time for the end
// says so too: attention looks at the beginning of a word's last syllables.
std::optional<double> sound_end(const Edges& edges, const std::vector<Pause>& pauses, double high) {
    if (!edges.last) return std::nullopt;
    const auto pause =
        std::find_if(pauses.begin(), pauses.end(), [&](const Pause& p) { return p.start > edges.word->end; });
    if (pause == pauses.end() || pause->start > edges.segment->end + kReach || pause->start >= high)
        return std::nullopt;
    return pause->start;
}

double middle(const Word& word) {
    return (word.start + word.end) / 2;
}

void move_to_pauses(std::vector<Edges>& all, const std::vector<Pause>& pauses, double begin, double end) {
    for (size_t i = 0; i < all.size(); ++i) {
        Word& word = *all[i].word;
        // Of two neighbours both look for the pause between them.
        const double low = i > 0 ? middle(*all[i - 1].word) : begin;
        const double high = i + 1 < all.size() ? middle(*all[i + 1].word) : end;
        const double start = word.start;
        const Pause* before = all[i].start_heard ? nullptr : pause_at(pauses, start, low, word.end);
        if (before != nullptr && before->end < word.end) {
            word.start = before->end;
            all[i].start_heard = true;
        }
        const Pause* after = all[i].end_heard ? nullptr : pause_at(pauses, word.end, start, high);
        if (after != nullptr && after->start > word.start) {
            word.end = after->start;
            all[i].end_heard = true;
        }
        if (!all[i].end_heard) {
            if (const auto stop = sound_end(all[i], pauses, high)) {
                word.end = *stop;
                all[i].end_heard = true;
            }
        }
        part_from_pauses(all[i], pauses);
    }
}

// Where the sound does not tell how long a word beside a pause is.
void shorten_at_pauses(std::vector<Edges>& all, double median) {
    const double longest = 2 * median;
    for (size_t i = 0; i < all.size(); ++i) {
        Edges& edges = all[i];
        Word& word = *edges.word;
        if (begins_sentence(all, i) && !edges.start_heard) {
            const double told = edges.segment->start;
            if (edges.first && told < word.end && told - kAstray > word.start)
                word.start = std::max(word.start, std::min(word.end - median, told));
            if (edges.duration() > longest) word.start = word.end - longest;
        }
        if (finishes_sentence(edges) && !edges.end_heard) {
            const double told = edges.segment->end;
            if (edges.last && told > word.start && told + kAstray < word.end)
                word.end = std::min(word.end, std::max(word.start + median, told));
            if (edges.duration() > longest) word.end = word.start + longest;
        }
    }
}

struct Span {
    double* start;
    double* end;
};

// In order, none shorter than kShortestSpan, all from `begin` to `end`; equal shares of that when it has no room.
void put_in_order(const std::vector<Span>& spans, double begin, double end) {
    const auto count = static_cast<double>(spans.size());
    if (end - begin < count * kShortestSpan) {
        const double share = std::max(0.0, end - begin) / std::max(1.0, count);
        for (size_t i = 0; i < spans.size(); ++i) {
            *spans[i].start = begin + static_cast<double>(i) * share;
            *spans[i].end = begin + static_cast<double>(i + 1) * share;
        }
        return;
    }
    double low = begin;
    for (const Span& span : spans) {
        *span.start = std::max(*span.start, low);
        *span.end = std::max(*span.end, *span.start + kShortestSpan);
        low = *span.end;
    }
    double high = end;
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
        *span->end = std::min(*span->end, high);
        *span->start = std::min(*span->start, *span->end - kShortestSpan);
        high = *span->start;
    }
}

}  // namespace

void refine_word_times(std::vector<DecodedSegment>& segments, const std::vector<Pause>& pauses, double begin,
                       double end) {
    std::vector<Edges> all;
    for (DecodedSegment& segment : segments) {
        for (Word& word : segment.words)
            all.push_back({&word, &segment, &word == &segment.words.front(), &word == &segment.words.back()});
    }
    const double median = median_duration(all);
    leave_pauses(all, pauses, median);
    move_to_pauses(all, pauses, begin, end);
    shorten_at_pauses(all, median);
    std::vector<Span> spans;
    for (DecodedSegment& segment : segments) {
        if (segment.words.empty()) spans.push_back({&segment.start, &segment.end});
        for (Word& word : segment.words) spans.push_back({&word.start, &word.end});
    }
    put_in_order(spans, begin, end);
    for (DecodedSegment& segment : segments) {
        if (segment.words.empty()) continue;
        segment.start = segment.words.front().start;
        segment.end = segment.words.back().end;
    }
}

}  // namespace agora
