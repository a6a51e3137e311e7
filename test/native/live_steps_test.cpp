// Steps of live transcription through the batched engine.
#include <doctest/doctest.h>

#include <cmath>

#include "batched_support.h"
#include "engine/error.h"
#include "observed_network.h"

namespace {

using agora::BatchedWhisper;
using agora::LiveOutcome;
using agora::LivePiece;
using agora::WindowOutcome;
using agora::WindowRequest;

constexpr size_t kSecond = 16000;
const std::string kRussianCall = AGORA_ROOT "/samples/sales-call-ru.wav";

// A step over the sound of `seconds` from the start.
WindowRequest step(const std::vector<float>& audio, double seconds, const std::vector<int>& forced = {}) {
    WindowRequest result = request(audio, 0, static_cast<size_t>(seconds * kSecond));
    result.turn.priority = agora::Priority::Live;
    agora::LiveRequest& live = result.live.emplace();
    live.forced = forced;
    live.max_tokens = 100;
    return result;
}

WindowRequest last_step(const std::vector<float>& audio, double seconds, const std::vector<int>& forced = {}) {
    WindowRequest result = step(audio, seconds, forced);
    result.live->last = true;
    result.live->frontier = 0;
    return result;
}

WindowOutcome outcome_of(BatchedWhisper& whisper, const WindowRequest& request) {
    return outcomes(whisper, {request}).front();
}

std::vector<int> ids(const std::vector<LivePiece>& pieces) {
    std::vector<int> tokens;
    for (const LivePiece& piece : pieces) tokens.push_back(piece.id);
    return tokens;
}

std::vector<int> standing(const LiveOutcome& live) {
    std::vector<int> tokens = ids(live.pieces);
    tokens.resize(live.standing);
    return tokens;
}

std::string text_of(const std::vector<LivePiece>& pieces) {
    std::string text;
    for (const LivePiece& piece : pieces) text += piece.text;
    return text;
}

void check_same(const LiveOutcome& actual, const LiveOutcome& expected) {
    CHECK(ids(actual.pieces) == ids(expected.pieces));
    CHECK(actual.standing == expected.standing);
    CHECK(actual.rewound == expected.rewound);
    if (actual.pieces.size() != expected.pieces.size()) return;
    for (size_t i = 0; i < actual.pieces.size(); ++i) {
        CHECK(actual.pieces[i].start == expected.pieces[i].start);
        CHECK(actual.pieces[i].probability == doctest::Approx(expected.pieces[i].probability).epsilon(1e-3));
    }
}

std::vector<int> joined(std::vector<int> first, const std::vector<int>& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

}  // namespace

TEST_CASE("live steps: text that is forced leads to the text that was written token by token") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    for (const bool portable : {false, true}) {
        CAPTURE(portable);
        agora::BatchedOptions place = options(2, 4);
        place.portable = portable;
        BatchedWhisper whisper(portable ? kDemoModelF16 : kDemoModel, place);
        const LiveOutcome whole = outcome_of(whisper, last_step(audio, 9)).live;
        CHECK(text_of(whole.pieces).find(" phone number is two eight") != std::string::npos);
        REQUIRE(whole.pieces.size() > 8);
        CHECK(whole.standing == whole.pieces.size());
        for (const size_t given : {size_t{1}, size_t{5}, whole.pieces.size() - 1, whole.pieces.size()}) {
            CAPTURE(given);
            std::vector<int> forced = ids(whole.pieces);
            forced.resize(given);
            const LiveOutcome rest = outcome_of(whisper, last_step(audio, 9, forced)).live;
            LiveOutcome expected = whole;
            expected.pieces.erase(expected.pieces.begin(),
                                  expected.pieces.begin() + static_cast<std::ptrdiff_t>(given));
            expected.standing -= given;
            check_same(rest, expected);
        }
    }
}

TEST_CASE("live steps: what is expected, right or wrong, changes nothing of the text") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    WindowRequest asked = step(audio, 7);
    asked.live->tail = true;
    const LiveOutcome plain = outcome_of(whisper, asked).live;
    REQUIRE(plain.pieces.size() > 6);
    const std::vector<int> right = ids(plain.pieces);
    std::vector<int> half = right;
    half[3] = right[0];
    const std::vector<int> wrong(40, right[1]);
    for (const std::vector<int>& expected : {right, half, wrong, joined(right, wrong)}) {
        asked.live->expected = expected;
        const WindowOutcome outcome = outcome_of(whisper, asked);
        check_same(outcome.live, plain);
        CHECK(outcome.draft.accepted >= (expected == wrong ? 0 : 3));
    }
    // More than there is room for.
    asked.live->expected = std::vector<int>(2000, right[0]);
    check_same(outcome_of(whisper, asked).live, plain);
}

TEST_CASE("live steps: text stands up to the frontier, is only added to, and is that of the whole in the end") {
    for (const auto& [path, language] : {std::pair(kEnglishCall, "en"), std::pair(kRussianCall, "ru")}) {
        CAPTURE(language);
        const std::vector<float> audio = read_wav(path);
        BatchedWhisper whisper(kDemoModel, options(2, 4));
        const auto run = [&](WindowRequest request) {
            request.language = language;
            const WindowOutcome outcome = outcome_of(whisper, request);
            REQUIRE(!outcome.error);
            return outcome.live;
        };
        constexpr double kSeconds = 10;
        std::vector<int> text;
        size_t steps_with_text = 0;
        for (double seconds = 1; seconds < kSeconds; ++seconds) {
            const LiveOutcome live = run(step(audio, seconds, text));
            steps_with_text += live.standing > 0;
            for (size_t i = 0; i < live.standing; ++i) {
                // Far enough from the end, and whole characters.
                CHECK(live.pieces[i].start < seconds - 0.5);
                CHECK(live.pieces[i].start >= 0);
                CHECK(live.pieces[i].text.find("\xEF\xBF\xBD") == std::string::npos);
            }
            text = joined(text, standing(live));
        }
        CHECK(steps_with_text >= 4);
        text = joined(text, standing(run(last_step(audio, kSeconds, text))));
        CHECK(text == ids(run(last_step(audio, kSeconds)).pieces));
    }
}

TEST_CASE("live steps: Cyrillic characters of two tokens come whole") {
    const std::vector<float> audio = read_wav(kRussianCall);
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    WindowRequest asked = last_step(audio, 8);
    asked.language = "ru";
    const LiveOutcome live = outcome_of(whisper, asked).live;
    const agora::Vocabulary& vocabulary = whisper.vocabulary();
    std::string bytes;
    for (const int id : ids(live.pieces)) bytes += vocabulary.texts[static_cast<size_t>(id)];
    CHECK(text_of(live.pieces) == bytes);
    CHECK(bytes.size() > 20);
    CHECK(agora::valid_utf8(bytes) == bytes);
}

TEST_CASE("live steps: streams beside each other and beside other windows have the text that each has alone") {
    const std::vector<float> english = read_wav(kEnglishCall);
    const std::vector<float> russian = read_wav(kRussianCall);
    std::vector<WindowRequest> asked;
    for (const double seconds : {2.0, 4.5, 8.0}) {
        for (const auto* audio : {&english, &russian}) {
            asked.push_back(step(*audio, seconds));
            asked.back().language = audio == &english ? "en" : "ru";
            asked.back().live->tail = seconds > 2;
        }
    }
    asked.push_back(last_step(english, 9));
    asked.push_back(request(english, 0, 12 * kSecond));  // of a file
    asked.back().search.beam_size = 3;
    asked.push_back(request(russian, 0, 12 * kSecond));
    asked.back().language = "ru";
    BatchedWhisper alone(kDemoModel, options(1, 1));
    BatchedWhisper together(kDemoModel, options(2, 8));
    const std::vector<WindowOutcome> actual = outcomes(together, asked);
    for (size_t i = 0; i < asked.size(); ++i) {
        CAPTURE(i);
        const WindowOutcome expected = outcome_of(alone, asked[i]);
        REQUIRE(!actual[i].error);
        check_same(actual[i].live, expected.live);
        CHECK(tokens_of(actual[i]) == tokens_of(expected));
    }
}

TEST_CASE("live steps: the language is detected in the step, and the text is that of a step that is told") {
    const std::vector<float> audio = read_wav(kRussianCall);
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    WindowRequest asked = step(audio, 6);
    asked.language = "ru";
    const LiveOutcome expected = outcome_of(whisper, asked).live;
    asked.language.clear();
    asked.detection.transcribe_from = 0;
    const WindowOutcome actual = outcome_of(whisper, asked);
    CHECK(actual.language == "ru");
    CHECK(actual.languages.front().probability > 0.5f);
    check_same(actual.live, expected);
    CHECK(actual.no_speech_prob < 0.5f);
}

TEST_CASE("live steps: of the silence behind the sound few frames are encoded, while it goes on and at its end") {
    std::vector<agora::WindowFrames> frames;
    agora::BatchedOptions observed = options(2, 4);
    observed.around_network = [&](std::unique_ptr<agora::Network> network) {
        return std::make_unique<ObservedNetwork>(std::move(network), [&](const auto& windows) {
            for (const agora::EncoderInput& window : windows) frames.push_back(window.frames);
        });
    };
    const std::vector<float> audio = read_wav(kEnglishCall);
    BatchedWhisper whisper(kDemoModel, observed);
    outcomes(whisper, {step(audio, 4), step(audio, 29), last_step(audio, 4)});
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].count() < 450);
    CHECK(frames[1].count() == agora::WindowFrames::kAll);
    CHECK(frames[2].count() == frames[0].count());
}

TEST_CASE("live steps: nothing is written for silence, and the shortest sound is no trouble") {
    const std::vector<float> silence(3 * kSecond, 0.0f);
    const std::vector<float> audio = read_wav(kEnglishCall);
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    for (const bool detected : {false, true}) {
        WindowRequest asked = step(silence, 3);
        if (detected) asked.language.clear();
        asked.detection.transcribe_from = 0;
        const WindowOutcome outcome = outcome_of(whisper, asked);
        CHECK(!outcome.error);
        CHECK(outcome.live.pieces.empty());
    }
    for (const size_t samples : {1, 100, 320, 5000}) {
        WindowRequest asked = step(audio, 1);
        asked.samples.resize(samples);
        const WindowOutcome outcome = outcome_of(whisper, asked);
        CHECK(!outcome.error);
        CHECK(outcome.live.standing == 0);
    }
}

TEST_CASE("live steps: what was written before leaves room for what is forced") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    const std::vector<int> some = ids(outcome_of(whisper, last_step(audio, 9)).live.pieces);
    WindowRequest asked = last_step(audio, 9);
    const int context = whisper.file().hparams.n_text_ctx;
    for (size_t i = 0; i < agora::LiveSteps::most_forced(context); ++i)
        asked.live->forced.push_back(some[i % some.size()]);
    asked.prompt = some;
    asked.live->max_tokens = context;
    const WindowOutcome outcome = outcome_of(whisper, asked);
    CHECK(!outcome.error);
    CHECK(outcome.live.pieces.size() <= 32);
}

TEST_CASE("live steps: one that is cancelled ends between two steps of the engine, and the others go on") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    BatchedWhisper reference(kDemoModel, options(2, 4));
    const LiveOutcome expected = outcome_of(reference, step(audio, 5)).live;
    for (int at = 0; at < 14; ++at) {
        CAPTURE(at);
        auto executor = std::make_shared<agora::Executor>([] {});
        BatchedWhisper whisper(kDemoModel, options(2, 4), executor);
        WindowRequest cancelled = step(audio, 8);
        cancelled.language.clear();
        cancelled.detection.transcribe_from = 0;
        const auto flag = std::make_shared<std::atomic<bool>>(false);
        cancelled.cancelled = flag;
        std::vector<WindowOutcome> answers[2];
        whisper.submit(cancelled, [&](WindowOutcome outcome) { answers[0].push_back(std::move(outcome)); });
        whisper.submit(step(audio, 5), [&](WindowOutcome outcome) { answers[1].push_back(std::move(outcome)); });
        for (int i = 0; i < at; ++i) executor->step();
        const bool was_done = !answers[0].empty();
        *flag = true;
        while (executor->step()) {
        }
        REQUIRE(answers[0].size() == 1);
        REQUIRE(answers[1].size() == 1);
        CHECK(static_cast<bool>(answers[0].front().error) == !was_done);
        check_same(answers[1].front().live, expected);
    }
}
