// When each token was spoken: dynamic time warping over the decoder's cross-attention.
// Source: openai-whisper, timing.py find_alignment().
#pragma once

#include <utility>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

using AttentionHead = std::pair<int, int>;  // layer, head

// The heads of a model that follow the audio: those that its file names, else the known ones of the published model of
// the same shape, else heads of the upper half of the decoder, as openai-whisper does for models it does not know: all
// of them, or 64 that are spread evenly where there are more.
std::vector<AttentionHead> alignment_heads(const WhisperHyperParameters& hparams);

// Whether those are more than a guess.
bool knows_alignment_heads(const WhisperHyperParameters& hparams);

// First frame (of 20 ms) that each of the rows first, …, last - 1 belongs to, not decreasing. A row says where the
// decoder looked when it chose the token after it. `weights`: attention of the heads, [heads][rows][1500], of which
// only `frames` are audio. `silent` frames, when given, belong to no row.
std::vector<int> align(const std::vector<float>& weights, int heads, int rows, int first, int last, int frames,
                       const std::vector<bool>& silent = {});

}  // namespace agora
