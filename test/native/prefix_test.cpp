// A text that was told how to begin is as sure of itself as it is of the rest.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "counting_decoder.h"
#include "engine/text/segments.h"
#include "support.h"

namespace {

agora::SearchOptions search(int beam_size) {
    agora::SearchOptions options;
    options.rules.timestamps = false;
    options.beam_size = beam_size;
    options.temperatures = {0};
    options.max_tokens = 12;
    options.log_prob_threshold = -std::numeric_limits<float>::infinity();
    options.compression_ratio_threshold = std::numeric_limits<float>::infinity();
    options.no_speech_threshold = std::numeric_limits<float>::infinity();
    return options;
}

}  // namespace

TEST_CASE("what a text was told to begin with counts for nothing in how sure it is") {
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModel);
    const agora::Vocabulary vocabulary = agora::read_vocabulary(kDemoModel, file);
    const agora::LogitRules rules(vocabulary);
    const Tokens prompt = {vocabulary.start_of_transcript, vocabulary.first_language, vocabulary.transcribe,
                           vocabulary.no_timestamps};
    const auto text_of = [&](const agora::SearchOptions& options) {
        CountingDecoder decoder;
        const auto window = decoder.new_window();
        agora::WindowDecoding decoding(vocabulary, rules, decoder, *window, prompt, prompt.size(), options);
        return text_of_search(decoding, vocabulary);
    };
    for (const int beam_size : {1, 3}) {
        CAPTURE(beam_size);
        const agora::DecodedText free = text_of(search(beam_size));
        REQUIRE(free.tokens.size() >= 4);
        constexpr size_t kGiven = 3;
        agora::SearchOptions options = search(beam_size);
        options.prefix.assign(free.tokens.begin(), free.tokens.begin() + kGiven);
        const agora::DecodedText told = text_of(options);
        REQUIRE(told.tokens == free.tokens);
        // All that was chosen: the rest of the text, and its end.
        const double given = std::accumulate(free.log_probs.begin(), free.log_probs.begin() + kGiven, 0.0);
        const auto chosen = static_cast<double>(free.tokens.size() + 1);
        CHECK(told.avg_log_prob == doctest::Approx((free.avg_log_prob * chosen - given) / (chosen - kGiven)));

        const agora::PassSegments pass = agora::split_segments(told, vocabulary, 0, 16000, false);
        REQUIRE(pass.segments.size() == 1);
        double log_prob = 0, probability = 0;
        for (size_t i = kGiven; i < free.tokens.size(); ++i) {
            log_prob += free.log_probs[i];
            probability += std::exp(free.log_probs[i]);
        }
        const auto rest = static_cast<double>(free.tokens.size() - kGiven);
        CHECK(pass.segments.front().avg_log_prob == doctest::Approx(log_prob / rest));
        CHECK(pass.segments.front().confidence == doctest::Approx(probability / rest));
    }
}
