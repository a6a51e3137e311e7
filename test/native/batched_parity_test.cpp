#include <doctest/doctest.h>
#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/audio/log_mel.h"
#include "engine/log.h"
#include "engine/whisper/attention.h"
#include "engine/whisper/cross_projection.h"
#include "engine/whisper/decoder.h"
#include "engine/whisper/encoder.h"
#include "engine/whisper/softmax.h"
#include "engine/whisper/vocabulary.h"
#include "engine/whisper/whisper_cpp.h"
#include "support.h"

namespace {

double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
    REQUIRE(actual.size() == expected.size());
    double difference = 0;
    double norm = 0;
    for (size_t i = 0; i < actual.size(); ++i) {
        difference += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
        norm += std::pow(static_cast<double>(expected[i]), 2);
    }
    return std::sqrt(difference / norm);
}

// whisper.cpp's own, on the same model: the independent reference.
struct Reference {
    explicit Reference(const std::string& path) {
        agora::capture_logs();
        whisper_context_params params = whisper_context_default_params();
        params.use_gpu = false;
        context = whisper_init_from_file_with_params(path.c_str(), params);
        REQUIRE(context != nullptr);
    }
    ~Reference() { whisper_free(context); }
    whisper_context* context;
};

}  // namespace

TEST_CASE("attention is the same on every instruction set") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (const int count : {1, 2, 7, 16, 17, 448, 1500}) {
        std::vector<float> query(64), rows(64 * static_cast<size_t>(count)), scratch(static_cast<size_t>(count));
        std::vector<agora::Half> keys(rows.size()), values(rows.size());
        for (auto& x : query) x = 3 * normal(random);
        for (auto& x : rows) x = normal(random);
        agora::to_half(rows.data(), static_cast<int>(rows.size()), keys.data());
        for (auto& x : rows) x = normal(random);
        agora::to_half(rows.data(), static_cast<int>(rows.size()), values.data());
        std::vector<float> fast(64), plain(64);
        agora::attend(query.data(), keys.data(), values.data(), count, scratch.data(), fast.data());
        agora::attend_plain(query.data(), keys.data(), values.data(), count, scratch.data(), plain.data());
        CHECK(relative_error(fast, plain) < 1e-5);
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

TEST_CASE("spectrogram, encoder and decoder agree with whisper.cpp") {
    for (const std::string& path : {kDemoModelF16, kDemoModel}) {
        CAPTURE(path);
        const agora::WhisperFile file = agora::read_whisper_file(path);
        agora::CpuCompute compute(2);
        const agora::WhisperWeights weights(path, file, compute.device());
        agora::CrossProjection projection(weights.decoder, file.hparams.n_text_head);
        agora::Encoder encoder(weights.encoder, agora::encoder_shape(file.hparams), compute,
                               [&](ggml_context* context, ggml_tensor* encoded) {
                                   return projection.build(context, encoded);
                               });
        agora::Decoder decoder(weights, file.hparams, compute);
        const agora::LogMel log_mel(file.hparams.n_mels, agora::read_mel_filters(path, file));

        std::vector<float> audio = read_wav(kEnglishCall);
        audio.resize(20 * 16000);
        std::vector<float> mel(static_cast<size_t>(file.hparams.n_mels) * agora::LogMel::kFrames);
        log_mel.compute(audio.data(), audio.size(), mel.data());

        const Reference reference(path);
        REQUIRE(whisper_pcm_to_mel(reference.context, audio.data(), static_cast<int>(audio.size()), 2) == 0);
        CHECK(relative_error(mel, agora::spectrogram(reference.context)) < 1e-5);
        REQUIRE(whisper_encode(reference.context, 0, 2) == 0);

        agora::KeyValues cross(file.hparams.n_text_layer, file.hparams.n_text_head, agora::Encoder::kFrames);
        projection.write_to(cross);
        REQUIRE(encoder.run(mel.data(), nullptr));
        // Both sides round to half precision, or to 8 bits, in places of their own.
        const double bound = path == kDemoModel ? 3e-2 : 2e-3;
        CHECK(relative_error(encoder.output(), agora::encoder_output(reference.context)) < bound);

        const agora::Vocabulary vocabulary = agora::read_vocabulary(path, file);
        CHECK(vocabulary.first_timestamp == whisper_token_beg(reference.context));
        CHECK(vocabulary.no_speech == whisper_token_nosp(reference.context));
        std::vector<int> prompt = {vocabulary.start_of_transcript,
                                   vocabulary.first_language,
                                   vocabulary.transcribe,
                                   vocabulary.first_timestamp + 20,
                                   1222,
                                   2593,
                                   1230};
        const auto self = decoder.new_sequence();
        const float* logits = decoder.run({{self.get(), &cross, 0, prompt}}, nullptr);
        const std::vector<float> ours(logits, logits + vocabulary.size);
        REQUIRE(whisper_decode(reference.context, prompt.data(), static_cast<int>(prompt.size()), 0, 2) == 0);
        const float* theirs =
            whisper_get_logits(reference.context) + (prompt.size() - 1) * static_cast<size_t>(vocabulary.size);
        CHECK(relative_error(ours, {theirs, theirs + vocabulary.size}) < bound);

        // Token by token, beside other sequences, the result is that of the prompt at once.
        const auto first = decoder.new_sequence();
        const auto second = decoder.new_sequence();
        for (int i = 0; i < static_cast<int>(prompt.size()); ++i) {
            logits = decoder.run(
                {{second.get(), &cross, i, {prompt[0]}}, {first.get(), &cross, i, {prompt[static_cast<size_t>(i)]}}},
                nullptr);
        }
        const std::vector<float> stepped(logits + vocabulary.size, logits + 2 * vocabulary.size);
        CHECK(relative_error(stepped, ours) < bound);
    }
}
