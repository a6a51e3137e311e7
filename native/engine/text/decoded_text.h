// A text as the decoder wrote it: tokens and how sure it was of them.
#pragma once

#include <cstddef>
#include <vector>

namespace agora {

// Tokens that a draft model wrote ahead, and how many of them the model would have written too.
struct DraftCount {
    int proposed = 0;
    int accepted = 0;
};

// What was accepted.
struct DecodedText {
    std::vector<int> tokens;  // text and timestamps, without the end of text
    std::vector<float> log_probs;
    size_t given = 0;  // tokens that it was told to begin with, which say nothing of how sure it is
    float avg_log_prob = 0;
    float no_speech_prob = 0;
    float temperature = 0;
    bool silence = false;     // to be dropped
    bool improbable = false;  // less probable than the threshold
    bool repetitive = false;  // repeats itself more than the threshold, and not what is spoken
    DraftCount draft;         // of all attempts
};

}  // namespace agora
