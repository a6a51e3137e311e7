// The memory of beams and samples: how much there is at once, whose text it holds, and that it is there from the start.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "batched_support.h"
#include "counting_decoder.h"
#include "engine/decoder/portable_network.h"
#include "engine/decoder/window_decoding.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/text/softmax.h"
#include "model_writer.h"

TEST_CASE("a search has no more sequences than it says, and each continues its own text") {
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModel);
    const agora::Vocabulary vocabulary = agora::read_vocabulary(kDemoModel, file);
    const agora::LogitRules rules(vocabulary);
    const Tokens prompt = {vocabulary.start_of_transcript, vocabulary.first_language, vocabulary.transcribe,
                           vocabulary.no_timestamps};
    struct Case {
        int beam_size, best_of;
        float patience;
        std::vector<float> temperatures;
        int expected;
    };
    for (const Case& search : {Case{5, 5, 1, {0}, 5}, Case{5, 5, 3, {0}, 5}, Case{8, 1, 1, {0, 0.4f}, 8},
                               Case{1, 5, 1, {0}, 1}, Case{1, 5, 1, {0, 0.8f}, 5}, Case{2, 3, 1, {0, 0.2f, 0.4f}, 3}}) {
        CAPTURE(search.beam_size);
        CAPTURE(search.best_of);
        agora::SearchOptions options;
        options.rules.timestamps = false;
        options.beam_size = search.beam_size;
        options.best_of = search.best_of;
        options.patience = search.patience;
        options.temperatures = search.temperatures;
        options.max_tokens = 12;
        // Every attempt is followed by the next one.
        options.log_prob_threshold = 0;
        options.no_speech_threshold = std::numeric_limits<float>::infinity();
        CHECK(options.sequences() == search.expected);
        CountingDecoder decoder;
        const auto window = decoder.new_window();
        agora::DecodedText text;
        {
            agora::WindowDecoding decoding(vocabulary, rules, decoder, *window, prompt, prompt.size(), options);
            text = text_of_search(decoding, vocabulary);
        }
        CHECK(decoder.most == search.expected);
        CHECK(decoder.count == 0);
        REQUIRE_FALSE(text.tokens.empty());
        // The probabilities are those that follow from the text itself.
        Tokens written, history = prompt;
        for (size_t i = 0; i < text.tokens.size(); ++i) {
            std::vector<float> values = logits_after(history, vocabulary);
            rules.apply(values.data(), written, options.rules);
            const auto token = static_cast<size_t>(text.tokens[i]);
            const float total = agora::log_sum_exp(values.data(), values.data() + values.size());
            CHECK(text.log_probs[i] == doctest::Approx(values[token] - total).epsilon(1e-4));
            written.push_back(text.tokens[i]);
            history.push_back(text.tokens[i]);
        }
    }
}

TEST_CASE("memory for sequences on a device is taken at once or not at all") {
    agora::capture_logs();
    const TemporaryFile model(random_model({64, 1, 1, 64}, 8, 1));
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    agora::CpuCompute compute(1);
    agora::PortableNetwork network(model.path(), file, agora::ComputeType::Auto, 2, compute);
    auto& decoder = static_cast<agora::PortableDecoder&>(network.decoder());
    const auto window = decoder.new_window();
    for (const bool taken : {false, true}) {
        CAPTURE(taken);
        const auto sequence = taken ? decoder.new_sequence() : nullptr;
        decoder.reserve_sequences(taken ? 9 : 7);
        const int there = decoder.sequences();
        CHECK(there >= (taken ? 9 : 7));
        CHECK_THROWS_AS(decoder.reserve_sequences(std::numeric_limits<int>::max()), agora::Error);
        CHECK(decoder.sequences() == there);
        const auto another = decoder.new_sequence();
        CHECK(decoder.run({{another.get(), window.get(), 0, {1, 2, 3}}}, nullptr) != nullptr);
    }
    std::vector<std::unique_ptr<agora::SequenceMemory>> all;
    const int there = decoder.sequences();
    for (int i = 0; i < there; ++i) all.push_back(decoder.new_sequence());
    CHECK(decoder.sequences() == there);
}

TEST_CASE("memory for sequences on a device is not made anew for each window of a batch that fills up") {
    agora::capture_logs();
    const TemporaryFile model(random_model({64, 1, 1, 64}, 8, 1));
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    agora::CpuCompute compute(1);
    agora::PortableNetwork network(model.path(), file, agora::ComputeType::Auto, 16, compute);
    auto& decoder = static_cast<agora::PortableDecoder&>(network.decoder());
    std::vector<std::unique_ptr<agora::SequenceMemory>> sequences;
    int grown = 0;
    for (int windows = 1; windows <= 16; ++windows) {
        const int before = decoder.sequences();
        decoder.reserve_sequences(5 * windows);
        grown += decoder.sequences() != before;
        CHECK(decoder.sequences() >= 5 * windows);
        CHECK(decoder.sequences() <= std::max(16, 5 * windows * 3 / 2));
        for (int i = 0; i < 5; ++i) sequences.push_back(decoder.new_sequence());
    }
    CHECK(grown <= 4);
}

TEST_CASE("beams that no memory is there for fail when their turn comes, and nobody else does") {
    agora::capture_logs();
    const TemporaryFile model(random_model({64, 1, 1, 448}, 9, 1));
    agora::BatchedOptions wanted = options(1, 4);
    wanted.portable = true;
    agora::BatchedWhisper whisper(model.path(), wanted);
    std::vector<float> audio(16000);
    for (size_t i = 0; i < audio.size(); ++i) audio[i] = 0.3f * std::sin(0.2f * static_cast<float>(i));
    agora::WindowRequest plain = request(audio, 0, audio.size()), beams = plain, huge = plain;
    beams.search.beam_size = 5;
    huge.search.beam_size = std::numeric_limits<int>::max() / 2;  // more than there are addresses
    const agora::WindowOutcome alone = outcomes(whisper, {beams}).front();
    const std::vector<agora::WindowOutcome> results = outcomes(whisper, {plain, huge, beams, huge, plain});
    for (const size_t i : {0, 2, 4}) CHECK_FALSE(results[i].error);
    CHECK(tokens_of(results[2]) == tokens_of(alone));
    for (const size_t i : {1, 3}) {
        REQUIRE(results[i].error);
        agora::ErrorCode code = agora::ErrorCode::Internal;
        try {
            std::rethrow_exception(results[i].error);
        } catch (const agora::Error& error) {
            code = error.code();
        }
        CHECK(code == agora::ErrorCode::OutOfMemory);
    }
}
