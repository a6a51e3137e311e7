// Windows whose language is detected and that are transcribed in it, by what the encoder has heard once.
#include <doctest/doctest.h>

#include <limits>

#include "batched_support.h"
#include "model_writer.h"

namespace {

using agora::BatchedWhisper;
using agora::Languages;
using agora::WindowOutcome;
using agora::WindowRequest;

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr size_t kSilent = 3;

// Windows of both languages and every search, which are to be written in their own language.
std::vector<WindowRequest> requests(const agora::Vocabulary& vocabulary) {
    const std::vector<float> english = read_wav(kEnglishCall);
    const std::vector<float> russian = read_wav(AGORA_ROOT "/samples/sales-call-ru.wav");
    std::vector<WindowRequest> all = {request(english, 0, 8 * 16000), request(russian, 0, 6 * 16000),
                                      request(english, 8 * 16000, 14 * 16000), request(english, 0, 3 * 16000)};
    all[0].search.beam_size = 2;
    all[0].prompt = vocabulary.encode({" routers", ",", " please", "."});
    all[1].language = "ru";
    all[1].word_timestamps = true;
    all[2].search.temperatures = {0.4f};
    // Silence before the speech is skipped, here as there.
    all[2].samples.insert(all[2].samples.begin(), 2 * 16000, 0.0f);
    all[kSilent].samples.assign(3 * 16000, 0.0f);
    return all;
}

std::vector<WindowRequest> unknown(std::vector<WindowRequest> known, double transcribe_from) {
    for (WindowRequest& request : known) {
        request.language.clear();
        request.detection.transcribe_from = transcribe_from;
    }
    return known;
}

void check_same(const WindowOutcome& actual, const WindowOutcome& expected) {
    REQUIRE(!actual.error);
    REQUIRE(actual.segments.size() == expected.segments.size());
    for (size_t k = 0; k < expected.segments.size(); ++k) {
        const agora::DecodedSegment& segment = actual.segments[k];
        CHECK(segment.tokens == expected.segments[k].tokens);
        CHECK(segment.probabilities == expected.segments[k].probabilities);
        CHECK(segment.start == expected.segments[k].start);
        CHECK(segment.end == expected.segments[k].end);
        REQUIRE(segment.words.size() == expected.segments[k].words.size());
        for (size_t w = 0; w < segment.words.size(); ++w)
            CHECK(segment.words[w].start == expected.segments[k].words[w].start);
    }
}

agora::BatchedOptions portable(int batch_size) {
    agora::BatchedOptions result = options(2, batch_size);
    result.portable = true;
    return result;
}

}  // namespace

TEST_CASE("a window is written in the language that is detected as in that language given, and encoded once") {
    const TemporaryFile distil(with_decoder_layers(kDemoModelF16, 1));
    struct Setting {
        std::string model;
        agora::BatchedOptions options;
    };
    // A draft model of another encoder and one of the same; what a GPU would run.
    const std::vector<Setting> settings = {{kDemoModel, options(2, 1)},
                                           {kDemoModel, options(2, 16)},
                                           {kDemoModelF16, options(2, 4, kDemoModel)},
                                           {kDemoModelF16, options(2, 4, distil.path())},
                                           {kDemoModel, portable(4)}};
    for (size_t s = 0; s < settings.size(); ++s) {
        CAPTURE(s);
        BatchedWhisper whisper(settings[s].model, settings[s].options);
        const std::vector<WindowRequest> given = requests(whisper.vocabulary());
        const auto expected = outcomes(whisper, given);
        const size_t passes = whisper.load().encoded;
        const auto actual = outcomes(whisper, unknown(given, 0));
        // A silent window is encoded for its language, and has no text to be encoded for.
        CHECK(passes >= given.size() - 1);
        CHECK(whisper.load().encoded - passes == passes + 1);
        for (size_t i = 0; i < given.size(); ++i) {
            CAPTURE(i);
            CHECK(actual[i].language == actual[i].languages.front().language);
            if (i != kSilent) CHECK(actual[i].language == given[i].language);
            check_same(actual[i], expected[i]);
        }
        CHECK(whisper.load().waiting == 0);
        CHECK(whisper.load().running == 0);
    }
}

TEST_CASE("a window whose language is less sure than asked for is not transcribed") {
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    const std::vector<WindowRequest> given = requests(whisper.vocabulary());
    const WindowOutcome detected = outcomes(whisper, unknown({given[0]}, kNever))[0];
    CHECK(detected.language.empty());
    CHECK(detected.segments.empty());
    CHECK(detected.no_speech_prob > 0.0f);
    CHECK(detected.no_speech_prob < 0.1f);
    const double probability = detected.languages.front().probability;
    const auto just = outcomes(whisper, unknown({given[0]}, probability))[0];
    CHECK(just.language == "en");
    CHECK_FALSE(just.segments.empty());
    const auto below = outcomes(whisper, unknown({given[0]}, probability + 1e-6))[0];
    CHECK(below.language.empty());
    CHECK(below.segments.empty());
    CHECK(below.languages.front().language == "en");
}

TEST_CASE("what is detected is told while the window is still to be transcribed") {
    BatchedWhisper whisper(kDemoModel, options(2, 4));
    auto asked = unknown(requests(whisper.vocabulary()), 0);
    std::vector<std::string> events;
    for (const size_t i : {0, 1}) {
        const std::string number = std::to_string(i);
        asked[i].detection.on_languages = [&, number](const Languages& languages, float) {
            events.push_back(number + " is " + languages.front().language);
        };
        whisper.submit(asked[i], [&, number](const WindowOutcome&) { events.push_back(number + " is done"); });
    }
    whisper.run();
    REQUIRE(events.size() == 4);
    CHECK(events[0] == "0 is en");
    CHECK(events[1] == "1 is ru");
}

TEST_CASE("a window that is cancelled when its language is known is not transcribed") {
    BatchedWhisper whisper(kDemoModel, options(2, 2));
    auto asked = unknown(requests(whisper.vocabulary()), 0);
    asked.resize(2);
    const auto flag = std::make_shared<std::atomic<bool>>(false);
    asked[1].cancelled = flag;
    asked[1].detection.on_languages = [&](const Languages&, float) { *flag = true; };
    const auto results = outcomes(whisper, asked);
    CHECK(results[0].language == "en");
    REQUIRE(results[1].error);
    CHECK_THROWS_WITH(std::rethrow_exception(results[1].error), "The request was cancelled");
    CHECK(results[1].segments.empty());
}
