#include "engine/decoder/live_text.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "engine/kernels/window_frames.h"
#include "engine/text/words.h"

namespace agora {
namespace {

// Of what does not stand: tokens, and more for each frame that is left; nobody speaks faster.
constexpr double kLeastTail = 8;
constexpr double kTailOfFrame = 15.0 / 50;

}  // namespace

LiveText::LiveText(const Vocabulary& vocabulary, std::vector<AttentionHead> heads, const std::vector<int>& forced,
                   const LiveTextOptions& options)
    : vocabulary_(vocabulary),
      capture_{std::move(heads), {}},
      frames_(capture_.heads.size(), options.frames),
      options_(options) {
    for (const int token : forced) before_ += vocabulary.texts[static_cast<size_t>(token)];
}

size_t LiveText::rows() const {
    return capture_.weights.size() / (capture_.heads.size() * WindowFrames::kAll);
}

void LiveText::read(size_t rows) {
    for (size_t row = 0; row < rows; ++row) {
        const int frame = add(row);
        // The last one has chosen the last token that was forced.
        if (!before_.empty()) last_ = frame;
    }
}

bool LiveText::choose(size_t row, int token, float log_prob) {
    const int frame = add(row);
    if (token == vocabulary_.end_of_text) return true;
    if (!reached_) {
        if (!options_.may_rewind && last_ && *last_ - frame > kRewind) {
            rewound_ = true;
            tokens_.clear();
            return false;
        }
        if (options_.frames - frame <= options_.frontier) {
            reached_ = tokens_.size();
            next_ = token;
            if (!options_.tail) return false;
        }
    }
    if (reached_ && tokens_.size() >= *reached_ + most_of_tail()) return false;
    last_ = frame;
    tokens_.push_back({token, frame, std::exp(log_prob)});
    return true;
}

// Speech that is not settled yet is short, and so is its text.
size_t LiveText::most_of_tail() const {
    const int settled = *reached_ == 0 ? 0 : tokens_[*reached_ - 1].frame;
    const int left = std::min(options_.frames - settled, options_.frontier);
    return static_cast<size_t>(kLeastTail + kTailOfFrame * left);
}

const std::string& LiveText::text_of(size_t token) const {
    return vocabulary_.texts[static_cast<size_t>(tokens_[token].id)];
}

std::string LiveText::begun_character() const {
    size_t begin = before_.size();
    while (begin > 0 && ends_within_character(std::string_view(before_).substr(0, begin))) --begin;
    return before_.substr(begin);
}

// Of the first `count` tokens, those without the beginning of a character that is not over.
size_t LiveText::whole_characters(size_t count) const {
    std::string text = before_;
    for (size_t i = 0; i < count; ++i) text += text_of(i);
    for (; count > 0 && ends_within_character(text); --count) text.resize(text.size() - text_of(count - 1).size());
    return count;
}

size_t LiveText::standing() const {
    if (!reached_ || rewound_) return whole();
    const size_t count = whole_characters(*reached_);
    std::string text = before_;
    std::vector<size_t> begins;  // of each token's text
    for (size_t i = 0; i < count; ++i) {
        begins.push_back(text.size());
        text += text_of(i);
    }
    const std::string& next = count < tokens_.size() ? text_of(count) : vocabulary_.texts[static_cast<size_t>(next_)];
    if (!continues_word(text, next)) return count;
    // The word that goes on does not stand, unless it began in what was forced.
    for (size_t i = count; i-- > 0;) {
        if (!continues_word(std::string_view(text).substr(0, begins[i]), text_of(i))) return i;
    }
    return count;
}

}  // namespace agora
