#include <doctest/doctest.h>

#include <cmath>

#include "batched_support.h"
#include "engine/error.h"

namespace {

using agora::BatchedWhisper;

const std::string kFirstEightSeconds =
    " My phone number is two eight nine two six. Hi there, how can I help you? Six routers, please.";

}  // namespace

TEST_CASE("the batched engine writes what was said, whatever the search") {
    BatchedWhisper whisper(kDemoModel, options(2, 8));
    const std::vector<float> audio = read_wav(kEnglishCall);
    agora::WindowRequest beams = request(audio, 0, 8 * 16000);
    beams.search.beam_size = 3;
    agora::WindowRequest sampled = request(audio, 0, 8 * 16000);
    sampled.search.temperatures = {0.2f};
    const auto results = outcomes(whisper, {request(audio, 0, 8 * 16000), beams, sampled});
    for (const auto& result : results) CHECK(text_of(result) == kFirstEightSeconds);
    REQUIRE(results[0].segments.size() == 3);
    CHECK(results[0].segments[0].start == doctest::Approx(0.4).epsilon(0.2));
    CHECK(results[0].segments[1].start == doctest::Approx(3.28).epsilon(0.05));
}

TEST_CASE("a window's result does not depend on its neighbours") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (size_t i = 0; i < 12; ++i) {
        requests.push_back(request(audio, i * 3 * 16000, std::min(audio.size(), (i * 3 + 4 + i) * 16000)));
        if (i % 3 == 1) requests.back().search.temperatures = {0.8f};
        if (i % 3 == 2) requests.back().search.beam_size = 2;
        if (i % 4 == 1) requests.back().search.rules.repetition_penalty = 1.4f;
        if (i % 4 == 2) requests.back().search.rules.no_repeat_ngram_size = 2;
        if (i % 5 == 3) requests.back().hallucination_silence_threshold = 0.5;
        if (i % 5 == 4) requests.back().search.rules.max_initial_timestamp = 5;
        requests.back().search.seed = static_cast<uint32_t>(i);
    }
    BatchedWhisper alone(kDemoModel, options(2, 1));
    BatchedWhisper together(kDemoModel, options(2, 32));
    const auto one_by_one = outcomes(alone, requests);
    const auto at_once = outcomes(together, requests);
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        REQUIRE(one_by_one[i].segments.size() == at_once[i].segments.size());
        for (size_t k = 0; k < one_by_one[i].segments.size(); ++k)
            CHECK(one_by_one[i].segments[k].tokens == at_once[i].segments[k].tokens);
    }
}

TEST_CASE("languages are detected in the batch") {
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    const std::vector<float> english = read_wav(kEnglishCall);
    const std::vector<float> russian = read_wav(AGORA_ROOT "/samples/sales-call-ru.wav");
    std::vector<agora::WindowRequest> requests = {request(english, 0, 160000), request(russian, 0, 160000)};
    for (auto& each : requests) each.language.clear();
    const auto results = outcomes(whisper, requests);
    CHECK(results[0].languages[0].language == "en");
    CHECK(results[1].languages[0].language == "ru");
    CHECK(results[1].languages[0].probability > 0.9f);
}

TEST_CASE("a cancelled window leaves the batch and harms no other") {
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (int i = 0; i < 6; ++i) requests.push_back(request(audio, 0, 8 * 16000));
    const auto flag = std::make_shared<std::atomic<bool>>(true);
    requests[1].cancelled = flag;
    requests[5].cancelled = flag;
    const auto results = outcomes(whisper, requests);
    for (size_t i = 0; i < results.size(); ++i) {
        if (i == 1 || i == 5) {
            REQUIRE(results[i].error);
            CHECK_THROWS_AS(std::rethrow_exception(results[i].error), agora::Error);
        } else {
            CHECK(text_of(results[i]) == kFirstEightSeconds);
        }
    }
}

TEST_CASE("a cancelled window that waits for a place in the batch is answered at once") {
    BatchedWhisper whisper(kDemoModel, options(2, 1));
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (int i = 0; i < 4; ++i) requests.push_back(request(audio, 0, 8 * 16000));
    const auto meanwhile = std::make_shared<std::atomic<bool>>(false);
    requests[2].cancelled = std::make_shared<std::atomic<bool>>(true);
    requests[3].cancelled = meanwhile;
    std::vector<size_t> order;
    for (size_t i = 0; i < requests.size(); ++i) {
        whisper.submit(requests[i], [&, i](const agora::WindowOutcome& outcome) {
            order.push_back(i);
            CHECK(static_cast<bool>(outcome.error) == (i >= 2));
            if (i == 0) meanwhile->store(true);
        });
    }
    whisper.run();
    // The first to be done takes the last one along, before the window between them begins.
    CHECK(order == std::vector<size_t>{2, 0, 3, 1});
}

TEST_CASE("a text that does not end stops where the decoder's context ends") {
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    const std::vector<float> audio = read_wav(kEnglishCall);
    agora::WindowRequest endless = request(audio, 0, 8 * 16000);
    endless.prompt.assign(1000, 1222);
    endless.search.max_tokens = 448;
    endless.search.temperatures = {0};
    endless.search.compression_ratio_threshold = INFINITY;
    endless.search.log_prob_threshold = -INFINITY;
    endless.search.rules.timestamps = false;
    endless.search.rules.suppress_tokens = {whisper.vocabulary().end_of_text};
    const auto results = outcomes(whisper, {endless});
    REQUIRE(!results[0].error);
    REQUIRE(results[0].segments.size() == 1);
    // 448 positions, less <|startofprev|>, 223 of the prompt and the 4 that start the transcript.
    CHECK(results[0].segments[0].tokens.size() == 448 - 1 - 223 - 4);
}
