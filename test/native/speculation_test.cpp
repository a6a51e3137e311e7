#include <doctest/doctest.h>

#include "batched_support.h"
#include "engine/decoder/packed_network.h"
#include "engine/error.h"
#include "model_writer.h"

namespace {

using agora::BatchedWhisper;

// Which of the windows are not greedy.
constexpr size_t kBeams = 4;
constexpr size_t kSampled = 5;
constexpr size_t kDetected = 6;

// Windows of many lengths, greedy and otherwise.
std::vector<agora::WindowRequest> mixed_requests(const agora::Vocabulary& vocabulary) {
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (size_t i = 0; i < 7; ++i) requests.push_back(request(audio, i * 3 * 16000, (i * 3 + 5 + i) * 16000));
    requests[1].search.rules.timestamps = false;
    requests[1].search.max_tokens = 7;
    requests[2].search.rules.repetition_penalty = 1.3f;
    requests[2].search.rules.no_repeat_ngram_size = 2;
    requests[3].prompt = vocabulary.encode({" routers", ",", " please", "."});
    requests[3].search.rules.suppress_tokens = vocabulary.encode({" phone"});
    requests[kBeams].search.beam_size = 3;
    requests[kSampled].search.temperatures = {0.7f};
    requests[kDetected].language.clear();
    return requests;
}

// What the demo model writes alone.
const std::vector<agora::WindowOutcome>& expected_outcomes() {
    static const std::vector<agora::WindowOutcome> expected = [] {
        BatchedWhisper alone(kDemoModelF16, options(2, 8));
        return outcomes(alone, mixed_requests(alone.vocabulary()));
    }();
    return expected;
}

// What the demo model writes with `draft` ahead of it; checks that it is what it writes alone.
agora::DraftCount check_same_text(const std::string& draft, int batch_size) {
    BatchedWhisper ahead(kDemoModelF16, options(2, batch_size, draft));
    const auto requests = mixed_requests(ahead.vocabulary());
    const auto& expected = expected_outcomes();
    const auto actual = outcomes(ahead, requests);
    agora::DraftCount count;
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        REQUIRE(!actual[i].error);
        REQUIRE(actual[i].segments.size() == expected[i].segments.size());
        for (size_t k = 0; k < expected[i].segments.size(); ++k) {
            CHECK(actual[i].segments[k].tokens == expected[i].segments[k].tokens);
            CHECK(actual[i].segments[k].start == expected[i].segments[k].start);
            CHECK(actual[i].segments[k].end == expected[i].segments[k].end);
        }
        CHECK(expected[i].draft.proposed == 0);
        if (i == kBeams || i == kSampled || i == kDetected) CHECK(actual[i].draft.proposed == 0);
        count.proposed += actual[i].draft.proposed;
        count.accepted += actual[i].draft.accepted;
    }
    return count;
}

}  // namespace

TEST_CASE("a draft model changes nothing of the text: a good one") {
    for (const int batch_size : {1, 8}) {
        const agora::DraftCount count = check_same_text(kDemoModel, batch_size);
        CHECK(count.proposed > 30);
        CHECK(count.accepted > 0.8 * count.proposed);
    }
}

TEST_CASE("a draft model changes nothing of the text: one that shares the encoder") {
    const TemporaryFile distil(with_decoder_layers(kDemoModelF16, 1));
    const agora::DraftCount count = check_same_text(distil.path(), 8);
    CHECK(count.proposed > 30);
}

// Its encoder is shared, so it has to hear the frames that the model hears.
TEST_CASE("a draft model that is the model itself expects what that writes") {
    const agora::DraftCount count = check_same_text(kDemoModelF16, 8);
    CHECK(count.proposed > 30);
    CHECK(count.accepted > 0.95 * count.proposed);
}

// Live windows are encoded in a lane of their own, and the encoder's output is the draft model's too.
TEST_CASE("a draft model that shares the encoder hears the window that it writes for, of every priority") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    BatchedWhisper ahead(kDemoModelF16, options(2, 8, kDemoModelF16));
    const auto outcome = [&](size_t begin, agora::Priority priority) {
        agora::WindowRequest window = request(audio, begin * 16000, (begin + 10) * 16000);
        window.turn.priority = priority;
        return outcomes(ahead, {window}).front();
    };
    const agora::WindowOutcome bulk = outcome(0, agora::Priority::Bulk);
    REQUIRE(bulk.draft.proposed > 5);
    CHECK(bulk.draft.accepted > 0.9 * bulk.draft.proposed);
    outcome(20, agora::Priority::Bulk);
    const agora::WindowOutcome live = outcome(0, agora::Priority::Live);
    CHECK(tokens_of(live) == tokens_of(bulk));
    CHECK(live.draft.proposed == bulk.draft.proposed);
    CHECK(live.draft.accepted == bulk.draft.accepted);
}

TEST_CASE("a draft model changes nothing of the text: one that knows nothing") {
    const TemporaryFile random(random_model({128, 1, 2, 100}, 3));
    const agora::DraftCount count = check_same_text(random.path(), 8);
    CHECK(count.proposed > 30);
    CHECK(count.accepted < 0.2 * count.proposed);
}

TEST_CASE("an encoder is shared exactly when it is the same") {
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModelF16);
    const agora::Vocabulary vocabulary = agora::read_vocabulary(kDemoModelF16, file);
    const agora::LogitRules rules(vocabulary);
    agora::CpuCompute compute(1);
    const auto shares = [&](const std::string& path) {
        const auto load = [&](const std::string& name, const agora::WhisperFile& draft_file) {
            const agora::KernelSet& kernels = *agora::kernel_sets().front();
            return std::make_unique<agora::PackedNetwork>(
                name, draft_file, agora::choose_precision(agora::ComputeType::Auto, draft_file.is_quantised(), kernels),
                kernels, compute);
        };
        const agora::DraftModel draft(path, {kDemoModelF16, file, vocabulary, rules}, load);
        return draft.shares_encoder();
    };
    CHECK(shares(kDemoModelF16));
    Bytes distil = with_decoder_layers(kDemoModelF16, 1);
    const TemporaryFile copy(distil);
    CHECK(shares(copy.path()));
    for (const auto& tensor : agora::read_whisper_file(copy.path()).tensors) {
        if (tensor.name == "encoder.ln_post.bias") distil[tensor.offset + 1] ^= 1;
    }
    copy.write(distil);
    CHECK_FALSE(shares(copy.path()));
    CHECK_FALSE(shares(kDemoModel));
}

TEST_CASE("a draft model with another vocabulary is refused, and both are named") {
    Bytes changed = read_file(kDemoModelF16);
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModelF16);
    // A byte of the first token, after the number of tokens and its length.
    changed[file.vocabulary_offset + 8] ^= 1;
    const TemporaryFile other(changed);
    try {
        BatchedWhisper(kDemoModelF16, options(1, 1, other.path()));
        FAIL("It was loaded");
    } catch (const agora::Error& error) {
        CHECK(error.code() == agora::ErrorCode::InvalidArgument);
        CHECK(std::string(error.what()).find(other.path()) != std::string::npos);
        CHECK(std::string(error.what()).find(kDemoModelF16) != std::string::npos);
    }
}
