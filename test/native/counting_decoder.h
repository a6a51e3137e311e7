// A decoder that computes nothing: it counts its sequences and remembers the tokens of each; logits are made up.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "engine/decoder/window_decoding.h"
#include "engine/text/vocabulary.h"

using Tokens = std::vector<int>;

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
inline std::vector<float> logits_after(const Tokens& history, const agora::Vocabulary& vocabulary) {
    std::seed_seq seed(history.begin(), history.end());
    std::mt19937 random(seed);
    std::vector<float> logits(static_cast<size_t>(vocabulary.size));
    // The search is to be among few tokens.
    for (int i = 0; i < 40; ++i) logits[300 + static_cast<size_t>(i)] = 8 + static_cast<float>(random() % 1000) / 250;
    logits[static_cast<size_t>(vocabulary.end_of_text)] = history.size() % 5 == 4 ? 13.0f : 0.0f;
    return logits;
}

// Runs a search to its end.
inline agora::DecodedText text_of_search(agora::WindowDecoding& decoding, const agora::Vocabulary& vocabulary) {
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
    return decoding.text();
}
