// What is known of a window once it was heard: text with times, and its language.
#pragma once

#include <string>
#include <vector>

#include "engine/text/words.h"

namespace agora {

// Times are seconds from the start of the window.
struct DecodedSegment {
    double start;
    double end;
    std::string text;
    std::vector<int> tokens;
    std::vector<float> probabilities;  // of the tokens
    float avg_log_prob;
    float confidence;
    float no_speech_prob;
    float temperature;  // that the text was accepted at
    std::vector<Word> words;
};

struct LanguageProbability {
    std::string language;
    float probability;
};

// What is heard where the transcript of a window would start.
struct DetectedLanguages {
    std::vector<LanguageProbability> languages;  // most probable first
    float no_speech_prob = 0;                    // of the whole vocabulary, as openai-whisper defines it
};

}  // namespace agora
