#include "engine/decoder/window_decoding.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/text/repeated_text.h"
#include "engine/text/softmax.h"

namespace agora {
namespace {

// whisper.cpp: text before the window is left out from this temperature on.
constexpr float kPromptTemperature = 0.5f;

// How far below the threshold the best of all attempts may lie. Tones, music and hum come out at half of it more and
// beyond; speech that is hard to hear, above.
constexpr float kHopeless = 0.5f;

// Tokens that are spoken in a second, at most: a text that has no end and more than these has run away.
constexpr double kSpokenTokens = 15;
// … and so has one of more than these, in any window that is not full.
constexpr double kMostTokens = 200;

}  // namespace

WindowDecoding::WindowDecoding(const Vocabulary& vocabulary, const LogitRules& rules, Decoder& decoder,
                               WindowMemory& cross, std::vector<int> prompt, size_t start_tokens,
                               const SearchOptions& options)
    : vocabulary_(vocabulary),
      rules_(rules),
      decoder_(decoder),
      cross_(cross),
      prompt_(std::move(prompt)),
      start_tokens_(start_tokens),
      options_(options) {
    // The prompt goes on with what the text begins with.
    prompt_.insert(prompt_.end(), options_.prefix.begin(), options_.prefix.end());
    start_tokens_ += options_.prefix.size();
    begin_attempt();
}

void WindowDecoding::begin_attempt() {
    const bool with_previous = options_.temperatures[attempt_] < kPromptTemperature;
    prompt_begin_ = with_previous ? 0 : prompt_.size() - start_tokens_;
    const auto first = prompt_.begin() + static_cast<std::ptrdiff_t>(prompt_begin_);
    const auto after_start = prompt_.end() - static_cast<std::ptrdiff_t>(start_tokens_) + 1;
    prompt_stage_ = 0;
    // What the prompt leaves of the decoder's context.
    max_tokens_ = std::min(options_.max_tokens, decoder_.context() - static_cast<int>(prompt_.end() - first)) +
                  static_cast<int>(options_.prefix.size());
    finished_.clear();
    // The memory of an attempt before this one serves again.
    std::shared_ptr<SequenceMemory> memory = hypotheses_.empty() ? nullptr : hypotheses_.front().memory;
    hypotheses_.clear();
    Hypothesis root;
    root.memory = memory != nullptr ? memory : std::shared_ptr<SequenceMemory>(decoder_.new_sequence());
    // The probability of silence is read where the transcript starts.
    root.pending.assign(first, after_start);
    hypotheses_.push_back(std::move(root));
}

void WindowDecoding::add_inputs(std::vector<DecoderInput>& inputs) const {
    AttentionCapture* capture = options_.follower == nullptr ? nullptr : &options_.follower->capture();
    for (const Hypothesis& hypothesis : hypotheses_) {
        if (!hypothesis.finished)
            inputs.push_back({hypothesis.memory.get(), &cross_, hypothesis.past, hypothesis.pending, capture,
                              hypothesis.drafted + 1});
    }
}

size_t WindowDecoding::rows() const {
    size_t rows = 0;
    for (const Hypothesis& hypothesis : hypotheses_) rows += hypothesis.finished ? 0 : hypothesis.pending.size();
    return rows;
}

int WindowDecoding::draft_room() const {
    const bool greedy = options_.temperatures[attempt_] == 0 && options_.beam_size == 1;
    if (!greedy || prompt_stage_ != 2 || done_) return 0;
    // One more is chosen after the draft.
    return max_tokens_ - static_cast<int>(written().size()) - 1;
}

std::vector<int> WindowDecoding::context() const {
    std::vector<int> tokens(prompt_.begin() + static_cast<std::ptrdiff_t>(prompt_begin_),
                            prompt_.end() - static_cast<std::ptrdiff_t>(options_.prefix.size()));
    tokens.insert(tokens.end(), written().begin(), written().end());
    return tokens;
}

void WindowDecoding::set_draft(const std::vector<int>& tokens) {
    Hypothesis& hypothesis = hypotheses_.front();
    hypothesis.pending.insert(hypothesis.pending.end(), tokens.begin(), tokens.end());
    hypothesis.drafted = tokens.size();
}

void WindowDecoding::advance(const float* logits) {
    for (Hypothesis& hypothesis : hypotheses_) {
        if (!hypothesis.finished) hypothesis.past += static_cast<int>(hypothesis.pending.size());
    }
    if (prompt_stage_ < 2 && options_.follower != nullptr) {
        const Hypothesis& root = hypotheses_.front();
        const bool chooses = prompt_stage_ == 1 || start_tokens_ == 1;
        options_.follower->read(root.pending.size() - root.drafted - (chooses ? 1 : 0));
    }
    if (prompt_stage_ == 0) {
        no_speech_prob_ = std::exp(logits[vocabulary_.no_speech] - log_sum_exp(logits, logits + vocabulary_.size));
        prompt_stage_ = start_tokens_ > 1 ? 1 : 2;
        if (prompt_stage_ == 1) {
            hypotheses_.front().pending.assign(prompt_.end() - static_cast<std::ptrdiff_t>(start_tokens_) + 1,
                                               prompt_.end());
            give_expected();
            return;
        }
    } else if (prompt_stage_ == 1) {
        prompt_stage_ = 2;
    } else {
        options_.temperatures[attempt_] == 0 && options_.beam_size > 1 ? step_beams(logits) : step_samples(logits);
        return;
    }
    begin_search(logits);
}

// As a draft that the rest of the prompt brings along.
void WindowDecoding::give_expected() {
    const bool greedy = options_.temperatures[attempt_] == 0 && options_.beam_size == 1;
    const int room = max_tokens_ - static_cast<int>(options_.prefix.size()) - 1;
    if (!greedy || room <= 0) return;
    std::vector<int> expected = options_.expected;
    expected.resize(std::min(expected.size(), static_cast<size_t>(room)));
    set_draft(expected);
}

// The prompt has been run by one sequence; the others start from its memory.
void WindowDecoding::begin_search(const float* logits) {
    const float temperature = options_.temperatures[attempt_];
    const bool beams = temperature == 0 && options_.beam_size > 1;
    const int count = beams || temperature == 0 ? 1 : options_.best_of;
    hypotheses_.front().tokens = options_.prefix;
    hypotheses_.front().log_probs.assign(options_.prefix.size(), 0.0f);
    hypotheses_.front().random.seed(seed_of(0));
    if (count == 1) return beams ? step_beams(logits) : step_samples(logits);
    std::vector<float> repeated;
    for (int i = 0; i < count; ++i) {
        repeated.insert(repeated.end(), logits, logits + vocabulary_.size);
        if (i > 0) {
            Hypothesis copy = hypotheses_.front();
            copy.memory = decoder_.new_sequence();
            copy.memory->copy_from(*hypotheses_.front().memory, copy.past);
            hypotheses_.push_back(std::move(copy));
        }
        hypotheses_.back().random.seed(seed_of(i));
    }
    step_samples(repeated.data());
}

uint32_t WindowDecoding::seed_of(int sample) const {
    return options_.seed * 8191 + static_cast<uint32_t>(attempt_) * 64 + static_cast<uint32_t>(sample);
}

std::vector<float> WindowDecoding::log_probs(const float* logits, const Hypothesis& hypothesis) const {
    std::vector<float> values(logits, logits + vocabulary_.size);
    rules_.apply(values.data(), hypothesis.tokens, options_.rules);
    const float total = log_sum_exp(values.data(), values.data() + values.size());
    if (!std::isfinite(total)) throw_no_choice(logits);
    for (float& value : values) value -= total;
    return values;
}

void WindowDecoding::throw_no_choice(const float* logits) const {
    if (std::isfinite(log_sum_exp(logits, logits + vocabulary_.size)))
        throw Error(ErrorCode::InvalidArgument, "No token is left to choose: suppressTokens rules all of them out",
                    "suppressTokens");
    throw Error(ErrorCode::ModelInvalid, "The model computes no numbers: is it damaged?");
}

int WindowDecoding::sample(const float* log_probs, Hypothesis& hypothesis) const {
    const float temperature = options_.temperatures[attempt_];
    const float* end = log_probs + vocabulary_.size;
    const float most = highest(log_probs, end);
    if (temperature == 0) return static_cast<int>(std::find(log_probs, end, most) - log_probs);
    std::vector<double> weights(static_cast<size_t>(vocabulary_.size));
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
        // Beyond this a token would be drawn once in 10^13 times: not worth its exponential.
        const float exponent = (log_probs[i] - most) / temperature;
        if (exponent > -30) sum += weights[i] = std::exp(exponent);
    }
    // Not std::discrete_distribution: its numbers differ between standard libraries.
    double target = sum * (hypothesis.random() / 4294967296.0);
    for (size_t i = 0; i < weights.size(); ++i) {
        target -= weights[i];
        if (target < 0) return static_cast<int>(i);
    }
    return static_cast<int>(std::find(log_probs, end, most) - log_probs);
}

void WindowDecoding::extend(Hypothesis& hypothesis, int token, float log_prob) const {
    hypothesis.sum += log_prob;
    hypothesis.pending = {token};
    if (token == vocabulary_.end_of_text) {
        hypothesis.finished = true;
        return;
    }
    const bool is_time = vocabulary_.is_timestamp(token) && !hypothesis.tokens.empty();
    const double time = (token - vocabulary_.first_timestamp) * kTimestampSeconds;
    hypothesis.tokens.push_back(token);
    hypothesis.log_probs.push_back(log_prob);
    hypothesis.finished = static_cast<int>(hypothesis.tokens.size()) >= max_tokens_ ||
                          (is_time && time >= options_.duration - kEndMargin);
}

void WindowDecoding::step_samples(const float* logits) {
    bool running = false;
    for (Hypothesis& hypothesis : hypotheses_) {
        if (hypothesis.finished) continue;
        logits += follow(logits, hypothesis) * static_cast<size_t>(vocabulary_.size);
        running = running || !hypothesis.finished;
    }
    if (running) return;
    for (Hypothesis& hypothesis : hypotheses_) finished_.push_back(hypothesis);
    finish_attempt();
}

// Chooses the next token, and goes on as long as the draft has it too. Returns the number of logits that there were.
size_t WindowDecoding::follow(const float* logits, Hypothesis& hypothesis) {
    const size_t drafted = hypothesis.drafted;
    const std::vector<int> draft(hypothesis.pending.end() - static_cast<std::ptrdiff_t>(drafted),
                                 hypothesis.pending.end());
    const size_t first_row = hypothesis.pending.size() - drafted - 1;
    size_t agreed = 0;
    for (;; ++agreed) {
        const std::vector<float> probabilities =
            log_probs(logits + agreed * static_cast<size_t>(vocabulary_.size), hypothesis);
        const int token = sample(probabilities.data(), hypothesis);
        const float log_prob = probabilities[static_cast<size_t>(token)];
        TextFollower* follower = options_.follower;
        if (follower != nullptr && !follower->choose(first_row + agreed, token, log_prob)) {
            hypothesis.finished = true;
            break;
        }
        extend(hypothesis, token, log_prob);
        if (hypothesis.finished || agreed == drafted || token != draft[agreed]) break;
    }
    // What the memory holds of the rest of the draft will be overwritten.
    hypothesis.past -= static_cast<int>(drafted - agreed);
    hypothesis.drafted = 0;
    draft_.proposed += static_cast<int>(drafted);
    draft_.accepted += static_cast<int>(agreed);
    return drafted + 1;
}

// openai-whisper, BeamSearchDecoder: the best continuations of all beams; those that end are set aside, until there
// are beam_size · patience of them.
void WindowDecoding::step_beams(const float* logits) {
    const auto beam_size = static_cast<size_t>(options_.beam_size);
    std::vector<Candidate> candidates;
    for (size_t parent = 0; parent < hypotheses_.size(); ++parent, logits += vocabulary_.size) {
        const std::vector<float> probabilities = log_probs(logits, hypotheses_[parent]);
        for (const int token : highest_ones(probabilities.data(), probabilities.size(), beam_size + 1)) {
            const float log_prob = probabilities[static_cast<size_t>(token)];
            if (std::isfinite(log_prob))
                candidates.push_back({parent, token, hypotheses_[parent].sum + log_prob, log_prob});
        }
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.sum > b.sum; });

    std::vector<Hypothesis> next;
    std::vector<size_t> parents;
    for (const Candidate& candidate : candidates) {
        if (next.size() == beam_size) break;
        Hypothesis child = hypotheses_[candidate.parent];
        extend(child, candidate.token, candidate.log_prob);
        if (child.finished) {
            child.memory.reset();
            finished_.push_back(std::move(child));
            continue;
        }
        parents.push_back(candidate.parent);
        next.push_back(std::move(child));
    }
    const auto wanted =
        static_cast<size_t>(std::max(1L, std::lround(options_.patience * static_cast<float>(beam_size))));
    if (finished_.size() >= wanted || next.empty()) {
        if (finished_.empty()) finished_ = hypotheses_;
        finish_attempt();
        return;
    }
    hand_memory_on(parents, next);
    hypotheses_ = std::move(next);
}

// A parent's first child takes its memory over. The others copy it, to that of parents without children first, so that
// there are never more sequences than beams.
void WindowDecoding::hand_memory_on(const std::vector<size_t>& parents, std::vector<Hypothesis>& children) const {
    std::vector<bool> inherited(hypotheses_.size(), false);
    std::vector<size_t> copies;
    for (size_t i = 0; i < children.size(); ++i) {
        if (inherited[parents[i]]) copies.push_back(i);
        inherited[parents[i]] = true;
    }
    size_t spare = 0;
    for (const size_t i : copies) {
        while (spare < inherited.size() && inherited[spare]) ++spare;
        children[i].memory = spare < inherited.size() ? hypotheses_[spare++].memory
                                                      : std::shared_ptr<SequenceMemory>(decoder_.new_sequence());
        children[i].memory->copy_from(*hypotheses_[parents[i]].memory, children[i].past);
    }
}

// Tokens that were chosen: the end of the text, too, but not what it was told to begin with.
double WindowDecoding::chosen(const Hypothesis& hypothesis) const {
    return static_cast<double>(hypothesis.tokens.size() - options_.prefix.size() + 1);
}

double WindowDecoding::score(const Hypothesis& hypothesis) const {
    const double length = chosen(hypothesis);
    return hypothesis.sum /
           (options_.length_penalty < 0 ? length : std::pow((5 + length) / 6, options_.length_penalty));
}

void WindowDecoding::finish_attempt() {
    const auto best = std::max_element(finished_.begin(), finished_.end(),
                                       [&](const Hypothesis& a, const Hypothesis& b) { return score(a) < score(b); });
    DecodedText text;
    text.tokens = best->tokens;
    text.log_probs = best->log_probs;
    text.given = options_.prefix.size();
    text.avg_log_prob = static_cast<float>(best->sum / chosen(*best));
    text.no_speech_prob = no_speech_prob_;
    text.temperature = options_.temperatures[attempt_];
    text.improbable = text.avg_log_prob < options_.log_prob_threshold;
    text.silence = no_speech_prob_ > options_.no_speech_threshold && text.improbable;
    text.repetitive = repeats_itself(text.tokens, vocabulary_, options_.compression_ratio_threshold) &&
                      !(options_.is_spoken_repetition && options_.is_spoken_repetition(text));
    const bool runs_away =
        static_cast<int>(best->tokens.size()) >= max_tokens_ &&
        static_cast<double>(best->tokens.size()) > std::min(kSpokenTokens * options_.duration, kMostTokens);
    finished_.clear();
    attempts_.push_back(std::move(text));
    const DecodedText& last = attempts_.back();
    const bool doubtful = last.improbable || last.repetitive || no_speech_prob_ > options_.doubt_threshold;
    if (options_.must_pass && (doubtful || last.silence || runs_away)) {
        hypotheses_.clear();
        fails_ = true;
        return;
    }
    if (attempt_ == 0 && !last.silence && doubtful && std::isfinite(options_.doubt_threshold)) {
        hypotheses_.resize(1);
        in_doubt_ = true;
        return;
    }
    go_on();
}

void WindowDecoding::resolve_doubt(bool silence, float no_speech_prob) {
    in_doubt_ = false;
    if (silence) {
        attempts_.back().silence = true;
        attempts_.back().no_speech_prob = no_speech_prob;
    }
    go_on();
}

// Another attempt, unless the last one may stand. When none may, the most probable of those that do not repeat
// themselves is taken, as in faster-whisper; but what is as improbable as a guess is worth nothing.
void WindowDecoding::go_on() {
    const DecodedText& last = attempts_.back();
    if (last.silence || !(last.improbable || last.repetitive)) {
        finish(std::move(attempts_.back()));
        return;
    }
    if (attempt_ + 1 < options_.temperatures.size()) {
        ++attempt_;
        begin_attempt();
        return;
    }
    const auto worse = [](const DecodedText& a, const DecodedText& b) {
        return a.repetitive != b.repetitive ? a.repetitive : a.avg_log_prob < b.avg_log_prob;
    };
    DecodedText best = std::move(*std::max_element(attempts_.begin(), attempts_.end(), worse));
    best.silence = best.avg_log_prob < options_.log_prob_threshold - kHopeless;
    if (best.repetitive) cut_loop(best, vocabulary_);
    finish(std::move(best));
}

void WindowDecoding::finish(DecodedText text) {
    text_ = std::move(text);
    text_.draft = draft_;
    hypotheses_.clear();
    attempts_.clear();
    done_ = true;
}

}  // namespace agora
