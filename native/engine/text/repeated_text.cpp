#include "engine/text/repeated_text.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/audio/pauses.h"
#include "engine/text/compression_ratio.h"

namespace agora {
namespace {

// Of a spectrogram's stretch for comparison.
constexpr int kColumns = 48;
constexpr int kBandGroups = 16;
constexpr int kMaxShift = kColumns / 8;

// Stretches of speech that say the same are as alike as this; of other speech, noise or music they are less.
constexpr double kAlike = 0.5;
// Seconds: nothing is said in less.
constexpr double kShortest = 0.3;
// How much longer one turn may be than another that says the same, and the share of turns of which that holds.
constexpr double kTurnRatio = 1.6;
constexpr double kTurnShare = 0.8;
// Less probable texts than this do not know what they repeat.
constexpr float kSure = -0.7f;
// So often in a row at least, and no more tokens than this, does a loop repeat.
constexpr size_t kLoopCount = 4;
constexpr size_t kLongestLoop = 64;
// What is left of a loop of few tokens, which may be what somebody says in a breath: "no, no, no, no".
constexpr size_t kFewTokens = 4;
constexpr size_t kKeptOfFew = 4;
constexpr size_t kSameSegments = 3;
// Above the threshold by this much, nothing else has to be wrong with a text.
constexpr double kFarAbove = 1.25;

struct Piece {
    size_t begin;  // tokens of text, without times
    size_t end;
    int start;  // steps of kTimestampSeconds; negative: none is given
    int stop;
};

std::vector<Piece> pieces_of(const std::vector<int>& tokens, const Vocabulary& v) {
    std::vector<Piece> pieces;
    int start = -1;
    for (size_t i = 0; i < tokens.size();) {
        if (v.is_timestamp(tokens[i])) {
            start = tokens[i++] - v.first_timestamp;
            continue;
        }
        size_t end = i;
        while (end < tokens.size() && !v.is_timestamp(tokens[end])) ++end;
        pieces.push_back({i, end, start, end < tokens.size() ? tokens[end] - v.first_timestamp : -1});
        i = end;
    }
    return pieces;
}

bool same_text(const std::vector<int>& tokens, const Piece& a, const Piece& b) {
    const auto at = [&](size_t i) { return tokens.begin() + static_cast<std::ptrdiff_t>(i); };
    return std::equal(at(a.begin), at(a.end), at(b.begin), at(b.end));
}

// [kBandGroups][kColumns], each band less its mean.
std::vector<double> shape_of(const std::vector<float>& mel, int bands, int begin, int end) {
    std::vector<double> shape(kBandGroups * kColumns, 0.0);
    const double step = static_cast<double>(end - begin) / kColumns;
    for (int group = 0; group < kBandGroups; ++group) {
        double* row = shape.data() + group * kColumns;
        for (int column = 0; column < kColumns; ++column) {
            const int first = begin + static_cast<int>(column * step);
            const int last = std::max(first + 1, begin + static_cast<int>((column + 1) * step));
            for (int band = bands * group / kBandGroups; band < bands * (group + 1) / kBandGroups; ++band) {
                for (int frame = first; frame < last; ++frame)
                    row[column] += mel[static_cast<size_t>(band * LogMel::kFrames + frame)] / (last - first);
            }
        }
        double mean = 0;
        for (int column = 0; column < kColumns; ++column) mean += row[column] / kColumns;
        for (int column = 0; column < kColumns; ++column) row[column] -= mean;
    }
    return shape;
}

// Whether somebody takes a turn for each of the pieces that repeat others: one stretch of sound that belongs to it
// alone, about as long as that of the piece before with the same text. Voices, pitch and tempo may differ. What a loop
// writes has times that do not keep to the sound.
bool has_turns(const std::vector<int>& tokens, const std::vector<Piece>& pieces, const std::vector<Turn>& turns) {
    std::vector<double> seconds;  // of the only turn of each piece; 0: there is none, or there are several
    for (const Piece& piece : pieces) {
        double own = 0;
        size_t count = 0;
        for (const Turn& turn : turns) {
            const double middle = (turn.start + turn.end) / 2;
            if (middle < piece.start * kTimestampSeconds) continue;
            if (piece.stop >= 0 && middle > piece.stop * kTimestampSeconds) continue;
            own = turn.end - turn.start;
            ++count;
        }
        seconds.push_back(count == 1 ? own : 0);
    }
    size_t repeated = 0;
    size_t good = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        size_t before = i;
        while (before > 0 && !same_text(tokens, pieces[before - 1], pieces[i])) --before;
        if (before == 0) continue;
        const double a = std::min(seconds[i], seconds[before - 1]);
        const double b = std::max(seconds[i], seconds[before - 1]);
        ++repeated;
        good += a > 0 && b <= kTurnRatio * a ? 1 : 0;
    }
    return repeated > 0 && static_cast<double>(good) >= kTurnShare * static_cast<double>(repeated);
}

struct Loop {
    size_t begin;  // tokens
    size_t period;
};

// The first tokens of a piece that are there kLoopCount times in a row.
std::optional<Loop> find_loop(const std::vector<int>& tokens, const Piece& piece) {
    for (size_t begin = piece.begin; begin < piece.end; ++begin) {
        for (size_t period = 1; period <= kLongestLoop && begin + kLoopCount * period <= piece.end; ++period) {
            size_t same = 0;
            while (begin + period + same < piece.end && tokens[begin + same] == tokens[begin + period + same]) ++same;
            if (same + period >= kLoopCount * period) return Loop{begin, period};
        }
    }
    return std::nullopt;
}

// Drops tokens from `size` on, and what they counted.
void truncate(DecodedText& text, size_t size) {
    text.tokens.resize(size);
    text.log_probs.resize(size);
}

}  // namespace

std::string plain_text(const std::vector<int>& tokens, const Vocabulary& vocabulary) {
    std::string text;
    for (const int token : tokens) {
        if (vocabulary.is_text(token)) text += vocabulary.texts[static_cast<size_t>(token)];
    }
    const size_t first = text.find_first_not_of(' ');
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool repeats_itself(const std::vector<int>& tokens, const Vocabulary& vocabulary, double threshold) {
    const double ratio = compression_ratio(plain_text(tokens, vocabulary));
    if (ratio <= threshold) return false;
    if (ratio > threshold * kFarAbove) return true;
    const std::vector<Piece> pieces = pieces_of(tokens, vocabulary);
    return std::any_of(pieces.begin(), pieces.end(), [&](const Piece& piece) {
        const auto same = std::count_if(pieces.begin(), pieces.end(),
                                        [&](const Piece& other) { return same_text(tokens, piece, other); });
        return static_cast<size_t>(same) >= kSameSegments || find_loop(tokens, piece);
    });
}

double likeness(const std::vector<float>& mel, int bands, int first_begin, int first_end, int second_begin,
                int second_end) {
    const std::vector<double> a = shape_of(mel, bands, first_begin, first_end);
    const std::vector<double> b = shape_of(mel, bands, second_begin, second_end);
    double best = -1;
    for (int shift = -kMaxShift; shift <= kMaxShift; ++shift) {
        double product = 0;
        double first = 1e-12;
        double second = 1e-12;
        for (int group = 0; group < kBandGroups; ++group) {
            for (int column = std::max(0, -shift); column < std::min(kColumns, kColumns - shift); ++column) {
                const double x = a[static_cast<size_t>(group * kColumns + column)];
                const double y = b[static_cast<size_t>(group * kColumns + column + shift)];
                product += x * y;
                first += x * x;
                second += y * y;
            }
        }
        best = std::max(best, product / std::sqrt(first * second));
    }
    return best;
}

bool is_spoken_repetition(const DecodedText& text, const Vocabulary& vocabulary, const LogMel& log_mel,
                          const float* samples, size_t count, double threshold) {
    if (text.avg_log_prob < kSure) return false;
    const std::vector<Piece> pieces = pieces_of(text.tokens, vocabulary);
    std::vector<float> mel(static_cast<size_t>(log_mel.bands()) * LogMel::kFrames);
    log_mel.compute(samples, count, mel.data());
    const int frames = std::min(LogMel::kFrames, static_cast<int>(count / 160));
    const auto frame = [&](int time) { return std::min(time * 2, frames); };

    std::vector<double> alike;
    std::vector<int> once;  // the text without what was there before
    for (size_t i = 0; i < pieces.size(); ++i) {
        const Piece& piece = pieces[i];
        const std::vector<int> own(text.tokens.begin() + static_cast<std::ptrdiff_t>(piece.begin),
                                   text.tokens.begin() + static_cast<std::ptrdiff_t>(piece.end));
        size_t before = i;
        while (before > 0 && !same_text(text.tokens, pieces[before - 1], piece)) --before;
        if (before == 0) {
            once.insert(once.end(), own.begin(), own.end());
            continue;
        }
        const Piece& other = pieces[before - 1];
        const auto too_short = [&](const Piece& each) {
            return each.start < 0 || frame(each.stop) - frame(each.start) < kShortest * 100;
        };
        // The end of a text that stopped at the window's end has no time.
        if (i + 1 == pieces.size() && piece.stop < 0) continue;
        if (too_short(piece) || too_short(other)) return false;
        alike.push_back(likeness(mel, log_mel.bands(), frame(other.start), frame(other.stop), frame(piece.start),
                                 frame(piece.stop)));
    }
    if (alike.empty() || compression_ratio(plain_text(once, vocabulary)) > threshold * kFarAbove) return false;
    const auto middle = alike.begin() + static_cast<std::ptrdiff_t>(alike.size() / 2);
    std::nth_element(alike.begin(), middle, alike.end());
    return *middle >= kAlike || has_turns(text.tokens, pieces, turns_of(samples, count));
}

void cut_loop(DecodedText& text, const Vocabulary& vocabulary) {
    const std::vector<Piece> pieces = pieces_of(text.tokens, vocabulary);
    for (size_t i = 0; i + 2 < pieces.size(); ++i) {
        if (!same_text(text.tokens, pieces[i], pieces[i + 1]) || !same_text(text.tokens, pieces[i], pieces[i + 2]))
            continue;
        // With the time that ends it.
        truncate(text, std::min(pieces[i].end + 1, text.tokens.size()));
        break;
    }
    for (const Piece& piece : pieces_of(text.tokens, vocabulary)) {
        const auto loop = find_loop(text.tokens, piece);
        if (!loop) continue;
        truncate(text, loop->begin + loop->period * (loop->period <= kFewTokens ? kKeptOfFew : 1));
        return;
    }
}

}  // namespace agora
