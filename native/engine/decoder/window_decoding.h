// The text of one window: attempts at rising temperatures, each by greedy search, sampling or beam search.
// Source: openai-whisper, decoding.py and transcribe.py decode_with_fallback().
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "engine/decoder/decoder.h"
#include "engine/decoder/text_follower.h"
#include "engine/text/decoded_text.h"
#include "engine/text/logit_rules.h"

namespace agora {

struct SearchOptions {
    RuleOptions rules;
    int beam_size = 1;  // at temperature 0
    int best_of = 5;    // above
    float patience = 1;
    float length_penalty = -1;  // negative: plain mean
    std::vector<float> temperatures = {0, 0.2f, 0.4f, 0.6f, 0.8f, 1};
    // Infinite: never decides.
    float compression_ratio_threshold = 2.4f;
    float log_prob_threshold = -1;
    float no_speech_threshold = 0.6f;
    int max_tokens = 224;
    // Tokens that the text begins with, whatever the model hears: with times, the first one is a time.
    std::vector<int> prefix;
    // Tokens that may follow, for greedy search: a draft of the first step.
    std::vector<int> expected;
    // Sees every step, of greedy search at temperature 0 alone. May be null.
    TextFollower* follower = nullptr;
    uint32_t seed = 0;
    // Seconds of audio. A time within kEndMargin of its end is the last token: what a model writes after it, in a
    // window that ends in the middle of a breath, is made up (as in whisper.cpp).
    double duration = 30;
    // Probability of silence from which the text of the first attempt is in doubt, as it also is when the guards refuse
    // it: what the window is filled up with may have been read as speech. Infinite: there is no doubt.
    float doubt_threshold = std::numeric_limits<float>::infinity();
    // Whether the text of the first attempt stands only when there is nothing at all to say against it: else the pass
    // fails.
    bool must_pass = false;
    // Whether a text that repeats itself repeats what is spoken again and again. May be empty.
    std::function<bool(const DecodedText&)> is_spoken_repetition;

    // Sequences that one pass has at once, at most.
    int sequences() const {
        int most = 1;
        for (const float temperature : temperatures) most = std::max(most, temperature == 0 ? beam_size : best_of);
        return most;
    }

    // Whether some attempt takes the most probable token at each step, which a draft model can be ahead of.
    bool has_greedy_attempt() const {
        return beam_size == 1 && std::find(temperatures.begin(), temperatures.end(), 0.0f) != temperatures.end();
    }
};

// One pass of the decoder over one encoded window. The caller runs the steps of many of these in one batch:
// it takes inputs(), runs them, and hands the logits to advance(), until done().
class WindowDecoding {
  public:
    // `prompt` ends with the start-of-transcript tokens, of which there are `start_tokens`. What stands
    // before them is left out at high temperatures, where it does more harm than good. The options' prefix follows.
    WindowDecoding(const Vocabulary& vocabulary, const LogitRules& rules, Decoder& decoder, WindowMemory& cross,
                   std::vector<int> prompt, size_t start_tokens, const SearchOptions& options);

    bool done() const { return done_; }
    // The first attempt is over, and whoever runs this is to find out whether there is speech at all.
    bool in_doubt() const { return in_doubt_; }
    // There is something to say against the text that had to pass: this pass is over, without one.
    bool fails() const { return fails_; }
    // As the model reads it where the transcript starts.
    float no_speech_prob() const { return no_speech_prob_; }
    // Of the attempt that is in doubt.
    const DecodedText& text_in_doubt() const { return attempts_.back(); }
    // What was found: goes on, or ends with silence of that probability.
    void resolve_doubt(bool silence, float no_speech_prob);
    // Tokens that the next step runs, of all sequences.
    size_t rows() const;
    // Sequences that the next step runs.
    void add_inputs(std::vector<DecoderInput>& inputs) const;
    // `logits`: [outputs of what add_inputs() gave][n_vocab]
    void advance(const float* logits);

    // Speculative decoding (Leviathan et al., 2023, arXiv:2211.17192), for greedy search only: tokens that a cheaper
    // model expects go through the decoder in one step, and those are kept that the search would have chosen itself.
    // Whether the next step may be given a draft, and of how many tokens at most.
    int draft_room() const;
    // What a draft continues: prompt and text so far; and the text alone, by which the rules go.
    std::vector<int> context() const;
    const std::vector<int>& written() const { return hypotheses_.front().tokens; }
    const RuleOptions& rules() const { return options_.rules; }
    void set_draft(const std::vector<int>& tokens);
    const DraftCount& draft() const { return draft_; }

    const DecodedText& text() const { return text_; }

  private:
    struct Hypothesis {
        std::vector<int> tokens;
        std::vector<float> log_probs;
        double sum = 0;
        bool finished = false;
        std::shared_ptr<SequenceMemory> memory;
        int past = 0;
        std::vector<int> pending;  // tokens to run next: one that was chosen, or the prompt, then the draft
        size_t drafted = 0;        // of them
        std::mt19937 random;
    };
    struct Candidate {
        size_t parent;
        int token;
        double sum;
        float log_prob;
    };

    void begin_attempt();
    void begin_search(const float* logits);
    void give_expected();
    uint32_t seed_of(int sample) const;
    void step_samples(const float* logits);
    size_t follow(const float* logits, Hypothesis& hypothesis);
    void hand_memory_on(const std::vector<size_t>& parents, std::vector<Hypothesis>& children) const;
    void step_beams(const float* logits);
    std::vector<float> log_probs(const float* logits, const Hypothesis& hypothesis) const;
    [[noreturn]] void throw_no_choice(const float* logits) const;
    int sample(const float* logits, Hypothesis& hypothesis) const;
    void extend(Hypothesis& hypothesis, int token, float log_prob) const;
    void finish_attempt();
    void go_on();
    void finish(DecodedText text);
    double chosen(const Hypothesis& hypothesis) const;
    double score(const Hypothesis& hypothesis) const;

    const Vocabulary& vocabulary_;
    const LogitRules& rules_;
    Decoder& decoder_;
    WindowMemory& cross_;
    std::vector<int> prompt_;
    size_t start_tokens_;
    size_t prompt_begin_ = 0;  // of this attempt
    SearchOptions options_;

    size_t attempt_ = 0;
    size_t prompt_stage_ = 0;  // 0: up to start of transcript, 1: the rest, 2: searching
    int max_tokens_ = 0;       // of this attempt
    float no_speech_prob_ = 0;
    std::vector<Hypothesis> hypotheses_;
    std::vector<Hypothesis> finished_;
    std::vector<DecodedText> attempts_;
    bool in_doubt_ = false;
    bool fails_ = false;
    bool done_ = false;
    DraftCount draft_;
    DecodedText text_;
};

}  // namespace agora
