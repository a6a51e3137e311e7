#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "engine/audio/log_mel.h"
#include "engine/decoder/attention.h"
#include "engine/text/softmax.h"
#include "engine/text/vocabulary.h"
#include "engine_parts.h"
#include "support.h"

TEST_CASE("attention is the same on every instruction set") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (const int count : {1, 2, 7, 16, 17, 448, 1500}) {
        std::vector<float> query(64), rows(64 * static_cast<size_t>(count)), scratch(static_cast<size_t>(count));
        for (auto& x : query) x = 3 * normal(random);
        const auto check = [&](auto value) {
            std::vector<decltype(value)> keys(rows.size()), values(rows.size());
            for (auto& x : rows) x = normal(random);
            agora::narrow(rows.data(), static_cast<int>(rows.size()), keys.data());
            for (auto& x : rows) x = normal(random);
            agora::narrow(rows.data(), static_cast<int>(rows.size()), values.data());
            std::vector<float> fast(64), plain(64);
            agora::attend(query.data(), keys.data(), values.data(), count, scratch.data(), fast.data());
            agora::attend_plain(query.data(), keys.data(), values.data(), count, scratch.data(), plain.data());
            CHECK(relative_error(fast, plain) < 1e-5);
        };
        check(agora::Half{});
        check(float{});
    }
}

TEST_CASE("values in half precision are ggml's, whatever their number") {
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, 100);
    std::vector<float> values = {0.0f, -0.0f, 1e-7f, -3e-6f, 65504.0f, 65519.0f, 65520.0f, 1.0f + 0x1p-11f, 3e38f};
    while (values.size() < 100) values.push_back(normal(random));
    for (int count = 0; count <= 100; ++count) {
        std::vector<agora::Half> actual(101, 7), expected(101, 7);
        agora::narrow(values.data(), count, actual.data());
        ggml_fp32_to_fp16_row(values.data(), expected.data(), count);
        CHECK(actual == expected);
    }
}

TEST_CASE("sums over logits are the same on every instruction set") {
    std::mt19937 random(2);
    std::normal_distribution<float> normal(0, 8);
    for (const size_t count : {1, 7, 16, 99, 1501, 51865}) {
        std::vector<float> logits(count);
        for (auto& x : logits) x = random() % 4 == 0 ? -INFINITY : normal(random);
        logits[count / 2] = 1;
        const float expected = agora::log_sum_exp_plain(logits.data(), logits.data() + count);
        CHECK(agora::log_sum_exp(logits.data(), logits.data() + count) == doctest::Approx(expected).epsilon(1e-5));
        CHECK(agora::highest(logits.data(), logits.data() + count) == *std::max_element(logits.begin(), logits.end()));
    }
    const std::vector<float> nothing(20, -INFINITY);
    CHECK(agora::log_sum_exp(nothing.data(), nothing.data() + 20) == -INFINITY);
}

namespace {

std::vector<float> call_spectrogram(const std::string& path, const agora::WhisperFile& file,
                                    const std::vector<float>& audio) {
    const agora::LogMel log_mel(file.hparams.n_mels, agora::read_mel_filters(path, file));
    std::vector<float> mel(static_cast<size_t>(file.hparams.n_mels) * agora::LogMel::kFrames);
    log_mel.compute(audio.data(), audio.size(), mel.data());
    return mel;
}

std::vector<float> english_call() {
    std::vector<float> audio = read_wav(kEnglishCall);
    audio.resize(20 * 16000);
    return audio;
}

std::vector<int> some_prompt(const agora::Vocabulary& vocabulary) {
    return {vocabulary.start_of_transcript,
            vocabulary.first_language,
            vocabulary.transcribe,
            vocabulary.first_timestamp + 20,
            1222,
            2593,
            1230};
}

}  // namespace

TEST_CASE("the largest values are found in order, of equal ones the first") {
    for (const size_t count : {size_t{3}, size_t{255}, size_t{257}, size_t{5000}}) {
        auto values = normal_values(count, static_cast<unsigned>(count));
        for (float& value : values) value = std::round(value * 4);  // many are equal
        std::vector<int> expected(count);
        for (size_t i = 0; i < count; ++i) expected[i] = static_cast<int>(i);
        std::stable_sort(expected.begin(), expected.end(),
                         [&](int a, int b) { return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)]; });
        expected.resize(std::min<size_t>(count, 6));
        CHECK(agora::highest_ones(values.data(), count, 6) == expected);
    }
    const std::vector<float> nothing(300, -INFINITY);
    CHECK(agora::highest_ones(nothing.data(), nothing.size(), 2) == std::vector<int>{0, 1});
}

TEST_CASE("spectrogram, encoder and decoder agree with whisper.cpp") {
    const std::vector<float> audio = english_call();
    for (const std::string& path : {kDemoModelF16, kDemoModel}) {
        CAPTURE(path);
        Parts parts(path, path == kDemoModel ? agora::ComputeType::Int8 : agora::ComputeType::F16);
        const std::vector<float> mel = call_spectrogram(path, parts.file, audio);

        const Reference reference(path);
        REQUIRE(whisper_pcm_to_mel(reference.context, audio.data(), static_cast<int>(audio.size()), 2) == 0);
        CHECK(relative_error(mel, agora::spectrogram(reference.context)) < 1e-5);
        // whisper.cpp rounds in places of its own, activations to half precision or 8 bits among them.
        const double bound = path == kDemoModel ? 3e-2 : 2e-3;
        const double encoder_error = relative_error(parts.encode(mel), reference.encode());
        CHECK(encoder_error < bound);

        const agora::Vocabulary vocabulary = agora::read_vocabulary(path, parts.file);
        CHECK(vocabulary.first_timestamp == whisper_token_beg(reference.context));
        CHECK(vocabulary.no_speech == whisper_token_nosp(reference.context));
        const std::vector<int> prompt = some_prompt(vocabulary);
        const double decoder_error = relative_error(parts.decode(prompt), reference.decode(prompt));
        CHECK(decoder_error < bound);
    }
}

TEST_CASE("encoder and decoder stay within the bounds of every compute type") {
    using Type = agora::ComputeType;
    const std::vector<float> audio = english_call();
    for (const std::string& path : {kDemoModelF16, kDemoModel}) {
        Parts exact(path, Type::F32);
        const std::vector<float> mel = call_spectrogram(path, exact.file, audio);
        const std::vector<int> prompt = some_prompt(agora::read_vocabulary(path, exact.file));
        const std::vector<float> encoded = exact.encode(mel);
        const std::vector<float> logits = exact.decode(prompt);
        for (const Type type : {Type::F16, Type::BF16, Type::Int8, Type::Int8F16, Type::Int8BF16}) {
            CAPTURE(path);
            const std::string name = agora::compute_type_name(type);
            CAPTURE(name);
            Parts parts(path, type);
            const double encoder_error = relative_error(parts.encode(mel), encoded);
            const double decoder_error = relative_error(parts.decode(prompt), logits);
            CHECK(encoder_error < bound_of(type));
            CHECK(decoder_error < bound_of(type));
        }
    }
}

TEST_CASE("a sequence decoded token by token beside others has the logits of its prompt at once") {
    Parts parts(kDemoModel, agora::ComputeType::Auto);
    parts.encode(call_spectrogram(kDemoModel, parts.file, english_call()));
    const std::vector<int> prompt = some_prompt(agora::read_vocabulary(kDemoModel, parts.file));
    const std::vector<float> at_once = parts.decode(prompt);
    const auto first = parts.decoder.new_sequence();
    const auto second = parts.decoder.new_sequence();
    const float* logits = nullptr;
    for (int i = 0; i < static_cast<int>(prompt.size()); ++i) {
        logits = parts.decoder.run({{second.get(), parts.window.get(), i, {prompt[0]}},
                                    {first.get(), parts.window.get(), i, {prompt[static_cast<size_t>(i)]}}},
                                   nullptr);
    }
    CHECK(std::vector<float>(logits + at_once.size(), logits + 2 * at_once.size()) == at_once);
}
