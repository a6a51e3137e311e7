// Tokens to words, as openai-whisper's timing.py splits and merges them.
#pragma once

#include <string>
#include <vector>

namespace agora {

struct TimedToken {
    std::string text;  // bytes: may be a part of a character
    double start;      // seconds
    double end;
    float probability;
};

struct Word {
    std::string text;  // with leading space and punctuation, valid UTF-8
    double start;
    double end;
    float confidence;  // mean probability of its tokens
};

// Punctuation that belongs to the word after it, and to the word before it.
struct WordPunctuation {
    std::vector<std::string> prepended = {"\"", "'", "“", "¿", "(", "[", "{", "-"};
    std::vector<std::string> appended = {"\"", "'",  ".", "。", ",", "，", "!",  "！", "?", "？",
                                         ":",  "：", "”", ")",  "]", "}",  "、", ";",  "…"};
};

// `language` decides whether words are separated by spaces.
std::vector<Word> split_words(const std::vector<TimedToken>& tokens, const std::string& language,
                              const WordPunctuation& punctuation = {});

// `text` with incomplete or invalid UTF-8 replaced by U+FFFD.
std::string valid_utf8(const std::string& text);

}  // namespace agora
