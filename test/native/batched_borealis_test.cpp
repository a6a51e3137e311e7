#include "engine/schedule/batched_borealis.h"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "engine/error.h"
#include "engine/log.h"
#include "support.h"

using agora::BatchedBorealis;
using agora::BorealisOutcome;
using agora::BorealisPlace;
using agora::BorealisRequest;

namespace {

const std::string kFixtures = AGORA_ROOT "/build/native-fixtures/";

// The first model that test/support/native-fixtures.ts has written.
std::string model() {
    for (const std::string name : {"tiny", "gen2"}) {
        if (std::filesystem::exists(kFixtures + name)) return kFixtures + name;
    }
    MESSAGE("skipped: scripts/test-native.mjs writes the models");
    return "";
}

std::unique_ptr<BatchedBorealis> load(const std::string& folder, int batch_size,
                                      BorealisPlace place = BorealisPlace::Cpu, bool share = true) {
    agora::capture_logs();
    // Where libllama multiplies, rounding depends on the number of rows: in 32 bits too little to matter to the best
    // token.
    const std::string type = place == BorealisPlace::Cpu ? "q8_0" : "f32";
    return std::make_unique<BatchedBorealis>(folder + "/language-model-" + type + ".gguf",
                                             folder + "/audio-" + type + ".gguf",
                                             agora::BorealisOptions{2, batch_size, place, share});
}

// The CPU's own way, and a GPU's on the CPU.
constexpr BorealisPlace kPlaces[] = {BorealisPlace::Cpu, BorealisPlace::Portable};

std::vector<float> samples(const std::string& folder, size_t from, size_t count) {
    const Bytes bytes = read_file(folder + "/samples.0");
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    // Round and round: a fixture's recording may be shorter.
    std::vector<float> window(count);
    for (size_t i = 0; i < count; ++i) window[i] = values[(from + i) % values.size()];
    return window;
}

// Requests that differ in audio, length, prompt and, where rounding allows it, sampling.
BorealisRequest request(const std::string& folder, size_t i, BorealisPlace place = BorealisPlace::Cpu) {
    BorealisRequest request;
    request.samples = samples(folder, 3000 * i, 16000 * (1 + i % 4));
    request.generation.max_tokens = static_cast<int>(4 + 3 * (i % 5));
    request.generation.sampling.seed = static_cast<uint32_t>(i);
    if (i % 3 == 1 && place == BorealisPlace::Cpu) request.generation.temperatures = {0.7f};
    if (i % 4 == 2) request.system_prompt = "Распознай речь.";
    request.cancelled = std::make_shared<std::atomic<bool>>(false);
    return request;
}

std::vector<BorealisOutcome> run(BatchedBorealis& engine, const std::string& folder, size_t count,
                                 BorealisPlace place) {
    std::vector<BorealisOutcome> outcomes(count);
    for (size_t i = 0; i < count; ++i)
        engine.submit(request(folder, i, place),
                      [&outcomes, i](BorealisOutcome outcome) { outcomes[i] = std::move(outcome); });
    engine.run();
    return outcomes;
}

}  // namespace

TEST_CASE("a window of Borealis has the same text alone and in a batch of 32, with a shared prompt and without") {
    const std::string folder = model();
    if (folder.empty()) return;
    constexpr size_t kWindows = 12;
    for (const BorealisPlace place : kPlaces) {
        CAPTURE(static_cast<int>(place));
        const auto expected = run(*load(folder, 1, place, false), folder, kWindows, place);
        for (const auto& outcome : expected) {
            REQUIRE(outcome.error == nullptr);
            CHECK(outcome.text.tokens.size() > 0);
        }
        for (const int batch_size : {1, 3, 32}) {
            CAPTURE(batch_size);
            const auto engine = load(folder, batch_size, place);
            const auto outcomes = run(*engine, folder, kWindows, place);
            for (size_t i = 0; i < kWindows; ++i) {
                CAPTURE(i);
                CHECK(outcomes[i].text.tokens == expected[i].text.tokens);
                CHECK(outcomes[i].text.text == expected[i].text.text);
            }
            CHECK(engine->timings().windows == kWindows);
            CHECK(engine->timings().shared_rows > 0);
        }
    }
}

TEST_CASE("a cancelled window of Borealis leaves, the others are unharmed") {
    const std::string folder = model();
    if (folder.empty()) return;
    constexpr size_t kWindows = 6;
    for (const BorealisPlace place : kPlaces) {
        CAPTURE(static_cast<int>(place));
        const auto expected = run(*load(folder, 8, place), folder, kWindows, place);
        const auto engine = load(folder, 3, place);
        std::vector<BorealisOutcome> outcomes(kWindows);
        std::vector<std::shared_ptr<std::atomic<bool>>> flags;
        for (size_t i = 0; i < kWindows; ++i) {
            BorealisRequest next = request(folder, i, place);
            flags.push_back(std::make_shared<std::atomic<bool>>(false));
            next.cancelled = flags.back();
            engine->submit(std::move(next), [&, i](BorealisOutcome outcome) {
                outcomes[i] = std::move(outcome);
                // The first one that is done takes one that runs and one that waits along.
                flags[1]->store(i != 1);
                flags[5]->store(true);
            });
        }
        flags[2]->store(true);
        engine->run();
        for (const size_t i : {size_t{2}, size_t{5}}) {
            REQUIRE(outcomes[i].error != nullptr);
            CHECK_THROWS_WITH(std::rethrow_exception(outcomes[i].error), "The request was cancelled");
        }
        for (const size_t i : {size_t{0}, size_t{3}, size_t{4}})
            CHECK(outcomes[i].text.tokens == expected[i].text.tokens);
        // What they had is free again.
        const auto again = run(*engine, folder, kWindows, place);
        for (size_t i = 0; i < kWindows; ++i) CHECK(again[i].text.tokens == expected[i].text.tokens);
    }
}

TEST_CASE("a window of Borealis that is cancelled between its encoding and its prompt leaves") {
    const std::string folder = model();
    if (folder.empty()) return;
    // All are encoded at once; the first is done after one step, when the prompt of a fourth has not been read.
    const auto prompt_rows = [&](size_t windows) {
        const auto engine = load(folder, 8, BorealisPlace::Portable);
        const auto flag = std::make_shared<std::atomic<bool>>(false);
        std::vector<BorealisOutcome> outcomes(windows);
        for (size_t i = 0; i < windows; ++i) {
            BorealisRequest next = request(folder, i, BorealisPlace::Portable);
            if (i == 0) next.generation.max_tokens = 1;
            if (i == 3) next.cancelled = flag;
            engine->submit(std::move(next), [&, i](BorealisOutcome outcome) {
                outcomes[i] = std::move(outcome);
                if (i == 0) flag->store(true);
            });
        }
        engine->run();
        CHECK(engine->timings().windows == windows);
        for (size_t i = 0; i < 3; ++i) CHECK(outcomes[i].error == nullptr);
        if (windows > 3) {
            REQUIRE(outcomes[3].error != nullptr);
            CHECK_THROWS_WITH(std::rethrow_exception(outcomes[3].error), "The request was cancelled");
        }
        return engine->timings().prompt_rows;
    };
    // Its prompt is none of the work.
    CHECK(prompt_rows(4) == prompt_rows(3));
}

TEST_CASE("Borealis on a GPU that is not there is an error and no crash") {
    const std::string folder = model();
    if (folder.empty()) return;
    CHECK_THROWS_WITH_AS(load(folder, 1, BorealisPlace::Gpu), doctest::Contains("GPU"), agora::Error);
}

TEST_SUITE_BEGIN("threads");

TEST_CASE("windows of Borealis that come while it runs are taken in, from any thread") {
    const std::string folder = model();
    if (folder.empty()) return;
    for (const BorealisPlace place : kPlaces) {
        CAPTURE(static_cast<int>(place));
        const auto engine = load(folder, 4, place);
        std::atomic<int> done{0};
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&, t] {
                for (size_t i = 0; i < 3; ++i) {
                    BorealisRequest next = request(folder, static_cast<size_t>(t) + i, place);
                    const auto count = [&](const BorealisOutcome& outcome) {
                        CHECK(outcome.error == nullptr);
                        ++done;
                    };
                    if (engine->submit(std::move(next), count)) engine->run();
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        CHECK(done == 9);
    }
}

TEST_SUITE_END();

TEST_CASE("a prompt that leaves no room for the text is refused") {
    const std::string folder = model();
    if (folder.empty()) return;
    const auto engine = load(folder, 1);
    BorealisRequest long_request = request(folder, 0);
    for (int i = 0; i < 700; ++i) long_request.user_prompt += "съел ещё ";
    std::string message;
    engine->submit(std::move(long_request), [&](const BorealisOutcome& outcome) {
        try {
            std::rethrow_exception(outcome.error);
        } catch (const agora::Error& error) {
            CHECK(error.code() == agora::ErrorCode::InvalidArgument);
            message = error.what();
        }
    });
    engine->run();
    CHECK(message.find("shorten systemPrompt or userPrompt, or lower maxTokens") != std::string::npos);
}

TEST_CASE("text that repeats itself is generated again, and kept at its least repetitive") {
    const std::string folder = model();
    if (folder.empty()) return;
    const auto engine = load(folder, 2);
    BorealisRequest strict = request(folder, 0);
    strict.generation.max_tokens = 6;
    strict.generation.temperatures = {0, 0.5f, 1};
    strict.generation.compression_ratio_threshold = 0;  // nothing is good enough
    BorealisOutcome outcome;
    engine->submit(std::move(strict), [&](BorealisOutcome result) { outcome = std::move(result); });
    engine->run();
    REQUIRE(outcome.error == nullptr);
    CHECK(outcome.text.tokens.size() == 6);
    CHECK(engine->timings().tokens >= 15);  // of three attempts
}
