#include "engine/borealis/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "engine/error.h"
#include "engine/text/softmax.h"

namespace agora {

SampledToken Sampler::next(const float* logits, int count, const std::vector<int>& previous) {
    const float total = log_sum_exp(logits, logits + count);
    if (!std::isfinite(total))
        throw Error(ErrorCode::Internal, "The language model computes no numbers: is it damaged?");
    const float* chosen_from = logits;
    if (options_.repetition_penalty != 1 && !previous.empty()) {
        penalised_.assign(logits, logits + count);
        for (const int token : std::set<int>(previous.begin(), previous.end())) {
            float& logit = penalised_[static_cast<size_t>(token)];
            logit = logit < 0 ? logit * options_.repetition_penalty : logit / options_.repetition_penalty;
        }
        chosen_from = penalised_.data();
    }
    const int token =
        options_.temperature > 0
            ? draw(chosen_from, count)
            : static_cast<int>(std::find(chosen_from, chosen_from + count, highest(chosen_from, chosen_from + count)) -
                               chosen_from);
    return {token, logits[token] - total};
}

int Sampler::draw(const float* logits, int count) {
    // What is e³⁰ times less probable than the best is not worth sorting.
    const float least = highest(logits, logits + count) - 30 * options_.temperature;
    candidates_.clear();
    for (int token = 0; token < count; ++token) {
        if (logits[token] >= least) candidates_.push_back(token);
    }
    // Equal logits in the order of the tokens: the choice must not depend on how the library sorts.
    const auto better = [&](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
    if (options_.top_k > 0 && static_cast<size_t>(options_.top_k) < candidates_.size()) {
        std::partial_sort(candidates_.begin(), candidates_.begin() + options_.top_k, candidates_.end(), better);
        candidates_.resize(static_cast<size_t>(options_.top_k));
    } else {
        std::sort(candidates_.begin(), candidates_.end(), better);
    }
    const float best = logits[candidates_[0]];
    weights_.clear();
    for (const int token : candidates_)
        weights_.push_back(std::exp((static_cast<double>(logits[token]) - best) / options_.temperature));
    const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    double kept = 0;
    size_t size = 0;
    while (size < weights_.size() && (size == 0 || kept < options_.top_p * total)) kept += weights_[size++];

    double rest = kept * (static_cast<double>(random_()) / 4294967296.0);
    for (size_t i = 0; i + 1 < size; ++i) {
        rest -= weights_[i];
        if (rest < 0) return candidates_[i];
    }
    return candidates_[size - 1];
}

}  // namespace agora
