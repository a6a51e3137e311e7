// Loops of the decoder, told from what somebody says again and again.
#include "engine/text/repeated_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "engine/audio/sound_spans.h"
#include "engine/text/compression_ratio.h"
#include "engine/text/segments.h"
#include "support.h"

namespace {

using agora::Vocabulary;

const Vocabulary& vocabulary() {
    static const Vocabulary result = agora::read_vocabulary(kDemoModel, agora::read_whisper_file(kDemoModel));
    return result;
}

// Times are numbers of seconds behind "|": "|0", " text", "|2.5".
std::vector<int> tokens_of(const std::vector<std::string>& parts) {
    std::vector<int> tokens;
    for (const std::string& part : parts) {
        if (part[0] == '|') {
            const double steps = std::stod(part.substr(1)) / agora::kTimestampSeconds;
            tokens.push_back(vocabulary().first_timestamp + static_cast<int>(std::lround(steps)));
            continue;
        }
        for (const int token : vocabulary().encode({part})) tokens.push_back(token);
    }
    return tokens;
}

agora::DecodedText text_of(const std::vector<std::string>& parts) {
    agora::DecodedText text;
    text.tokens = tokens_of(parts);
    text.log_probs.assign(text.tokens.size(), -0.1f);
    text.avg_log_prob = -0.1f;
    return text;
}

std::string repeated(const std::string& text, int times) {
    std::string result;
    for (int i = 0; i < times; ++i) result += text;
    return result;
}

bool repeats(const std::vector<std::string>& parts) {
    return agora::repeats_itself(tokens_of(parts), vocabulary(), 2.4);
}

const std::vector<std::string> kSentence = {" Six", " routers", ",", " please", "."};

// The sentence `times` times, each as a segment of `seconds`.
std::vector<std::string> sentences(int times, double seconds) {
    std::vector<std::string> parts;
    for (int i = 0; i < times; ++i) {
        parts.push_back("|" + std::to_string(i * seconds));
        parts.insert(parts.end(), kSentence.begin(), kSentence.end());
        parts.push_back("|" + std::to_string((i + 1) * seconds));
    }
    return parts;
}

bool spoken(const agora::DecodedText& text, const std::vector<float>& samples) {
    const auto file = agora::read_whisper_file(kDemoModel);
    const agora::LogMel log_mel(file.hparams.n_mels, agora::read_mel_filters(kDemoModel, file));
    return agora::is_spoken_repetition(text, vocabulary(), log_mel, samples.data(), samples.size(), 2.4);
}

constexpr double kTurn = 3;

// Three seconds of the call, over and over, with noise that is never the same.
std::vector<float> said(int times, bool always_the_same) {
    const std::vector<float> call = read_wav(kEnglishCall);
    const auto turn = static_cast<size_t>(kTurn * 16000);
    std::mt19937 random(3);
    std::vector<float> samples;
    for (int i = 0; i < times; ++i) {
        const size_t from = always_the_same ? 0 : static_cast<size_t>(i) * turn;
        for (size_t k = 0; k < turn; ++k)
            samples.push_back(call[from + k] + 0.002f * (static_cast<float>(random()) / 4294967296.0f - 0.5f));
    }
    return samples;
}

}  // namespace

TEST_CASE("the compressed size of a text is zlib's, in every script") {
    // len(zlib.compress(text.encode())) of Python 3.11 with zlib 1.2.13.
    const auto near = [](const std::string& text, int expected) {
        CAPTURE(text);
        CHECK(std::abs(static_cast<int>(agora::deflated_size(text)) - expected) <= 3);
    };
    near("", 8);
    near("a", 9);
    near("Ask what you can do for your country.", 42);
    near(repeated("Ask what you can do for your country. ", 4), 47);
    near("no no no no no no no no no no no no no no no no", 14);
    near(
        "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил и лучше выдумать не мог. "
        "Его пример другим наука; но, боже мой, какая скука с больным сидеть и день и ночь, не отходя ни шагу прочь!",
        221);
    near("我们今天下午三点开会,请大家准时参加。会议的主要内容是讨论下个季度的工作计划,以及如何提高我们的服务质量。",
         146);
    CHECK(agora::compression_ratio("") == 0);
    CHECK(agora::compression_ratio(repeated(" and then and then", 20)) > 10);
}

TEST_CASE("a text repeats itself when tokens or whole segments do, not when its phrases are set ones") {
    CHECK(repeats({"|0", repeated(" and then", 60), "|30"}));
    CHECK(repeats(sentences(8, 2)));
    CHECK_FALSE(repeats(sentences(1, 2)));
    CHECK_FALSE(repeats({"|0", " no, no, no, no, I do not want it at all", "|4"}));
    // zlib sees 2.43 in its bytes.
    CHECK_FALSE(
        repeats({"|0", "Доставка занимает пятьдесят дней.", "|4", "|4", " Мой номер семь ноль восемь три девять.", "|8",
                 "|8", " Перезвоните мне в среду до обеда.", "|12", "|12", " Доставка занимает четыре дней.", "|16",
                 "|16", " Доставка занимает девять дней.", "|20", "|20", " Это слишком дорого.", "|24"}));
}

TEST_CASE("segments of one text are spoken when they sound alike") {
    CHECK(spoken(text_of(sentences(8, kTurn)), said(8, true)));
    CHECK_FALSE(spoken(text_of(sentences(8, kTurn)), said(8, false)));
    std::vector<float> noise(24 * 16000);
    std::mt19937 random(1);
    for (float& sample : noise) sample = 0.05f * (static_cast<float>(random()) / 4294967296.0f - 0.5f);
    CHECK_FALSE(spoken(text_of(sentences(8, kTurn)), noise));
    CHECK_FALSE(spoken(text_of({"|0", repeated(" and then", 60), "|24"}), said(8, true)));
    // Times that do not advance.
    std::vector<std::string> still = sentences(8, 0.1);
    CHECK_FALSE(spoken(text_of(still), said(8, true)));
    agora::DecodedText guessed = text_of(sentences(8, kTurn));
    guessed.avg_log_prob = -0.9f;
    CHECK_FALSE(spoken(guessed, said(8, true)));
}

TEST_CASE("segments of one text are spoken when each has a turn of its own, whoever takes it") {
    // As long as `seconds` tells, each with syllables of its own.
    const auto turns = [](double seconds, double change) {
        std::mt19937 random(5);
        std::vector<float> samples(static_cast<size_t>(8 * kTurn * 16000));
        for (size_t i = 0; i < samples.size(); ++i) {
            const double time = static_cast<double>(i) / 16000;
            const int turn = static_cast<int>(time / kTurn);
            const double inside = time - turn * kTurn;
            const double syllables = 0.6 + 0.4 * std::sin(6.28 * inside * (3 + 0.7 * turn) + turn);
            const bool sounds =
                inside > (seconds < kTurn ? 0.3 : 0) && inside < 0.3 + seconds * (turn % 2 == 0 ? 1 : change);
            const double noise = static_cast<double>(random()) / 2147483648.0 - 1;
            samples[i] = static_cast<float>(noise * (sounds ? 0.2 * syllables : 0.0005));
        }
        return samples;
    };
    CHECK(spoken(text_of(sentences(8, kTurn)), turns(2.2, 0.8)));
    // Whatever one says, it does not take twice as long the next time.
    CHECK_FALSE(spoken(text_of(sentences(8, kTurn)), turns(2.2, 0.4)));
    // Times that do not keep to the turns.
    CHECK_FALSE(spoken(text_of(sentences(8, 1.9)), turns(2.2, 1)));
    // Nobody pauses.
    CHECK_FALSE(spoken(text_of(sentences(8, kTurn)), turns(kTurn, 1)));
}

TEST_CASE("of a loop one is left, and of few tokens as many as one says in a breath") {
    agora::DecodedText loop = text_of(sentences(8, 2));
    agora::cut_loop(loop, vocabulary());
    CHECK(agora::plain_text(loop.tokens, vocabulary()) == "Six routers, please.");
    CHECK(loop.tokens.back() == vocabulary().first_timestamp + 100);
    CHECK(loop.log_probs.size() == loop.tokens.size());
    std::vector<std::string> parts = {"|0", " Well", ","};
    for (int i = 0; i < 100; ++i) parts.push_back(" no");
    agora::DecodedText words = text_of(parts);
    agora::cut_loop(words, vocabulary());
    CHECK(agora::plain_text(words.tokens, vocabulary()) == "Well, no no no no");
    agora::DecodedText sane = text_of(sentences(1, 2));
    const std::vector<int> before = sane.tokens;
    agora::cut_loop(sane, vocabulary());
    CHECK(sane.tokens == before);
}

TEST_CASE("the end of a text is known by its last time only") {
    const auto end_of = [](const std::vector<std::string>& parts) {
        return agora::split_segments(text_of(parts), vocabulary(), 5, 20 * 16000, true).text_end;
    };
    CHECK(end_of({"|0", " Six", "|3"}) == 8.0);
    CHECK(end_of({"|0", " Six", "|3", "|3", " routers", "|6"}) == 11.0);
    CHECK_FALSE(end_of({"|0", " Six"}));
    CHECK_FALSE(agora::split_segments(text_of({" Six"}), vocabulary(), 0, 16000, false).text_end);
}

TEST_CASE("sound is what is about as loud as what was heard") {
    std::vector<float> samples(10 * 16000);
    std::mt19937 random(1);
    const auto fill = [&](double from, double to, float level) {
        for (auto i = static_cast<size_t>(from * 16000); i < static_cast<size_t>(to * 16000); ++i)
            samples[i] = level * (static_cast<float>(random()) / 2147483648.0f - 1);
    };
    fill(0, 10, 0.001f);
    fill(1, 3, 0.2f);
    fill(5, 7, 0.1f);
    fill(8, 9, 0.01f);  // 26 dB below
    fill(9.5, 9.55, 0.2f);
    const auto spans = agora::sound_spans(samples.data(), samples.size(), {{1, 3}});
    REQUIRE(spans.size() == 2);
    CHECK(spans[1].start == doctest::Approx(5).epsilon(0.01));
    CHECK(spans[1].end == doctest::Approx(7).epsilon(0.01));
    CHECK(agora::total_of(agora::spans_after(spans, 6)) == doctest::Approx(1).epsilon(0.03));
    CHECK(agora::sound_spans(samples.data(), samples.size(), {}).empty());
    fill(0, 10, 0.1f);
    CHECK(agora::sound_spans(samples.data(), samples.size(), {{1, 3}}).empty());
}
