// Guards against a decoder that repeats itself.
// Source: CTranslate2, RepetitionPenalty and NoRepeatNgram (the penalty: Keskar et al., 2019, arXiv:1909.05858).
#pragma once

#include <vector>

namespace agora {

// Makes each token of `tokens` less probable, once however often it stands there: a positive logit is divided by
// `penalty`, a negative one multiplied with it. 1 changes nothing, less than 1 invites repetition.
void penalize_repetition(float* logits, const std::vector<int>& tokens, float penalty);

// Forbids the tokens that would end a run of `size` tokens that `tokens` holds already. 0 forbids nothing.
void forbid_repeated_ngrams(float* logits, const std::vector<int>& tokens, int size);

}  // namespace agora
