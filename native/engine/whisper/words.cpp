#include "engine/whisper/words.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace agora {
namespace {

constexpr std::array<std::string_view, 6> kLanguagesWithoutSpaces = {"zh", "ja", "th", "lo", "my", "yue"};
template <typename Set>
bool one_of(const Set& set, std::string_view text) {
    return std::find(set.begin(), set.end(), text) != set.end();
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

// Length of the well-formed UTF-8 character at `i`, 0 if there is none.
size_t character_length(std::string_view text, size_t i) {
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char lead = byte(i);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xC2 && lead < 0xE0 ? 2
                          : lead >= 0xE0 && lead < 0xF0 ? 3
                          : lead >= 0xF0 && lead < 0xF5 ? 4
                                                        : 0;
    if (length == 0 || i + length > text.size()) return 0;
    for (size_t k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xC0) != 0x80) return 0;
    }
    // Overlong forms, surrogates and code points above U+10FFFF.
    if (lead == 0xE0 && byte(i + 1) < 0xA0) return 0;
    if (lead == 0xED && byte(i + 1) > 0x9F) return 0;
    if (lead == 0xF0 && byte(i + 1) < 0x90) return 0;
    if (lead == 0xF4 && byte(i + 1) > 0x8F) return 0;
    return length;
}

bool is_valid_utf8(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
        const size_t length = character_length(text, i);
        if (length == 0) return false;
        i += length;
    }
    return true;
}

struct Group {
    std::string text;
    double start;
    double end;
    double probability_sum;
    int tokens;

    void append(const Group& next) {
        text += next.text;
        end = std::max(end, next.end);
        probability_sum += next.probability_sum;
        tokens += next.tokens;
    }
};

// Joins tokens until their bytes form whole characters.
std::vector<Group> whole_characters(const std::vector<TimedToken>& tokens) {
    std::vector<Group> groups;
    bool complete = true;
    for (const TimedToken& token : tokens) {
        const Group group{token.text, token.start, token.end, token.probability, 1};
        if (complete) {
            groups.push_back(group);
        } else {
            groups.back().append(group);
        }
        complete = is_valid_utf8(groups.back().text);
    }
    return groups;
}

// Punctuation stands alone at first, whatever it will be merged with.
std::vector<Group> join_at_spaces(const std::vector<Group>& parts) {
    static const WordPunctuation marks;
    std::vector<Group> words;
    for (const Group& part : parts) {
        const bool begins_word = part.text.rfind(' ', 0) == 0;
        const bool punctuation =
            one_of(marks.prepended, trimmed(part.text)) || one_of(marks.appended, trimmed(part.text));
        if (words.empty() || begins_word || punctuation) {
            words.push_back(part);
        } else {
            words.back().append(part);
        }
    }
    return words;
}

std::vector<Group> merge_punctuation(const std::vector<Group>& words, const WordPunctuation& marks) {
    std::vector<Group> merged;
    bool opening = false;
    for (const Group& word : words) {
        const std::string_view bare = trimmed(word.text);
        const bool spaced = word.text.rfind(' ', 0) == 0;
        const bool closes = !merged.empty() && !spaced && one_of(marks.appended, bare);
        if (!merged.empty() && (opening || closes)) {
            merged.back().append(word);
        } else {
            merged.push_back(word);
        }
        opening = spaced && one_of(marks.prepended, bare);
    }
    return merged;
}

// whisper.cpp's token times often leave a row of words without any duration. Such a row shares the time of the word
// after it (or before it, at the end) by length of text.
void spread_empty_words(std::vector<Word>& words) {
    constexpr double kShortest = 0.02;
    const auto is_empty = [](const Word& word) { return word.end - word.start < kShortest; };
    for (size_t first = 0; first < words.size(); ++first) {
        if (!is_empty(words[first])) continue;
        size_t last = first;
        while (last + 1 < words.size() && is_empty(words[last])) ++last;
        if (is_empty(words[last]) && first > 0) --first;
        double letters = 0;
        for (size_t i = first; i <= last; ++i) letters += static_cast<double>(words[i].text.size());
        double time = words[first].start;
        const double total = std::max(0.0, words[last].end - time);
        for (size_t i = first; i <= last; ++i) {
            words[i].start = time;
            time += total * static_cast<double>(words[i].text.size()) / letters;
            words[i].end = time;
        }
        first = last;
    }
}

}  // namespace

std::string valid_utf8(const std::string& text) {
    std::string result;
    for (size_t i = 0; i < text.size();) {
        const size_t length = character_length(text, i);
        if (length == 0) {
            result += "\xEF\xBF\xBD";
            ++i;
        } else {
            result.append(text, i, length);
            i += length;
        }
    }
    return result;
}

std::vector<Word> split_words(const std::vector<TimedToken>& tokens, const std::string& language,
                              const WordPunctuation& punctuation) {
    std::vector<Group> groups = whole_characters(tokens);
    if (!one_of(kLanguagesWithoutSpaces, language)) groups = join_at_spaces(groups);
    std::vector<Word> words;
    for (const Group& group : merge_punctuation(groups, punctuation)) {
        if (trimmed(group.text).empty()) continue;
        words.push_back({valid_utf8(group.text), group.start, std::max(group.start, group.end),
                         static_cast<float>(group.probability_sum / group.tokens)});
    }
    spread_empty_words(words);
    return words;
}

}  // namespace agora
