// Byte-pair encoding of texts for prompts.
#include "engine/text/vocabulary.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "support.h"

namespace {

using agora::Vocabulary;

Vocabulary demo_vocabulary() {
    return agora::read_vocabulary(kDemoModel, agora::read_whisper_file(kDemoModel));
}

// openai/gpt-2, encoder.py, word for word: all pairs are looked at for every merge.
std::vector<int> encode_plainly(const Vocabulary& vocabulary, const std::string& piece) {
    std::vector<std::string> parts;
    for (const char byte : piece) parts.emplace_back(1, byte);
    for (;;) {
        int lowest = -1;
        size_t position = 0;
        for (size_t i = 0; i + 1 < parts.size(); ++i) {
            const int rank = vocabulary.find(parts[i] + parts[i + 1]);
            if (rank >= 0 && (lowest < 0 || rank < lowest)) {
                lowest = rank;
                position = i;
            }
        }
        if (lowest < 0) break;
        parts[position] += parts[position + 1];
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(position) + 1);
    }
    std::vector<int> tokens;
    for (const std::string& part : parts) {
        const int token = vocabulary.find(part);
        if (token >= 0) tokens.push_back(token);
    }
    return tokens;
}

TEST_CASE("a text has the tokens that merging pair by pair gives") {
    const Vocabulary vocabulary = demo_vocabulary();
    std::mt19937 random(7);
    std::vector<std::string> pieces = {"",
                                       "a",
                                       " routers",
                                       " phone number",
                                       "aaaaaaaaaaaaa",
                                       " \u0411\u043e\u0440\u0438\u0441",
                                       "\u65e5\u672c\u8a9e",
                                       "    ",
                                       " ------",
                                       "\xff\xfe"};
    const std::string letters = " aeinorst.";
    for (int i = 0; i < 300; ++i) {
        std::string piece;
        for (size_t length = 1 + random() % 60; length > 0; --length) piece += letters[random() % letters.size()];
        pieces.push_back(piece);
    }
    std::vector<int> together;
    for (const std::string& piece : pieces) {
        INFO(piece);
        const std::vector<int> expected = encode_plainly(vocabulary, piece);
        CHECK(vocabulary.encode({piece}) == expected);
        together.insert(together.end(), expected.begin(), expected.end());
    }
    CHECK(vocabulary.encode(pieces) == together);
}

// Looking at all pairs for every merge would take 10^12 steps here.
TEST_CASE("a piece of a million bytes is encoded") {
    const Vocabulary vocabulary = demo_vocabulary();
    const std::vector<int> tokens = vocabulary.encode({std::string(1'000'000, 'a')});
    size_t bytes = 0;
    for (const int token : tokens) bytes += vocabulary.texts[static_cast<size_t>(token)].size();
    CHECK(bytes == 1'000'000);
}

}  // namespace
