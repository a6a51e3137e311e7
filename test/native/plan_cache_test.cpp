// Graphs of decoder steps are kept within a bound, whatever the steps are.
#include "engine/decoder/plan_cache.h"

#include <doctest/doctest.h>

#include <string>

#include "engine/decoder/packed_network.h"
#include "engine/decoder/portable_network.h"
#include "model_writer.h"
#include "numbers.h"

namespace {

struct Plan {
    size_t size = 0;
    size_t bytes() const { return size; }
};

using Cache = agora::PlanCache<int, Plan>;

// Logits of all tokens, which take most of a step's memory.
std::vector<float> logits_of(agora::Decoder& decoder, const agora::WhisperFile& file, int sequences, int tokens) {
    const auto window = decoder.new_window();
    std::vector<std::unique_ptr<agora::SequenceMemory>> memories;
    std::vector<agora::DecoderInput> inputs;
    for (int i = 0; i < sequences; ++i) {
        memories.push_back(decoder.new_sequence());
        agora::DecoderInput input{memories.back().get(), window.get(), 0, {}};
        for (int token = 0; token < tokens; ++token) input.tokens.push_back(100 * i + token);
        input.outputs = input.tokens.size();
        inputs.push_back(input);
    }
    const float* logits = decoder.run(inputs, nullptr);
    return {logits, logits + static_cast<size_t>(file.hparams.n_vocab) * static_cast<size_t>(sequences * tokens)};
}

}  // namespace

TEST_CASE("plans that were used last stay, within the limits of bytes and of number") {
    Cache cache(100, 4);
    int made = 0;
    const auto use = [&](int key, size_t size) { return cache.get(key, [&] { return ++made, Plan{size}; }).size; };
    for (const int key : {1, 2, 3}) use(key, 30);
    CHECK(made == 3);
    CHECK(cache.bytes() == 90);
    use(1, 30);
    CHECK(made == 3);
    // The second was not used for longest.
    use(4, 20);
    CHECK(cache.bytes() == 80);
    use(1, 30), use(3, 30);
    CHECK(made == 4);
    use(2, 30);
    CHECK(made == 5);
    for (const int key : {11, 12, 13, 14, 15}) use(key, 1);
    CHECK(cache.size() == 4);
    // One beyond the limit is there alone, until the next.
    CHECK(use(20, 1000) == 1000);
    CHECK(cache.size() == 1);
    CHECK(use(20, 1000) == 1000);
    CHECK(made == 11);
    use(21, 10);
    CHECK(cache.bytes() == 10);
    for (const int key : {22, 23, 24}) use(key, 10);
    cache.keep_newest();
    CHECK(cache.size() == 1);
    CHECK(cache.bytes() == 10);
    made = 0;
    use(24, 10);
    CHECK(made == 0);
    cache.clear();
    CHECK(cache.bytes() == 0);
    CHECK(cache.size() == 0);
}

TEST_CASE("where there is no memory for a plan, those that are kept make room for it") {
    Cache cache(100);
    cache.get(1, [] { return Plan{50}; });
    int tries = 0;
    const auto make = [&]() -> Plan {
        if (++tries == 1) throw agora::Error(agora::ErrorCode::OutOfMemory, "full");
        CHECK(cache.size() == 0);
        return Plan{60};
    };
    CHECK(cache.get(2, make).size == 60);
    CHECK(cache.bytes() == 60);
    const auto fail = [&](agora::ErrorCode code) { return [code]() -> Plan { throw agora::Error(code, "no"); }; };
    CHECK_THROWS_AS(cache.get(3, fail(agora::ErrorCode::Internal)), agora::Error);
    CHECK(cache.size() == 1);
    CHECK_THROWS_AS(cache.get(3, fail(agora::ErrorCode::OutOfMemory)), agora::Error);
    CHECK(cache.get(4, [] { return Plan{5}; }).size == 5);
    CHECK(cache.bytes() == 5);
}

TEST_CASE("a decoder that has seen prompts of every length keeps no more than its bound, and its results") {
    const TemporaryFile model(random_model({64, 1, 1, 448}, 7, 1));
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    agora::CpuCompute compute(2);
    const agora::KernelSet& kernels = *agora::kernel_sets().front();
    agora::PackedNetwork packed(model.path(), file,
                                agora::choose_precision(agora::ComputeType::F32, file.is_quantised(), kernels), kernels,
                                compute);
    auto& decoder = static_cast<agora::PackedDecoder&>(packed.decoder());
    const std::vector<float> before = logits_of(decoder, file, 1, 7);
    // Steps of every size share the memory of the largest.
    const std::vector<float> largest = logits_of(decoder, file, 1, 60);
    const size_t memory = decoder.memory_bytes();
    for (int tokens = 60; tokens > 40; --tokens) {
        logits_of(decoder, file, 1, tokens);
        CHECK(decoder.memory_bytes() == memory);
    }
    CHECK(logits_of(decoder, file, 1, 7) == before);
    CHECK(logits_of(decoder, file, 1, 60) == largest);
    for (int tokens = 1; tokens <= 440; ++tokens) {
        const auto window = decoder.new_window();
        const auto sequence = decoder.new_sequence();
        agora::DecoderInput input{sequence.get(), window.get(), 0, {}};
        input.tokens.assign(static_cast<size_t>(tokens), 5);
        decoder.run({input}, nullptr);
    }
    CHECK(decoder.plan_bytes() > 0);
    CHECK(decoder.plan_bytes() <= agora::PackedDecoder::kMaxPlanBytes);
    // Far beyond it, once.
    logits_of(decoder, file, 1, 400);
    CHECK(decoder.memory_bytes() > agora::PackedDecoder::kMaxMemoryBytes);
    CHECK(logits_of(decoder, file, 1, 7) == before);
    logits_of(decoder, file, 1, 8);
    CHECK(decoder.memory_bytes() <= agora::PackedDecoder::kMaxMemoryBytes);
    CHECK(logits_of(decoder, file, 1, 7) == before);

    agora::PortableNetwork portable(model.path(), file, agora::ComputeType::Auto, 8, compute);
    auto& slots = static_cast<agora::PortableDecoder&>(portable.decoder());
    const std::vector<float> alone = logits_of(slots, file, 1, 4);
    for (const int sequences : {1, 2, 4, 8}) {
        for (const int tokens : {1, 4, 16}) {
            logits_of(slots, file, sequences, tokens);
            CHECK(slots.plan_bytes() <= agora::PortableDecoder::kMaxPlanBytes);
        }
    }
    CHECK(relative_error(logits_of(slots, file, 1, 4), alone) < 1e-6);
}
