// Short recordings: of the silence that fills the window up, few frames are computed.
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "batched_support.h"
#include "engine/kernels/window_frames.h"
#include "observed_network.h"

namespace {

using agora::EncoderInput;
using agora::Network;
using agora::WindowFrames;
using agora::WindowRequest;

struct Heard {
    std::vector<WindowFrames> frames;  // of each run of the encoder
    std::vector<agora::WindowOutcome> outcomes;
};

Heard hear(agora::BatchedOptions options, const std::vector<WindowRequest>& requests, bool leaves_out = true) {
    Heard heard;
    const auto note = [&](const std::vector<EncoderInput>& windows) {
        for (const EncoderInput& window : windows) heard.frames.push_back(window.frames);
    };
    options.around_network = [&](std::unique_ptr<Network> network) {
        return std::make_unique<ObservedNetwork>(std::move(network), note, leaves_out);
    };
    agora::BatchedWhisper whisper(kDemoModel, options);
    heard.outcomes = outcomes(whisper, requests);
    return heard;
}

// No text had to be looked for in all frames.
void check_all_thin(const Heard& few, const Heard& all) {
    REQUIRE(few.frames.size() == all.frames.size());
    for (const WindowFrames& frames : few.frames) CHECK(frames.count() < WindowFrames::kAll);
}

std::vector<WindowRequest> sentences() {
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<WindowRequest> requests;
    for (const size_t seconds : {2, 5, 9, 16}) requests.push_back(request(audio, 0, seconds * 16000));
    return requests;
}

}  // namespace

TEST_CASE("frames that are computed stand for all of the window, each for those around it") {
    for (size_t samples = 0; samples <= 480000; samples += 997) {
        CAPTURE(samples);
        const WindowFrames frames = agora::thinned_silence(samples);
        REQUIRE(frames.heard + (frames.count() - frames.heard) * frames.each == WindowFrames::kAll);
        REQUIRE(frames.heard * 320 >= static_cast<int>(samples));
        for (int row = 0; row < frames.count(); ++row) {
            const int stands_for = row < frames.heard ? row : frames.heard + (row - frames.heard) * frames.each;
            REQUIRE(frames.position(row) >= stands_for);
            REQUIRE(frames.position(row) < stands_for + frames.each);
        }
    }
    CHECK(agora::thinned_silence(5 * 16000).count() < WindowFrames::kAll / 3);
    CHECK(agora::thinned_silence(480000).count() == WindowFrames::kAll);
}

TEST_CASE("a short recording reads the same whether all frames of the silence behind it are computed or few") {
    for (const agora::ComputeType type : {agora::ComputeType::Auto, agora::ComputeType::F16}) {
        agora::BatchedOptions each = options(2, 4);
        each.compute_type = type;
        const Heard few = hear(each, sentences());
        const Heard all = hear(each, sentences(), false);
        for (const WindowFrames& frames : all.frames) CHECK(frames.count() == WindowFrames::kAll);
        check_all_thin(few, all);
        for (size_t i = 0; i < few.outcomes.size(); ++i) {
            CAPTURE(i);
            CHECK(text_of(few.outcomes[i]) == text_of(all.outcomes[i]));
        }
    }
}

TEST_CASE("words of a short recording have the times that all frames give them") {
    std::vector<WindowRequest> requests = sentences();
    for (WindowRequest& request : requests) request.word_timestamps = true;
    const Heard few = hear(options(2, 4), requests);
    const Heard all = hear(options(2, 4), requests, false);
    check_all_thin(few, all);
    size_t words = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
        REQUIRE(few.outcomes[i].segments.size() == all.outcomes[i].segments.size());
        for (size_t j = 0; j < few.outcomes[i].segments.size(); ++j) {
            const auto& actual = few.outcomes[i].segments[j].words;
            const auto& expected = all.outcomes[i].segments[j].words;
            REQUIRE(actual.size() == expected.size());
            words += actual.size();
            for (size_t k = 0; k < actual.size(); ++k) {
                CAPTURE(actual[k].text);
                CHECK(std::abs(actual[k].start - expected[k].start) <= 0.1);
                CHECK(std::abs(actual[k].end - expected[k].end) <= 0.1);
            }
        }
    }
    CHECK(words > 20);
}

TEST_CASE("the language of a short recording is the one that all frames tell") {
    std::vector<WindowRequest> requests = sentences();
    for (WindowRequest& request : requests) request.language.clear();
    const Heard few = hear(options(2, 4), requests);
    const Heard all = hear(options(2, 4), requests, false);
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        const agora::WindowOutcome& actual = few.outcomes[i];
        const agora::WindowOutcome& expected = all.outcomes[i];
        REQUIRE_FALSE(actual.languages.empty());
        CHECK(actual.languages.front().language == expected.languages.front().language);
        CHECK(actual.languages.front().probability ==
              doctest::Approx(expected.languages.front().probability).epsilon(0.05));
        CHECK(std::abs(actual.no_speech_prob - expected.no_speech_prob) < 0.05);
    }
}

TEST_CASE("a text that is endless is looked for in all frames") {
    std::vector<WindowRequest> requests = sentences();
    requests.erase(requests.begin(), requests.end() - 1);
    // Neither the end of the text nor a time at the end of the sound is chosen, and nothing else speaks against it.
    requests.front().search.rules.timestamps = false;
    requests.front().search.rules.suppress_tokens.push_back(
        agora::read_vocabulary(kDemoModel, agora::read_whisper_file(kDemoModel)).end_of_text);
    requests.front().search.log_prob_threshold = -INFINITY;
    requests.front().search.no_speech_threshold = INFINITY;
    requests.front().search.compression_ratio_threshold = INFINITY;
    const Heard few = hear(options(2, 1), requests);
    REQUIRE(few.frames.size() > 1);
    CHECK(few.frames.front().count() < WindowFrames::kAll);
    CHECK(few.frames.back().count() == WindowFrames::kAll);
}

TEST_CASE("a text that guards have something against is looked for in all frames, once") {
    std::vector<WindowRequest> requests = sentences();
    for (WindowRequest& request : requests) {
        // No text is probable enough at any temperature.
        request.search.log_prob_threshold = 0.2f;
        request.search.no_speech_threshold = INFINITY;
        request.search.temperatures = {0, 0.4f};
        request.search.seed = 7;
    }
    requests.resize(1);
    const Heard few = hear(options(2, 1), requests);
    const Heard all = hear(options(2, 1), requests, false);
    REQUIRE(few.frames.size() == all.frames.size() + 1);
    CHECK(few.frames.front().count() < WindowFrames::kAll);
    for (size_t i = 1; i < few.frames.size(); ++i) CHECK(few.frames[i].count() == WindowFrames::kAll);
    CHECK(tokens_of(few.outcomes.front()) == tokens_of(all.outcomes.front()));
}

TEST_CASE("in single precision every frame is computed, as the model was published") {
    agora::BatchedOptions exact = options(2, 4);
    exact.compute_type = agora::ComputeType::F32;
    for (const WindowFrames& frames : hear(exact, sentences()).frames) CHECK(frames.count() == WindowFrames::kAll);
}
