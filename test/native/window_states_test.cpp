// Windows that take more than one pass: those that are listened to again, whose text is in doubt, that are tried at
// higher temperatures, and all of it at once. Each reads alone as in company, and a cancel ends it within a step.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <new>
#include <random>
#include <string>

#include "batched_support.h"
#include "engine/error.h"
#include "model_writer.h"
#include "observed_network.h"

namespace {

using agora::BatchedWhisper;
using agora::WindowRequest;

struct State {
    std::string name;
    std::function<void(WindowRequest&)> enter;
    size_t encoded;  // passes through the encoder, at least
};

// Speech all along, of which few tokens are written: what is behind them is listened to.
void stop_early(WindowRequest& request) {
    request.speech = {{0, static_cast<double>(request.samples.size()) / 16000}};
    request.search.max_tokens = 8;
    request.search.log_prob_threshold = -INFINITY;
    request.search.compression_ratio_threshold = INFINITY;
}

// No text is probable enough at any temperature.
void refuse(WindowRequest& request) {
    request.search.log_prob_threshold = 0.2f;
    request.search.temperatures = {0, 0.4f, 0.8f};
    request.search.best_of = 2;
    request.search.seed = 7;
}

const std::vector<State> kStates = {
    {"listened to again", stop_early, 2},
    {"listened to again, without times to go by",
     [](WindowRequest& request) {
         stop_early(request);
         request.search.rules.timestamps = false;
     },
     1},
    {"in doubt", [](WindowRequest& request) { request.search.no_speech_threshold = 1e-30f; }, 2},
    {"in doubt and listened to again",
     [](WindowRequest& request) {
         stop_early(request);
         request.search.no_speech_threshold = 1e-30f;
     },
     3},
    {"tried at higher temperatures",
     [](WindowRequest& request) {
         refuse(request);
         request.search.no_speech_threshold = INFINITY;
     },
     1},
    {"in doubt, then tried at higher temperatures", refuse, 2},
    {"searched with beams, in doubt, then tried at higher temperatures",
     [](WindowRequest& request) {
         refuse(request);
         request.search.beam_size = 3;
     },
     2},
    {"given word times, in doubt and listened to again",
     [](WindowRequest& request) {
         stop_early(request);
         request.search.no_speech_threshold = 1e-30f;
         request.word_timestamps = true;
     },
     3},
};

std::vector<WindowRequest> requests_of(const std::vector<float>& audio, size_t step, size_t length) {
    std::vector<WindowRequest> requests;
    for (const State& state : kStates) {
        const size_t begin = requests.size() * step;
        requests.push_back(request(audio, begin, begin + length));
        state.enter(requests.back());
    }
    return requests;
}

void check_alike(const std::vector<agora::WindowOutcome>& actual, const std::vector<agora::WindowOutcome>& expected) {
    for (size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(kStates[i].name);
        REQUIRE(actual[i].segments.size() == expected[i].segments.size());
        CHECK(actual[i].reliable == expected[i].reliable);
        for (size_t k = 0; k < expected[i].segments.size(); ++k) {
            const agora::DecodedSegment& a = actual[i].segments[k];
            const agora::DecodedSegment& b = expected[i].segments[k];
            CHECK(a.tokens == b.tokens);
            CHECK(a.start == b.start);
            CHECK(a.end == b.end);
            CHECK(a.temperature == b.temperature);
        }
    }
}

std::vector<float> noise(size_t count) {
    std::mt19937 random(1);
    std::vector<float> samples(count);
    for (float& sample : samples) sample = static_cast<float>(static_cast<int>(random() % 2000) - 1000) / 4000;
    return samples;
}

}  // namespace

TEST_CASE("windows of several passes read alone as in company") {
    const std::vector<WindowRequest> requests = requests_of(read_wav(kEnglishCall), 3 * 16000, 9 * 16000);
    BatchedWhisper alone(kDemoModel, options(2, 1));
    std::vector<agora::WindowOutcome> one_by_one;
    size_t texts = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(kStates[i].name);
        const size_t before = alone.load().encoded;
        one_by_one.push_back(outcomes(alone, {requests[i]}).front());
        CHECK(alone.load().encoded - before >= kStates[i].encoded);
        texts += one_by_one.back().segments.empty() ? 0 : 1;
    }
    CHECK(texts >= requests.size() - 1);
    BatchedWhisper together(kDemoModel, options(2, 16));
    check_alike(outcomes(together, requests), one_by_one);
    // Places are taken over by windows that wait, while others are between their passes.
    BatchedWhisper few(kDemoModel, options(2, 3));
    check_alike(outcomes(few, requests), one_by_one);
}

TEST_CASE("the decoder is asked once where a pass's tokens looked, for its end and for the times of its words") {
    int runs = 0;
    agora::BatchedOptions observed = options(2, 1);
    observed.around_network = [&](std::unique_ptr<agora::Network> network) {
        return std::make_unique<ObservedNetwork>(
            std::move(network), [&](const std::vector<agora::EncoderInput>& windows) { runs += windows.empty(); });
    };
    BatchedWhisper whisper(kDemoModel, observed);
    WindowRequest asked = request(read_wav(kEnglishCall), 22 * 16000, 38 * 16000);
    stop_early(asked);
    // Too few for a time behind them.
    asked.search.max_tokens = 4;
    const auto runs_of = [&](bool words) {
        asked.word_timestamps = words;
        runs = 0;
        const agora::WindowOutcome outcome = outcomes(whisper, {asked}).front();
        REQUIRE(outcome.segments.size() == 3);
        return runs;
    };
    // Of three passes, one of which has been asked about already. They are as many in every compute type.
    const int without = runs_of(false);
    CHECK(runs_of(true) <= without + 2);
}

TEST_CASE("a window that there is no memory for fails alone of those that are encoded together") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 1, 1));
    std::vector<WindowRequest> requests;
    for (size_t i = 0; i < 3; ++i) requests.push_back(request(noise(5 * 16000), i * 800, 3 * 16000));
    for (WindowRequest& each : requests) each.search.max_tokens = 10;
    int windows = 0;
    agora::BatchedOptions observed = options(1, 4);
    observed.portable = true;
    observed.around_network = [&](std::unique_ptr<agora::Network> network) {
        return std::make_unique<ObservedNetwork>(
            std::move(network), [](const std::vector<agora::EncoderInput>&) {}, true,
            [&] {
                if (++windows == 2) throw std::bad_alloc();
            });
    };
    BatchedWhisper whisper(model.path(), observed);
    const auto results = outcomes(whisper, requests);
    CHECK(windows == 3);
    CHECK_FALSE(results[0].error);
    REQUIRE(results[1].error);
    CHECK_THROWS_AS(std::rethrow_exception(results[1].error), std::bad_alloc);
    CHECK_FALSE(results[2].error);
    CHECK(tokens_of(outcomes(whisper, {requests[2]}).front()) == tokens_of(results[2]));
}

TEST_CASE("a cancel at any step of a window ends it within that step, whatever it is at") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 1));
    const std::vector<WindowRequest> requests = requests_of(noise(5 * 16000), 800, 3 * 16000);
    int run = 0;
    int cancel_at = 0;
    std::shared_ptr<std::atomic<bool>> flag;
    agora::BatchedOptions observed = options(1, 4);
    observed.around_network = [&](std::unique_ptr<agora::Network> network) {
        return std::make_unique<ObservedNetwork>(std::move(network), [&](const std::vector<agora::EncoderInput>&) {
            if (++run == cancel_at) flag->store(true);
        });
    };
    BatchedWhisper whisper(model.path(), observed);
    const auto ask = [&](const WindowRequest& asked, int at) {
        WindowRequest each = asked;
        flag = std::make_shared<std::atomic<bool>>(false);
        each.cancelled = flag;
        run = 0;
        cancel_at = at;
        return outcomes(whisper, {each}).front();
    };
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(kStates[i].name);
        WindowRequest each = requests[i];
        each.search.max_tokens = std::min(each.search.max_tokens, 10);
        REQUIRE(!ask(each, 0).error);
        const int runs = run;
        CHECK(runs >= 8);
        for (int at = 1; at < runs; ++at) {
            CAPTURE(at);
            const agora::WindowOutcome outcome = ask(each, at);
            CHECK(run == at);
            REQUIRE(outcome.error);
            CHECK_THROWS_AS(std::rethrow_exception(outcome.error), agora::Error);
            CHECK(outcome.segments.empty());
        }
    }
}

TEST_CASE("a window that is cancelled between its passes harms no neighbour") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 1));
    std::vector<WindowRequest> requests = requests_of(noise(5 * 16000), 800, 3 * 16000);
    for (WindowRequest& each : requests) each.search.max_tokens = std::min(each.search.max_tokens, 10);
    BatchedWhisper alone(model.path(), options(1, 1));
    const auto expected = outcomes(alone, requests);
    for (int at = 2; at < 40; at += 3) {
        CAPTURE(at);
        int run = 0;
        const auto flag = std::make_shared<std::atomic<bool>>(false);
        agora::BatchedOptions observed = options(1, 16);
        observed.around_network = [&](std::unique_ptr<agora::Network> network) {
            return std::make_unique<ObservedNetwork>(std::move(network), [&](const std::vector<agora::EncoderInput>&) {
                if (++run == at) flag->store(true);
            });
        };
        BatchedWhisper whisper(model.path(), observed);
        std::vector<WindowRequest> asked = requests;
        for (size_t i = 0; i < asked.size(); i += 2) asked[i].cancelled = flag;
        const auto actual = outcomes(whisper, asked);
        for (size_t i = 0; i < asked.size(); ++i) {
            CAPTURE(kStates[i].name);
            if (i % 2 == 1) {
                REQUIRE(!actual[i].error);
                CHECK(tokens_of(actual[i]) == tokens_of(expected[i]));
            } else if (!actual[i].error) {
                CHECK(tokens_of(actual[i]) == tokens_of(expected[i]));
            }
        }
    }
}
