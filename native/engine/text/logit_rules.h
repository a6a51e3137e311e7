// Which tokens may come next: Whisper's rules of decoding.
// Source: openai-whisper, decoding.py (SuppressBlank, SuppressTokens, ApplyTimestampRules) and tokenizer.py.
#pragma once

#include <vector>

#include "engine/text/vocabulary.h"

namespace agora {

struct RuleOptions {
    bool timestamps = true;
    bool suppress_blank = true;
    size_t given = 0;  // tokens that the text has before its first own one, which may be no blank, nor its end
    bool suppress_non_speech = true;
    std::vector<int> suppress_tokens;
    int max_initial_timestamp = 50;  // in steps of 20 ms
    float repetition_penalty = 1;
    int no_repeat_ngram_size = 0;  // 0: any run of tokens may come again
};

class LogitRules {
  public:
    explicit LogitRules(const Vocabulary& vocabulary);

    // Sets forbidden logits to -infinity. `tokens`: what the sequence holds after its prompt.
    void apply(float* logits, const std::vector<int>& tokens, const RuleOptions& options) const;

  private:
    void apply_timestamp_rules(float* logits, const std::vector<int>& tokens, int max_initial_timestamp) const;

    const Vocabulary& vocabulary_;
    std::vector<int> non_speech_;
    int blank_;
};

}  // namespace agora
