// Tokens to words: words end where the text has white space, and nowhere else in languages that write it.
#pragma once

#include <string>
#include <string_view>
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

// The words of a text, as many as white space makes of it: "mother-in-law's" is one, a dash between spaces is one. A
// word's time is that of its tokens that are spoken: what a decoder writes for a full stop is the pause after it.
//
// A mark of the default `punctuation` that is not in the one given is a word of its own.
// In a `language` without white space, each token that begins a character begins a word, except within runs of other
// scripts; marks join their neighbours.
std::vector<Word> split_words(const std::vector<TimedToken>& tokens, const std::string& language,
                              const WordPunctuation& punctuation = {});

// Whether text goes on with the word that the text before it ends with. A mark that stands alone does not; between
// words of scripts without white space nobody can tell, and it does not.
bool continues_word(std::string_view before, std::string_view after);

// Whether the last character of a text is not all there.
bool ends_within_character(std::string_view text);

// `text` with incomplete or invalid UTF-8 replaced by U+FFFD.
std::string valid_utf8(const std::string& text);

}  // namespace agora
