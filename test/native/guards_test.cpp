// Guards against text that repeats itself or that nobody said.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <set>

#include "batched_support.h"
#include "engine/audio/silence.h"
#include "engine/text/hallucination.h"
#include "engine/text/repetition.h"

namespace {

using agora::BatchedWhisper;

agora::DecodedSegment segment_of(const std::vector<agora::Word>& words) {
    agora::DecodedSegment segment{};
    segment.words = words;
    segment.start = words.front().start;
    segment.end = words.back().end;
    return segment;
}

agora::DecodedSegment sane(double start, double end) {
    const double middle = (start + end) / 2;
    return segment_of({{" as", start, middle, 0.9f}, {" said", middle, end, 0.9f}});
}

agora::DecodedSegment odd(double start, double end) {
    const double middle = (start + end) / 2;
    return segment_of({{" Thanks", start, middle, 0.1f}, {" watching", middle, end, 0.05f}});
}

constexpr agora::PassTimes kWholeWindow = {0, 30, 0};

}  // namespace

TEST_CASE("the repetition penalty works on each token written, once") {
    std::vector<float> logits = {4, -4, 3, -3, 0};
    agora::penalize_repetition(logits.data(), {0, 1, 0, 4, 1}, 2);
    CHECK(logits == std::vector<float>{2, -8, 3, -3, 0});
    agora::penalize_repetition(logits.data(), {0, 1, 2}, 1);
    CHECK(logits == std::vector<float>{2, -8, 3, -3, 0});
}

TEST_CASE("what would end a run of tokens that was there before is forbidden") {
    const auto forbidden = [](const std::vector<int>& tokens, int size) {
        std::vector<float> logits(6, 0);
        agora::forbid_repeated_ngrams(logits.data(), tokens, size);
        std::set<int> result;
        for (int i = 0; i < 6; ++i) {
            if (std::isinf(logits[static_cast<size_t>(i)])) result.insert(i);
        }
        return result;
    };
    CHECK(forbidden({1, 2, 3, 1, 2}, 0).empty());
    CHECK(forbidden({}, 1).empty());
    CHECK(forbidden({1, 2, 3, 1, 2}, 1) == std::set<int>{1, 2, 3});
    CHECK(forbidden({1, 2, 3, 1, 2}, 2) == std::set<int>{3});
    CHECK(forbidden({1, 2, 3, 1, 2}, 3) == std::set<int>{3});
    CHECK(forbidden({1, 2, 3, 1, 2}, 4).empty());
    CHECK(forbidden({1, 2, 3, 1, 2, 4, 1, 2}, 3) == std::set<int>{3, 4});
    CHECK(forbidden({5, 5, 5}, 2) == std::set<int>{5});
    CHECK(forbidden({5}, 2).empty());
}

TEST_CASE("no search repeats a run of tokens that it may not repeat") {
    BatchedWhisper whisper(kDemoModel, options(2, 8));
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (int i = 0; i < 3; ++i) {
        requests.push_back(request(audio, 0, 19 * 16000));
        requests.back().search.beam_size = i == 1 ? 3 : 1;
        requests.back().search.temperatures = {i == 2 ? 0.6f : 0};
        requests.back().search.best_of = 2;
        // Without times between them, runs of text are seen as they are.
        requests.back().search.rules.timestamps = false;
    }
    const auto repeats = [](const std::vector<int>& tokens) {
        std::set<std::pair<int, int>> seen;
        size_t count = 0;
        for (size_t i = 1; i < tokens.size(); ++i) count += seen.insert({tokens[i - 1], tokens[i]}).second ? 0 : 1;
        return count;
    };
    const auto free = outcomes(whisper, requests);
    for (auto& each : requests) each.search.rules.no_repeat_ngram_size = 2;
    const auto guarded = outcomes(whisper, requests);
    for (auto& each : requests) each.search.rules.no_repeat_ngram_size = 0;
    for (auto& each : requests) each.search.rules.repetition_penalty = 5;
    const auto penalized = outcomes(whisper, requests);
    size_t free_repeats = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        free_repeats += repeats(tokens_of(free[i]));
        CHECK(tokens_of(guarded[i]).size() > 5);
        CHECK(repeats(tokens_of(guarded[i])) == 0);
        CHECK(tokens_of(penalized[i]) != tokens_of(free[i]));
    }
    CHECK(free_repeats > 0);
}

TEST_CASE("digital silence is what stays within the last bits, at any offset") {
    std::vector<float> samples(1000, 0.25f);
    CHECK(agora::is_digital_silence(samples.data(), samples.size()));
    for (size_t i = 0; i < samples.size(); ++i) samples[i] += (static_cast<float>(i % 5) - 2) / 32768;
    CHECK(agora::is_digital_silence(samples.data(), samples.size()));
    samples[999] += 8.0f / 32768;
    CHECK_FALSE(agora::is_digital_silence(samples.data(), samples.size()));
    CHECK(agora::is_digital_silence(samples.data(), 999));
    CHECK(agora::is_digital_silence(samples.data(), 0));
}

TEST_CASE("silence around speech yields no text, and speech keeps its own") {
    BatchedWhisper whisper(kDemoModel, options(2, 8));
    const std::vector<float> speech = read_wav(kEnglishCall);
    const auto at = [](double seconds) { return static_cast<size_t>(seconds * 16000); };
    std::vector<float> before(at(14), 0), after(at(30), 0);
    std::copy(speech.begin(), speech.begin() + static_cast<std::ptrdiff_t>(at(3)),
              before.end() - static_cast<std::ptrdiff_t>(at(3)));
    std::copy(speech.begin(), speech.begin() + static_cast<std::ptrdiff_t>(at(3)), after.begin());
    const std::vector<float> nothing(at(30), 0.1f);
    std::vector<agora::WindowRequest> requests = {request(before, 0, before.size()), request(after, 0, after.size()),
                                                  request(nothing, 0, nothing.size())};
    // The model is made to write whatever it takes silence for.
    for (auto& each : requests) {
        each.search.no_speech_threshold = INFINITY;
        each.search.log_prob_threshold = -INFINITY;
    }
    requests.push_back(requests.back());
    requests.back().search.rules.timestamps = false;
    const auto results = outcomes(whisper, requests);
    for (size_t i = 0; i < 2; ++i) {
        CAPTURE(text_of(results[i]));
        REQUIRE(!results[i].segments.empty());
        for (const auto& segment : results[i].segments) {
            CHECK(segment.end > (i == 0 ? 10.5 : 0));
            CHECK(segment.start < (i == 0 ? 14 : 3.5));
        }
    }
    CHECK(results[2].segments.empty());
    CHECK(results[3].segments.empty());
}

TEST_CASE("a pass of plausible words stands") {
    std::vector<agora::DecodedSegment> segments = {sane(0.5, 4), sane(8, 12)};
    CHECK_FALSE(agora::skip_hallucinations(segments, true, kWholeWindow, 2));
    CHECK(segments.size() == 2);
    segments.clear();
    CHECK_FALSE(agora::skip_hallucinations(segments, true, kWholeWindow, 2));
}

TEST_CASE("silence before odd words is skipped, and what follows heard again") {
    std::vector<agora::DecodedSegment> segments = {odd(6, 7), sane(8, 12)};
    CHECK(agora::skip_hallucinations(segments, true, kWholeWindow, 2) == 6.0);
    CHECK(segments.empty());
}

TEST_CASE("odd words among silence are dropped") {
    std::vector<agora::DecodedSegment> segments = {sane(0.5, 4), odd(10, 11), sane(20, 24)};
    CHECK(agora::skip_hallucinations(segments, true, kWholeWindow, 2) == 10.0);
    CHECK(segments.size() == 1);
    // Nothing is left that is longer than the threshold: the window is done.
    segments = {sane(17, 20), odd(27, 29)};
    CHECK(agora::skip_hallucinations(segments, true, kWholeWindow, 2) == 30.0);
    CHECK(segments.size() == 1);
}

TEST_CASE("odd words amid speech stay") {
    std::vector<agora::DecodedSegment> segments = {sane(0.5, 4), odd(4.2, 5), sane(5.2, 24)};
    CHECK_FALSE(agora::skip_hallucinations(segments, true, kWholeWindow, 2));
    CHECK(segments.size() == 3);
}

TEST_CASE("what follows the last word is heard again when it is longer than the threshold") {
    std::vector<agora::DecodedSegment> segments = {sane(0.5, 4)};
    CHECK(agora::skip_hallucinations(segments, false, kWholeWindow, 2) == 4.0);
    CHECK(agora::skip_hallucinations(segments, false, {0, 5.5, 0}, 2) == 5.5);
    CHECK(segments.size() == 1);
}

TEST_CASE("the hallucination guard leaves speech as it is, comes to an end on noise, and asks for no words") {
    BatchedWhisper whisper(kDemoModel, options(2, 8));
    const std::vector<float> speech = read_wav(kEnglishCall);
    std::vector<float> tones(8 * 16000), noise(8 * 16000);
    std::mt19937 random(1);
    for (size_t i = 0; i < tones.size(); ++i) {
        tones[i] = 0.3f * std::sin(static_cast<float>(i) * 0.17f) * (i / 16000 % 4 == 0 ? 1.0f : 0.0f);
        noise[i] = static_cast<float>(random()) / 4294967296.0f * 0.02f - 0.01f;
    }
    std::vector<agora::WindowRequest> requests = {request(speech, 0, 19 * 16000), request(tones, 0, tones.size()),
                                                  request(noise, 0, noise.size())};
    const auto expected = outcomes(whisper, requests);
    for (auto& each : requests) {
        each.hallucination_silence_threshold = 0.5;
        each.search.no_speech_threshold = INFINITY;
        each.search.log_prob_threshold = -INFINITY;
    }
    const auto guarded = outcomes(whisper, requests);
    CHECK(text_of(guarded[0]) == text_of(expected[0]));
    for (const auto& outcome : guarded) CHECK(!outcome.error);
}
