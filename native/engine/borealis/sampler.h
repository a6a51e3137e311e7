// The choice of the next token.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace agora {

struct SamplingOptions {
    float temperature = 0;  // 0: the most probable token
    int top_k = 0;          // only so many of the most probable ones; 0: all
    float top_p = 1;        // only the most probable ones that make up so much
    // Logits of tokens that are there already are divided by it, or multiplied below 0 (Keskar et al., 2019, CTRL).
    float repetition_penalty = 1;
    uint32_t seed = 0;
};

struct SampledToken {
    int token;
    float log_prob;  // among all tokens, before any of the above
};

class Sampler {
  public:
    explicit Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {}

    // `logits` [count]; `previous`: tokens of the text so far. The filters apply in the order of transformers'
    // generate(): penalty, temperature, top_k, top_p. Throws Internal when the logits are no numbers.
    SampledToken next(const float* logits, int count, const std::vector<int>& previous);

  private:
    int draw(const float* logits, int count);

    SamplingOptions options_;
    std::mt19937 random_;  // the same numbers everywhere
    std::vector<float> penalised_;
    std::vector<int> candidates_;
    std::vector<double> weights_;
};

}  // namespace agora
