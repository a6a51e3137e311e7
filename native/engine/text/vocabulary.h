// Tokens of a Whisper model, and the special ones among them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

// What a timestamp token's successor is later by.
constexpr double kTimestampSeconds = 0.02;
// This near its end, in seconds, a window is over.
constexpr double kEndMargin = 0.1;

struct Vocabulary {
    std::vector<std::string> texts;  // bytes of each text token
    int size;                        // with special and timestamp tokens
    int languages;
    // Ids as in openai-whisper's tokenizer.py; they shift with the number of languages.
    int end_of_text, start_of_transcript, first_language, translate, transcribe, start_of_lm, previous, no_speech,
        no_timestamps, first_timestamp;

    bool is_text(int token) const { return token < end_of_text; }
    bool is_timestamp(int token) const { return token >= first_timestamp; }
    // Byte-pair encoding of a text that has been split into `pieces` as GPT-2 does. A token's id is its rank.
    std::vector<int> encode(const std::vector<std::string>& pieces) const;
    // Id of a text token with exactly these bytes, or -1.
    int find(const std::string& text) const;

    std::unordered_map<std::string, int> ids;
};

Vocabulary read_vocabulary(const std::string& path, const WhisperFile& file);

// [bands][201]
std::vector<float> read_mel_filters(const std::string& path, const WhisperFile& file);

}  // namespace agora
