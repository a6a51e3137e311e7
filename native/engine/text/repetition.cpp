#include "engine/text/repetition.h"

#include <algorithm>
#include <limits>

namespace agora {

void penalize_repetition(float* logits, const std::vector<int>& tokens, float penalty) {
    if (penalty == 1) return;
    std::vector<int> once = tokens;
    std::sort(once.begin(), once.end());
    once.erase(std::unique(once.begin(), once.end()), once.end());
    for (const int token : once) {
        float& logit = logits[token];
        logit = logit < 0 ? logit * penalty : logit / penalty;
    }
}

void forbid_repeated_ngrams(float* logits, const std::vector<int>& tokens, int size) {
    const auto length = static_cast<std::ptrdiff_t>(tokens.size());
    if (size <= 0 || length < size) return;
    const auto tail = tokens.end() - (size - 1);
    for (auto begin = tokens.begin(); begin + size <= tokens.end(); ++begin) {
        if (std::equal(tail, tokens.end(), begin)) logits[begin[size - 1]] = -std::numeric_limits<float>::infinity();
    }
}

}  // namespace agora
