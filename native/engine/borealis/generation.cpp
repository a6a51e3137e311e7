#include "engine/borealis/generation.h"

#include "engine/text/compression_ratio.h"
#include "engine/text/words.h"

namespace agora {

std::string clean_text(const std::string& text) {
    static const std::string kOpen = "<think>";
    static const std::string kClose = "</think>";
    std::string result;
    size_t position = 0;
    while (position < text.size()) {
        const size_t open = text.find(kOpen, position);
        const size_t close = text.find(kClose, position);
        if (close < open) {
            // The opening mark may have been left out.
            result.clear();
            position = close + kClose.size();
        } else if (open == std::string::npos) {
            result += text.substr(position);
            break;
        } else {
            result += text.substr(position, open - position);
            // A thought that is not finished has nothing after it.
            position = close == std::string::npos ? text.size() : close + kClose.size();
        }
    }
    static const char* const kSpace = " \t\r\n";
    const size_t first = result.find_first_not_of(kSpace);
    if (first == std::string::npos) return "";
    return valid_utf8(result.substr(first, result.find_last_not_of(kSpace) - first + 1));
}

Generation::Generation(const LanguageModel& model, const GenerationOptions& options)
    : model_(model), options_(options) {
    start_attempt();
}

void Generation::start_attempt() {
    SamplingOptions sampling = options_.sampling;
    sampling.temperature = options_.temperatures[attempts_++];
    sampler_.emplace(sampling);
    guard_ = {};
    attempt_ = {};
    attempt_.temperature = sampling.temperature;
}

Generation::State Generation::advance(const float* logits) {
    const SampledToken next = sampler_->next(logits, model_.vocabulary(), attempt_.tokens);
    if (model_.is_end(next.token)) return finish(false);
    attempt_.tokens.push_back(next.token);
    attempt_.log_probs.push_back(next.log_prob);
    if (const size_t settled = guard_.add(attempt_.tokens); settled > 0) {
        attempt_.tokens.resize(settled);
        attempt_.log_probs.resize(settled);
        return finish(true);
    }
    return attempt_.tokens.size() < static_cast<size_t>(options_.max_tokens) ? State::Continue : finish(false);
}

// Ends an attempt. The first one that does not repeat itself is taken, else the one that repeats itself least.
Generation::State Generation::finish(bool looped) {
    std::string text;
    for (const int token : attempt_.tokens) text += model_.text_of(token);
    attempt_.text = clean_text(text);
    const double ratio = compression_ratio(attempt_.text);
    const bool good = !looped && ratio <= options_.compression_ratio_threshold;
    if (good || !best_ || ratio < best_ratio_) {
        best_ = std::move(attempt_);
        best_ratio_ = ratio;
    }
    if (good || attempts_ == options_.temperatures.size()) return State::Done;
    start_attempt();
    return State::Again;
}

}  // namespace agora
