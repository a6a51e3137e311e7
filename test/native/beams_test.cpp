// The memory of beams and samples: how much there is at once, whose text it holds, and that it is there from the start.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "batched_support.h"
#include "engine/decoder/portable_network.h"
#include "engine/decoder/window_decoding.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/text/softmax.h"
#include "model_writer.h"

namespace {

using Tokens = std::vector<int>;

// Counts the sequences that are there, and remembers the tokens of each.
class CountingDecoder final : public agora::Decoder {
  public:
    struct Sequence final : agora::SequenceMemory {
        explicit Sequence(CountingDecoder& decoder) : decoder(decoder) {
            decoder.most = std::max(decoder.most, ++decoder.count);
        }
        ~Sequence() override { --decoder.count; }
        void copy_from(agora::SequenceMemory& other, int positions) override {
            const Tokens& source = static_cast<Sequence&>(other).tokens;
            tokens.assign(source.begin(), source.begin() + positions);
        }

        CountingDecoder& decoder;
        Tokens tokens;
    };

    const float* run(const std::vector<agora::DecoderInput>&, const std::atomic<bool>*) override { return nullptr; }
    int context() const override { return 448; }
    std::unique_ptr<agora::SequenceMemory> new_sequence() override { return std::make_unique<Sequence>(*this); }
    std::unique_ptr<agora::WindowMemory> new_window() override { return std::make_unique<agora::WindowMemory>(); }

    int count = 0;
    int most = 0;
};

// Logits that depend on all that was read before, and now and then prefer the end.
std::vector<float> logits_after(const Tokens& history, const agora::Vocabulary& vocabulary) {
    std::seed_seq seed(history.begin(), history.end());
    std::mt19937 random(seed);
    std::vector<float> logits(static_cast<size_t>(vocabulary.size));
    // The search is to be among few tokens.
    for (int i = 0; i < 40; ++i) logits[300 + static_cast<size_t>(i)] = 8 + static_cast<float>(random() % 1000) / 250;
    logits[static_cast<size_t>(vocabulary.end_of_text)] = history.size() % 5 == 4 ? 13.0f : 0.0f;
    return logits;
}

}  // namespace

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
            while (!decoding.done()) {
                std::vector<agora::DecoderInput> inputs;
                decoding.add_inputs(inputs);
                std::vector<float> logits;
                for (const agora::DecoderInput& input : inputs) {
                    Tokens& held = static_cast<CountingDecoder::Sequence*>(input.self)->tokens;
                    REQUIRE(static_cast<int>(held.size()) >= input.past);
                    held.resize(static_cast<size_t>(input.past));
                    held.insert(held.end(), input.tokens.begin(), input.tokens.end());
                    const std::vector<float> own = logits_after(held, vocabulary);
                    logits.insert(logits.end(), own.begin(), own.end());
                }
                decoding.advance(logits.data());
            }
            text = decoding.text();
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
        CHECK(decoder.sequences() == (taken ? 9 : 7));
        CHECK_THROWS_AS(decoder.reserve_sequences(std::numeric_limits<int>::max()), agora::Error);
        CHECK(decoder.sequences() == (taken ? 9 : 7));
        const auto another = decoder.new_sequence();
        CHECK(decoder.run({{another.get(), window.get(), 0, {1, 2, 3}}}, nullptr) != nullptr);
    }
    std::vector<std::unique_ptr<agora::SequenceMemory>> all;
    for (int i = 0; i < 9; ++i) all.push_back(decoder.new_sequence());
    CHECK(decoder.sequences() == 9);
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
