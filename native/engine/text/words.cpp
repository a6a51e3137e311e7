#include "engine/text/words.h"

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

// Bytes of the UTF-8 character that begins with this one, 0 if none does.
size_t lead_length(unsigned char lead) {
    return lead < 0x80                   ? 1
           : lead >= 0xC2 && lead < 0xE0 ? 2
           : lead >= 0xE0 && lead < 0xF0 ? 3
           : lead >= 0xF0 && lead < 0xF5 ? 4
                                         : 0;
}

// Length of the well-formed UTF-8 character at `i`, 0 if there is none.
size_t character_length(std::string_view text, size_t i) {
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char lead = byte(i);
    const size_t length = lead_length(lead);
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

// Code point of the character of `length` bytes at `i`; U+FFFD when there is none.
char32_t code_point(std::string_view text, size_t i, size_t length) {
    const auto byte = [&](size_t k) { return static_cast<char32_t>(static_cast<unsigned char>(text[i + k])); };
    switch (length) {
        case 1:
            return byte(0);
        case 2:
            return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
        case 3:
            return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
        case 4:
            return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
        default:
            return 0xFFFD;
    }
}

// Unicode's White_Space.
bool is_white_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// Marks that nobody pronounces, unlike "%" and "$".
bool is_silent_mark(char32_t c) {
    constexpr std::u32string_view kMarks = U"!\"'(),-.:;?[]{}`\u00A1\u00AB\u00B7\u00BB\u00BF";
    return kMarks.find(c) != std::u32string_view::npos || (c >= 0x2010 && c <= 0x2027) ||
           (c >= 0x2039 && c <= 0x203A) || (c >= 0x3001 && c <= 0x3003) || (c >= 0x3008 && c <= 0x3011) ||
           c == 0x30FB || c == 0xFF01 || c == 0xFF08 || c == 0xFF09 || c == 0xFF0C || c == 0xFF0E || c == 0xFF1A ||
           c == 0xFF1B || c == 0xFF1F;
}

// Scripts up to Sinhala divide words by white space; Thai, Lao, Burmese, Han and Kana come after.
bool is_spaced_script(char32_t c) {
    return c < 0x0E00;
}

// The text of tokens as characters, each of which knows its token.
class TokenText {
  public:
    struct Character {
        size_t begin;  // byte
        size_t end;
        char32_t code;
        size_t token;  // that its first byte is of
    };

    explicit TokenText(const std::vector<TimedToken>& tokens) : tokens_(tokens) {
        for (const TimedToken& token : tokens) {
            begins_.push_back(text_.size());
            text_ += token.text;
        }
        size_t token = 0;
        for (size_t i = 0; i < text_.size();) {
            const size_t length = character_length(text_, i);
            const size_t next = i + std::max<size_t>(length, 1);
            while (token + 1 < begins_.size() && begins_[token + 1] <= i) ++token;
            characters_.push_back({i, next, code_point(text_, i, length), token});
            i = next;
        }
    }

    const std::vector<Character>& characters() const { return characters_; }
    std::string_view bytes(size_t begin, size_t end) const {
        return std::string_view(text_).substr(begin, end - begin);
    }
    size_t token_end(size_t token) const { return token + 1 < begins_.size() ? begins_[token + 1] : text_.size(); }
    // A token without the white space around it.
    std::string_view bare(size_t token) const {
        const auto [begin, end] = bare_bytes(token);
        return bytes(begin, end);
    }
    // When the byte at `position` of a token is spoken: tokens that hold several words share their time.
    double time_at(size_t token, size_t position) const {
        const auto [begin, end] = bare_bytes(token);
        const TimedToken& timed = tokens_[token];
        if (position <= begin || end == begin) return timed.start;
        if (position >= end) return timed.end;
        return timed.start +
               (timed.end - timed.start) * static_cast<double>(position - begin) / static_cast<double>(end - begin);
    }
    float probability(size_t token) const { return tokens_[token].probability; }
    // Token of the byte at `position`.
    size_t token_of(size_t position) const {
        const auto after = std::upper_bound(begins_.begin(), begins_.end(), position);
        return static_cast<size_t>(after - begins_.begin()) - 1;
    }

  private:
    std::pair<size_t, size_t> bare_bytes(size_t token) const {
        size_t begin = begins_[token];
        size_t end = token_end(token);
        while (begin < end && text_[begin] == ' ') ++begin;
        while (begin < end && text_[end - 1] == ' ') --end;
        return {begin, end};
    }

    const std::vector<TimedToken>& tokens_;
    std::string text_;
    std::vector<size_t> begins_;  // bytes of each token
    std::vector<Character> characters_;
};

// Characters first, …, last - 1 of a text, without white space around them.
struct CharacterRange {
    size_t first;
    size_t last;
};

bool stands_apart(std::string_view mark, const WordPunctuation& marks) {
    static const WordPunctuation all;
    return (one_of(all.prepended, mark) || one_of(all.appended, mark)) && !one_of(marks.prepended, mark) &&
           !one_of(marks.appended, mark);
}

// Runs between white space, divided further at marks that stand apart, or by token in a language without white space.
std::vector<CharacterRange> divide(const TokenText& text, bool spaces, const WordPunctuation& marks) {
    const auto& characters = text.characters();
    const auto is_apart = [&](size_t i) { return stands_apart(text.bare(characters[i].token), marks); };
    const auto breaks = [&](size_t i) {  // before character i, which white space does not precede
        const auto& before = characters[i - 1];
        const auto& here = characters[i];
        if (before.token == here.token || text.token_of(here.begin - 1) == here.token) return false;
        if (is_apart(i - 1) || is_apart(i)) return true;
        return !spaces && !(is_spaced_script(before.code) && is_spaced_script(here.code));
    };
    std::vector<CharacterRange> ranges;
    bool open = false;
    for (size_t i = 0; i < characters.size(); ++i) {
        if (is_white_space(characters[i].code)) {
            open = false;
        } else if (open && !breaks(i)) {
            ranges.back().last = i + 1;
        } else {
            ranges.push_back({i, i + 1});
            open = true;
        }
    }
    return ranges;
}

std::vector<CharacterRange> merge_marks(const TokenText& text, const std::vector<CharacterRange>& ranges,
                                        const WordPunctuation& marks) {
    std::vector<CharacterRange> merged;
    bool opening = false;
    for (const CharacterRange& range : ranges) {
        const auto& characters = text.characters();
        const std::string_view bytes = text.bytes(characters[range.first].begin, characters[range.last - 1].end);
        const bool adjoins = !merged.empty() && merged.back().last == range.first;
        if (adjoins && (opening || one_of(marks.appended, bytes))) {
            merged.back().last = range.last;
        } else {
            merged.push_back(range);
        }
        opening = one_of(marks.prepended, bytes);
    }
    return merged;
}

// With the white space before it.
Word make_word(const TokenText& text, const CharacterRange& range, size_t text_begin) {
    const auto& characters = text.characters();
    size_t first = range.first;
    size_t last = range.last;
    while (first < last && is_silent_mark(characters[first].code)) ++first;
    while (first < last && is_silent_mark(characters[last - 1].code)) --last;
    // Marks alone are taken for spoken. Tokens count whole: "'s" is one.
    if (first == last) {
        first = range.first;
        last = range.last;
    }
    const size_t begin = characters[range.first].begin;
    const size_t end = characters[range.last - 1].end;
    const auto inside = [&](size_t position) { return std::clamp(position, begin, end); };
    const size_t first_token = characters[first].token;
    const size_t last_token = text.token_of(characters[last - 1].end - 1);
    const double start_time = text.time_at(first_token, begin);
    const double end_time = text.time_at(last_token, inside(text.token_end(last_token)));
    double probability = 0;
    const size_t from = text.token_of(begin);
    const size_t to = text.token_of(end - 1);
    for (size_t token = from; token <= to; ++token) probability += text.probability(token);
    return {valid_utf8(std::string(text.bytes(text_begin, end))), start_time, std::max(start_time, end_time),
            static_cast<float>(probability / static_cast<double>(to - from + 1))};
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

bool ends_within_character(std::string_view text) {
    for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xC0) != 0x80) return lead_length(byte) > back;
    }
    return false;
}

bool continues_word(std::string_view before, std::string_view after) {
    if (before.empty() || after.empty()) return false;
    const size_t length = character_length(after, 0);
    if (length == 0) return true;
    size_t begin = before.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(before[begin]) & 0xC0) == 0x80) --begin;
    const char32_t last = code_point(before, begin, character_length(before, begin));
    const char32_t first = code_point(after, 0, length);
    if (is_white_space(last) || is_white_space(first)) return false;
    if (length == after.size() && is_silent_mark(first)) return false;
    return is_spaced_script(last) && is_spaced_script(first);
}

std::vector<Word> split_words(const std::vector<TimedToken>& tokens, const std::string& language,
                              const WordPunctuation& punctuation) {
    const TokenText text(tokens);
    const bool spaces = !one_of(kLanguagesWithoutSpaces, language);
    std::vector<CharacterRange> ranges = divide(text, spaces, punctuation);
    if (!spaces) ranges = merge_marks(text, ranges, punctuation);
    std::vector<Word> words;
    size_t begin = 0;
    for (const CharacterRange& range : ranges) {
        words.push_back(make_word(text, range, begin));
        begin = text.characters()[range.last - 1].end;
    }
    spread_empty_words(words);
    return words;
}

}  // namespace agora
