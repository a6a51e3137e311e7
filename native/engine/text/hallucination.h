// Text that a model invents in silence, told by its words: improbable ones, very short and very long ones.
// Source: openai-whisper, transcribe.py (hallucination_silence_threshold).
#pragma once

#include <optional>
#include <vector>

#include "engine/text/transcript.h"

namespace agora {

// A pass over a window, in seconds of the window.
struct PassTimes {
    double begin;
    double end;          // of the window too: a pass takes all that is left
    double last_speech;  // where the text before the pass ended
};

// Looks for segments that are probably invented, among silence longer than `threshold` seconds or other such segments.
// Drops the first of them and what follows, and returns where the decoder is to listen again: past the silence. Nothing
// when the pass may stand. The segments have words.
//
// `ends_with_timestamp`: the model heard nothing after its last segment. When it does not say so, what follows the last
// word is listened to again only if it is longer than the threshold.
std::optional<double> skip_hallucinations(std::vector<DecodedSegment>& segments, bool ends_with_timestamp,
                                          const PassTimes& pass, double threshold);

}  // namespace agora
