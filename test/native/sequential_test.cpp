#include "engine/reference/sequential.h"

#include <doctest/doctest.h>

#include <thread>

#include "engine/audio/vad.h"
#include "engine/error.h"
#include "engine/model/quantize.h"
#include "support.h"

namespace {

using agora::ErrorCode;
using agora::SequentialWhisper;

const std::atomic<bool> kNever{false};

agora::DecodeOptions english() {
    agora::DecodeOptions options;
    options.language = "en";
    options.temperature_step = 0.2f;
    return options;
}

std::string text_of(const std::vector<agora::DecodedSegment>& segments) {
    std::string text;
    for (const auto& segment : segments) text += segment.text;
    return text;
}

}  // namespace

TEST_CASE("the demo model writes what was said") {
    SequentialWhisper whisper(kDemoModel, false, 2);
    const std::vector<float> audio = read_wav(kEnglishCall);
    const auto segments = whisper.transcribe(audio.data(), 8 * 16000, english(), kNever);
    CHECK(text_of(segments) ==
          " My phone number is two eight nine two six. Hi there, how can I help you? Six routers, please.");
    const auto [languages, no_speech] = whisper.detect_language(audio.data(), 8 * 16000, kNever);
    CHECK(languages.size() == 99);
    CHECK(languages[0].language == "en");
    CHECK(languages[0].probability > 0.9f);
    CHECK(no_speech < 0.1f);
}

TEST_CASE("windows of any length are safe") {
    SequentialWhisper whisper(kDemoModel, false, 2);
    const std::vector<float> audio = read_wav(kEnglishCall);
    for (const size_t count : {0, 1, 159, 160, 161, 399, 400, 1600, 15999, 30 * 16000}) {
        const auto options = [] {
            auto o = english();
            o.word_timestamps = true;
            return o;
        }();
        double last = 0;
        for (const auto& segment : whisper.transcribe(audio.data() + 6400, count, options, kNever)) {
            CHECK(segment.start >= last);
            CHECK(segment.end >= segment.start);
            CHECK(segment.end <= static_cast<double>(count) / 16000 + 1e-9);
            last = segment.start;
        }
    }
    CHECK_THROWS_AS(whisper.transcribe(audio.data(), 30 * 16000 + 1, english(), kNever), agora::Error);
}

TEST_CASE("calls from several threads do not disturb each other") {
    SequentialWhisper whisper(kDemoModel, false, 1);
    const std::vector<float> audio = read_wav(kEnglishCall);
    const auto expected = text_of(whisper.transcribe(audio.data(), 8 * 16000, english(), kNever));
    std::vector<std::string> texts(3);
    std::vector<std::thread> threads;
    for (auto& text : texts) {
        threads.emplace_back([&] { text = text_of(whisper.transcribe(audio.data(), 8 * 16000, english(), kNever)); });
    }
    for (auto& thread : threads) thread.join();
    for (const auto& text : texts) CHECK(text == expected);
}

TEST_CASE("a cancelled call ends with that error and harms no later one") {
    SequentialWhisper whisper(kDemoModel, false, 1);
    const std::vector<float> audio = read_wav(kEnglishCall);
    const auto expected = text_of(whisper.transcribe(audio.data(), 8 * 16000, english(), kNever));
    for (const int delay : {0, 1, 5, 20, 60}) {
        std::atomic<bool> cancelled{false};
        std::thread canceller([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(delay));
            cancelled = true;
        });
        try {
            // It may be done before; then there is nothing to check.
            whisper.transcribe(audio.data(), 20 * 16000, english(), cancelled);
        } catch (const agora::Error& error) {
            CHECK(error.code() == ErrorCode::Cancelled);
        }
        canceller.join();
    }
    CHECK(text_of(whisper.transcribe(audio.data(), 8 * 16000, english(), kNever)) == expected);
}

TEST_CASE("the same seed gives the same sample, whatever ran before") {
    SequentialWhisper whisper(kDemoModel, false, 1);
    const std::vector<float> audio = read_wav(kEnglishCall);
    auto options = english();
    options.temperature = 1.0f;
    options.temperature_step = 0.0f;
    options.best_of = 2;
    const auto once = text_of(whisper.transcribe(audio.data(), 8 * 16000, options, kNever));
    CHECK(text_of(whisper.transcribe(audio.data(), 8 * 16000, options, kNever)) == once);
}

TEST_CASE("a model quantised here reads as well as its source") {
    const TemporaryFile target;
    double progress = 0;
    agora::quantize_whisper_file(kDemoModelF16, target.path(), "q5_0", kNever, [&](double done) { progress = done; });
    CHECK(progress == doctest::Approx(1.0));
    SequentialWhisper whisper(target.path(), false, 2);
    CHECK(whisper.file().weight_type == "q5_0");
    const std::vector<float> audio = read_wav(kEnglishCall);
    CHECK(text_of(whisper.transcribe(audio.data(), 8 * 16000, english(), kNever)) ==
          " My phone number is two eight nine two six. Hi there, how can I help you? Six routers, please.");
}

TEST_CASE("quantising refuses what it cannot do") {
    const TemporaryFile target;
    const auto code = [&](const std::string& source, const std::string& destination, const std::string& type) {
        try {
            agora::quantize_whisper_file(source, destination, type, kNever, [](double) {});
        } catch (const agora::Error& error) {
            return error.code();
        }
        return ErrorCode::Internal;
    };
    CHECK(code(kDemoModelF16, target.path(), "q9_9") == ErrorCode::InvalidArgument);
    CHECK(code(kDemoModelF16, target.path(), "q4_k") == ErrorCode::InvalidArgument);  // 192 is no multiple of 256
    CHECK(code(kDemoModel, target.path(), "q5_0") == ErrorCode::InvalidArgument);
    CHECK(code(kDemoModelF16, "/nonexistent/x.bin", "q5_0") == ErrorCode::InvalidArgument);
    CHECK(code("/nonexistent/x.bin", target.path(), "q5_0") == ErrorCode::ModelNotFound);
}

TEST_CASE("a VAD model that is none is refused") {
    CHECK_THROWS_AS(agora::VoiceActivityDetector{kDemoModel}, agora::Error);
    CHECK_THROWS_AS(agora::VoiceActivityDetector{"/nonexistent"}, agora::Error);
}
