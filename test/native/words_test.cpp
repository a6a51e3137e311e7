#include "engine/text/words.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "engine/audio/pauses.h"
#include "engine/audio/window.h"
#include "engine/text/word_times.h"

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

std::string joined(const std::vector<agora::Word>& words) {
    std::string result;
    for (const auto& word : words) result += word.text;
    return result;
}

agora::DecodedSegment segment_of(double start, double end, const std::vector<agora::Word>& words) {
    agora::DecodedSegment segment{};
    segment.start = start;
    segment.end = end;
    segment.words = words;
    return segment;
}

// Noise of `noise` dBFS, and speech of -20 dBFS in the stretches given, in seconds.
std::vector<float> sound(double seconds, double noise, const std::vector<agora::Pause>& speech) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> samples(static_cast<size_t>(seconds * agora::kSampleRate));
    const auto amplitude = [](double level) { return static_cast<float>(std::pow(10.0, level / 20)); };
    for (float& sample : samples) sample = amplitude(noise) * normal(random);
    for (const auto& stretch : speech) {
        const auto first = static_cast<size_t>(stretch.start * agora::kSampleRate);
        const auto last = static_cast<size_t>(stretch.end * agora::kSampleRate);
        for (size_t i = first; i < last; ++i) samples[i] += amplitude(-20) * normal(random);
    }
    return samples;
}

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

TEST_CASE("words break only where the text has white space") {
    CHECK(texts(agora::split_words(tokens({" my", " mother", "-", "in", "-", "law", "'s", " X", "-", "ray", "."}),
                                   "en")) == Texts{" my", " mother-in-law's", " X-ray."});
    CHECK(texts(agora::split_words(tokens({" $", "5", ".", "50", " at", " 7", ":", "30", ",", " 1", ",", "000"}),
                                   "en")) == Texts{" $5.50", " at", " 7:30,", " 1,000"});
    CHECK(texts(agora::split_words(tokens({" «", "по", "-", "русски", "»", " —", " да"}), "ru")) ==
          Texts{" «по-русски»", " —", " да"});
    CHECK(texts(agora::split_words(tokens({" e", "-", "mail", "@", "x", ".", "org", " don", "'t"}), "en")) ==
          Texts{" e-mail@x.org", " don't"});
    CHECK(texts(agora::split_words(tokens({" a b", "\xC2\xA0", "c\xE3\x80\x80", "d"}), "en")) == Texts{" a", " b",
                                                                                                       "\xC2\xA0"
                                                                                                       "c",
                                                                                                       "\xE3\x80\x80"
                                                                                                       "d"});
}

TEST_CASE("there are as many words as white space makes of the text, whatever the tokens") {
    const Texts pieces = {"a",  "Б",  "-", "'", ".",        ",",  "1",
                          " ",  " ",  " ", "—", "«",        "»",  "$",
                          "\"", "今", "é", "(", "\xC2\xA0", "\n", "\xF0\x9F\x91\x8B"};
    std::mt19937 random(3);
    for (int round = 0; round < 500; ++round) {
        std::string text;
        for (size_t i = random() % 40; i > 0; --i) text += pieces[random() % pieces.size()];
        std::vector<agora::TimedToken> cut;
        for (size_t at = 0; at < text.size();) {
            const size_t length = std::min<size_t>(1 + random() % 5, text.size() - at);
            cut.push_back(
                {text.substr(at, length), static_cast<double>(cut.size()), static_cast<double>(cut.size() + 1), 1});
            at += length;
        }
        std::string plain = text;
        for (size_t at = plain.find("\xC2\xA0"); at != std::string::npos; at = plain.find("\xC2\xA0"))
            plain.replace(at, 2, " ");
        size_t expected = 0;
        bool inside = false;
        for (const char c : plain) {
            const bool space = c == ' ' || c == '\n';
            if (!space && !inside) ++expected;
            inside = !space;
        }
        const auto words = agora::split_words(cut, "en");
        CHECK(words.size() == expected);
        // Nothing is lost but white space at the end.
        CHECK(text.compare(0, joined(words).size(), joined(words)) == 0);
        double low = 0;
        for (const auto& word : words) {
            CHECK(word.start >= low - 1e-9);
            CHECK(word.end >= word.start);
            low = word.start;
        }
    }
}

TEST_CASE("a word keeps its own time: marks take the pause after it") {
    const auto words = agora::split_words(
        {{" (", 0, 0.5, 1}, {"Yes", 0.5, 0.8, 1}, {".", 0.8, 3.9, 1}, {")", 3.9, 4, 1}, {" No", 4, 4.3, 1}}, "en");
    REQUIRE(words.size() == 2);
    CHECK(words[0].text == " (Yes.)");
    CHECK(words[0].start == doctest::Approx(0.5));
    CHECK(words[0].end == doctest::Approx(0.8));
}

TEST_CASE("marks that are not to be part of words are words of their own") {
    agora::WordPunctuation marks;
    marks.appended = {"!"};
    CHECK(texts(agora::split_words(tokens({" Well", ",", " yes", "!"}), "en", marks)) == Texts{" Well", ",", " yes!"});
}

TEST_CASE("other scripts stay whole in languages without white space") {
    CHECK(texts(agora::split_words(tokens({"用", "i", "Phone", "1", ",", "000", "元", "“", "好", "”", "。"}), "zh")) ==
          Texts{"用", "iPhone1,000", "元", "“好”。"});
}

TEST_CASE("pauses are where nothing stands out of the noise") {
    for (const double noise : {-100.0, -55.0, -45.0, -35.0}) {
        const auto pauses = agora::find_pauses(sound(30, noise, {{12, 13}, {13.3, 16}, {29, 29.5}}).data(), 30 * 16000);
        REQUIRE(pauses.size() == 4);
        const std::vector<double> edges = {0, 12, 13, 13.3, 16, 29, 29.5, 30};
        for (size_t i = 0; i < pauses.size(); ++i) {
            CHECK(std::abs(pauses[i].start - edges[2 * i]) < 0.03);
            CHECK(std::abs(pauses[i].end - edges[2 * i + 1]) < 0.03);
        }
    }
    CHECK(agora::find_pauses(nullptr, 0).empty());
    CHECK(agora::find_pauses(sound(5, -20, {}).data(), 5 * 16000).empty());
    CHECK(agora::find_pauses(sound(5, -25, {{1, 2}}).data(), 5 * 16000).empty());
}

TEST_CASE("the pause before a sound is the one that it follows closely") {
    const std::vector<agora::Pause> pauses = {{2, 2.4}, {5, 5.1}, {8, 9}};
    const auto end_of = [&](double time) {
        const auto pause = agora::pause_before(pauses, time, 0.2, 1);
        return pause ? pause->end : -1;
    };
    CHECK(end_of(2.4) == 2.4);
    CHECK(end_of(3.3) == 2.4);
    // It is longer ago, in a pause itself, before all of them, or only after a short one.
    CHECK(end_of(3.5) == -1);
    CHECK(end_of(2.2) == -1);
    CHECK(end_of(8.9) == -1);
    CHECK(end_of(1) == -1);
    CHECK(end_of(5.3) == -1);
    CHECK(end_of(9.2) == 9);
}

TEST_CASE("words beside a pause begin and end with the sound") {
    const std::vector<agora::Pause> pauses = {{0, 5.3}, {6.2, 9}, {9.9, 12}};
    std::vector<agora::DecodedSegment> segments = {
        segment_of(0, 6.5, {{" Good", 0, 5.6, 1}, {" morning.", 5.6, 6.3, 1}}),
        segment_of(6.5, 12, {{" Yes", 7, 9.4, 1}, {" sir.", 9.4, 11, 1}})};
    agora::refine_word_times(segments, pauses, 0, 12);
    CHECK(segments[0].start == doctest::Approx(5.3));
    CHECK(segments[0].words[0].end == doctest::Approx(5.6));
    CHECK(segments[0].end == doctest::Approx(6.2));
    CHECK(segments[1].start == doctest::Approx(9));
    CHECK(segments[1].end == doctest::Approx(9.9));
}

TEST_CASE("a segment's last word goes on as long as the sound does, where the model's time for its end agrees") {
    const auto end_of = [](double told, double pause) {
        std::vector<agora::DecodedSegment> segments = {
            segment_of(0, told, {{" Check", 0.5, 1, 1}, {" the", 1, 1.2, 1}, {" order.", 1.2, 1.6, 1}})};
        agora::refine_word_times(segments, {{0, 0.5}, {pause, 9}}, 0, 9);
        return segments[0].end;
    };
    CHECK(end_of(2.2, 2.18) == doctest::Approx(2.18));
    CHECK(end_of(2.2, 2.4) == doctest::Approx(2.4));
    CHECK(end_of(1.7, 2.4) == doctest::Approx(1.6));
    CHECK(end_of(2.2, 4) == doctest::Approx(1.6));
}

TEST_CASE("where the sound does not tell, a word beside a pause is at most twice as long as others") {
    std::vector<agora::DecodedSegment> segments = {segment_of(
        0, 9, {{" a", 0, 2, 1}, {" b", 2, 2.3, 1}, {" c", 2.3, 2.6, 1}, {" d", 2.6, 2.9, 1}, {" e.", 2.9, 6, 1}})};
    agora::refine_word_times(segments, {}, 0, 9);
    CHECK(segments[0].start == doctest::Approx(1.4));
    CHECK(segments[0].end == doctest::Approx(3.5));
}

TEST_CASE("a word whose time is a pause is spoken where its sentence goes on") {
    std::vector<agora::DecodedSegment> segments = {
        segment_of(0, 8, {{" He", 1, 6.05, 1}, {" should", 6.05, 6.6, 1}, {" go.", 6.6, 7, 1}})};
    agora::refine_word_times(segments, {{1, 6}}, 0, 8);
    CHECK(segments[0].start == doctest::Approx(6));
    CHECK(segments[0].words[1].start > 6.05);
}

TEST_CASE("words and segments run forward and take their time, inside the window") {
    std::mt19937 random(5);
    std::uniform_real_distribution<double> wild(-1, 12);
    for (int round = 0; round < 300; ++round) {
        std::vector<agora::DecodedSegment> segments;
        for (size_t s = 0; s < 1 + random() % 4; ++s) {
            std::vector<agora::Word> words;
            for (size_t w = random() % 6; w > 0; --w) words.push_back({" w", wild(random), wild(random), 1});
            segments.push_back(segment_of(wild(random), wild(random), words));
        }
        std::vector<agora::Pause> pauses;
        for (double at = wild(random); at < 10; at += 1 + std::abs(wild(random))) pauses.push_back({at, at + 0.6});
        agora::refine_word_times(segments, pauses, 0.5, 10);
        double low = 0.5;
        for (const auto& segment : segments) {
            CHECK(segment.start >= low - 1e-9);
            CHECK(segment.end >= segment.start + agora::kShortestSpan - 1e-9);
            double inside = segment.start;
            for (const auto& word : segment.words) {
                CHECK(word.start >= inside - 1e-9);
                CHECK(word.end >= word.start + agora::kShortestSpan - 1e-9);
                inside = word.end;
            }
            CHECK(inside <= segment.end + 1e-9);
            low = segment.end;
        }
        CHECK(low <= 10 + 1e-9);
    }
}
