#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "engine/audio/log_mel.h"
#include "engine/decoder/attention.h"
#include "engine/text/softmax.h"
#include "engine/text/vocabulary.h"
#include "engine_parts.h"
#include "support.h"

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
