#include "engine/whisper/words.h"

#include <doctest/doctest.h>

namespace {

std::vector<std::string> texts(const std::vector<agora::Word>& words) {
    std::vector<std::string> result;
    for (const auto& word : words) result.push_back(word.text);
    return result;
}

std::vector<agora::TimedToken> tokens(const std::vector<std::string>& parts) {
    std::vector<agora::TimedToken> result;
    double time = 0;
    for (const auto& part : parts) {
        result.push_back({part, time, time + 0.1, 0.5f});
        time += 0.1;
    }
    return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("tokens become words at spaces, with their punctuation") {
    CHECK(texts(agora::split_words(tokens({" Hel", "lo", ",", " wor", "ld", "!"}), "en")) ==
          Texts{" Hello,", " world!"});
    CHECK(texts(agora::split_words(tokens({" say", " \"", "yes", "\"", " now"}), "en")) ==
          Texts{" say", " \"yes\"", " now"});
}

TEST_CASE("languages without spaces are split by character") {
    CHECK(texts(agora::split_words(tokens({"今", "天", "。"}), "zh")) == Texts{"今", "天。"});
}

TEST_CASE("characters that tokens tear apart are put together") {
    CHECK(texts(agora::split_words(tokens({" \xD0", "\xB4\xD0\xB0"}), "ru")) == Texts{" да"});
    CHECK(texts(agora::split_words(tokens({" a", " \xD0"}), "ru")) == Texts{" a", " \xEF\xBF\xBD"});
}

TEST_CASE("words span their tokens and average their probability") {
    const auto words = agora::split_words({{" ab", 1.0, 1.2, 0.4f}, {"c", 1.2, 1.5, 0.8f}}, "en");
    REQUIRE(words.size() == 1);
    CHECK(words[0].start == doctest::Approx(1.0));
    CHECK(words[0].end == doctest::Approx(1.5));
    CHECK(words[0].confidence == doctest::Approx(0.6));
}

TEST_CASE("words without duration share the time of their neighbour") {
    const auto words = agora::split_words(
        {{" My", 0.4, 0.4, 1}, {" own", 0.4, 0.4, 1}, {" phone", 0.4, 1.0, 1}, {" x", 1.0, 1.0, 1}}, "en");
    REQUIRE(words.size() == 4);
    for (size_t i = 0; i < words.size(); ++i) {
        CHECK(words[i].end > words[i].start);
        if (i > 0) CHECK(words[i].start >= words[i - 1].end - 1e-9);
    }
    CHECK(words[0].start == doctest::Approx(0.4));
    CHECK(words[3].end == doctest::Approx(1.0));
}

TEST_CASE("invalid UTF-8 is replaced, never passed on") {
    CHECK(agora::valid_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
    CHECK(agora::valid_utf8("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(agora::valid_utf8("да") == "да");
}
