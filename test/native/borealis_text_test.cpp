#include <doctest/doctest.h>

#include <cmath>

#include "engine/borealis/generation.h"

using agora::clean_text;
using agora::RepetitionGuard;
using agora::Sampler;
using agora::SamplingOptions;

namespace {

// The result of the guard after each token.
std::vector<size_t> watch(const std::vector<int>& tokens) {
    RepetitionGuard guard;
    std::vector<size_t> results;
    std::vector<int> grown;
    for (const int token : tokens) {
        grown.push_back(token);
        results.push_back(guard.add(grown));
    }
    return results;
}

std::vector<int> repeated(const std::vector<int>& piece, size_t copies, std::vector<int> before = {}) {
    for (size_t i = 0; i < copies; ++i) before.insert(before.end(), piece.begin(), piece.end());
    return before;
}

}  // namespace

TEST_CASE("thoughts and surrounding space are no text") {
    CHECK(clean_text(" Добрый день.\n") == "Добрый день.");
    CHECK(clean_text("<think>\n\n</think>\n\nДа.") == "Да.");
    CHECK(clean_text("Раз <think>хм</think>два") == "Раз два");
    CHECK(clean_text("хм</think> Да.") == "Да.");
    CHECK(clean_text("Да. <think>и что дальше") == "Да.");
    CHECK(clean_text("<think>") == "");
    CHECK(clean_text("") == "");
    CHECK(clean_text("\xD0") == "\xEF\xBF\xBD");
}

TEST_CASE("a loop is noticed after its first piece, speech is none") {
    // One token again and again: 24 repeats after the first.
    const std::vector<size_t> zeros = watch(repeated({7}, 30, {1, 2, 3}));
    CHECK(zeros[3 + 23] == 0);
    CHECK(zeros[3 + 24] == 4);
    // A sentence of twelve: its fourth copy settles it.
    std::vector<int> sentence;
    for (int i = 0; i < 12; ++i) sentence.push_back(100 + i);
    const std::vector<size_t> sentences = watch(repeated(sentence, 5, {1, 2}));
    CHECK(sentences[2 + 47 - 1] == 0);
    CHECK(sentences[2 + 48 - 1] == 2 + 12);
    // "Да, да, да" and a row of zeros in a telephone number.
    for (const size_t result : watch(repeated({5, 6}, 6, repeated({0}, 9)))) CHECK(result == 0);
}

TEST_CASE("greedy takes the most probable token, and the penalty counts what is there") {
    const std::vector<float> logits = {1, 3, 2.9f, -1};
    Sampler greedy({});
    const agora::SampledToken best = greedy.next(logits.data(), 4, {});
    CHECK(best.token == 1);
    const double total = std::log(std::exp(1.0) + std::exp(3.0) + std::exp(2.9) + std::exp(-1.0));
    CHECK(best.log_prob == doctest::Approx(3 - total));

    SamplingOptions options;
    options.repetition_penalty = 1.1f;
    Sampler penalised(options);
    CHECK(penalised.next(logits.data(), 4, {1}).token == 2);
    CHECK(penalised.next(logits.data(), 4, {1}).log_prob == doctest::Approx(2.9f - total));
    // Below zero it makes a logit smaller still.
    const std::vector<float> negative = {-1, -1.05f};
    CHECK(penalised.next(negative.data(), 2, {0}).token == 1);
}

TEST_CASE("sampling draws from top_k and top_p by weight, the same for the same seed") {
    const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.15f), std::log(0.05f)};
    const auto frequencies = [&](float temperature, int top_k, float top_p) {
        SamplingOptions options;
        options.temperature = temperature;
        options.top_k = top_k;
        options.top_p = top_p;
        options.seed = 1;
        Sampler sampler(options);
        std::vector<double> counts(4);
        for (int i = 0; i < 4000; ++i)
            counts[static_cast<size_t>(sampler.next(logits.data(), 4, {}).token)] += 1 / 4000.0;
        return counts;
    };
    const std::vector<double> all = frequencies(1, 0, 1);
    CHECK(all[0] == doctest::Approx(0.5).epsilon(0.06));
    CHECK(all[3] == doctest::Approx(0.05).epsilon(0.3));
    CHECK(all == frequencies(1, 0, 1));
    const std::vector<double> two = frequencies(1, 2, 1);
    CHECK(two[1] == doctest::Approx(0.375).epsilon(0.06));
    CHECK(two[2] == 0);
    // 0.5 + 0.3 reach 0.7.
    const std::vector<double> nucleus = frequencies(1, 0, 0.7f);
    CHECK(nucleus[1] > 0);
    CHECK(nucleus[2] == 0);
    // Cold: nearly always the best.
    CHECK(frequencies(0.05f, 0, 1)[0] > 0.99);
}

TEST_CASE("logits that are no numbers are an error") {
    Sampler sampler({});
    const std::vector<float> logits = {1, NAN};
    CHECK_THROWS_WITH(sampler.next(logits.data(), 2, {}), "The language model computes no numbers: is it damaged?");
}
