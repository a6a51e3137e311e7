// What runs on a GPU, here on ggml's CPU backend: the same graphs, and the same code around them.
#include <doctest/doctest.h>
#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <thread>

#include "batched_support.h"
#include "engine/decoder/packed_network.h"
#include "engine/decoder/portable_network.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/reference/whisper_cpp.h"
#include "model_writer.h"
#include "numbers.h"

namespace {

using agora::BatchedWhisper;

agora::BatchedOptions portable(int batch_size, const std::string& draft_path = "") {
    agora::BatchedOptions result = options(2, batch_size, draft_path);
    result.portable = true;
    return result;
}

struct Parts {
    explicit Parts(const std::string& path)
        : file(agora::read_whisper_file(path)),
          compute(2),
          network(path, file, agora::ComputeType::Auto, 1, compute),
          log_mel(file.hparams.n_mels, agora::read_mel_filters(path, file)) {}

    std::vector<float> spectrogram(const std::vector<float>& audio) const {
        std::vector<float> mel(static_cast<size_t>(file.hparams.n_mels) * agora::LogMel::kFrames);
        log_mel.compute(audio.data(), audio.size(), mel.data());
        return mel;
    }

    // Logits of the last token.
    std::vector<float> decode(agora::WindowMemory& window, const std::vector<int>& tokens,
                              agora::AttentionCapture* capture = nullptr) {
        const auto self = network.decoder().new_sequence();
        const float* logits = network.decoder().run({{self.get(), &window, 0, tokens, capture}}, nullptr);
        return row(logits, 0);
    }

    std::vector<float> row(const float* logits, size_t index) const {
        const auto count = static_cast<size_t>(file.hparams.n_vocab);
        return {logits + index * count, logits + (index + 1) * count};
    }

    agora::WhisperFile file;
    agora::CpuCompute compute;
    agora::PortableNetwork network;
    agora::LogMel log_mel;
};

std::vector<float> seconds(size_t first, size_t last) {
    const std::vector<float> audio = read_wav(kEnglishCall);
    return {audio.begin() + static_cast<std::ptrdiff_t>(first * 16000),
            audio.begin() + static_cast<std::ptrdiff_t>(last * 16000)};
}

std::vector<int> some_tokens(const Parts& parts, const std::string& path, size_t count) {
    const agora::Vocabulary vocabulary = agora::read_vocabulary(path, parts.file);
    std::vector<int> tokens = {vocabulary.start_of_transcript, vocabulary.first_language, vocabulary.transcribe};
    while (tokens.size() < count) tokens.push_back(1000 + static_cast<int>(tokens.size() * 37 % 800));
    return tokens;
}

}  // namespace

TEST_CASE("the portable encoder and decoder agree with whisper.cpp") {
    const std::vector<float> audio = seconds(0, 20);
    for (const std::string& path : {kDemoModelF16, kDemoModel}) {
        CAPTURE(path);
        Parts parts(path);
        const double bound = path == kDemoModel ? 3e-2 : 2e-3;
        agora::capture_logs();
        whisper_context_params params = whisper_context_default_params();
        params.use_gpu = false;
        const std::unique_ptr<whisper_context, decltype(&whisper_free)> reference(
            whisper_init_from_file_with_params(path.c_str(), params), whisper_free);
        REQUIRE(whisper_pcm_to_mel(reference.get(), audio.data(), static_cast<int>(audio.size()), 2) == 0);
        REQUIRE(whisper_encode(reference.get(), 0, 2) == 0);

        const std::vector<float> mel = parts.spectrogram(audio);
        const auto window = parts.network.decoder().new_window();
        REQUIRE(parts.network.encode({{mel.data(), window.get()}}, nullptr));
        const double encoder_error =
            relative_error(parts.network.encoded(0, 0), agora::encoder_output(reference.get()));
        CHECK(encoder_error < bound);

        // A short text, which runs together with others, and a long one, which runs alone.
        for (const size_t length : {7, 40}) {
            CAPTURE(length);
            const std::vector<int> tokens = some_tokens(parts, path, length);
            REQUIRE(whisper_decode(reference.get(), tokens.data(), static_cast<int>(length), 0, 2) == 0);
            const std::vector<float> expected = parts.row(whisper_get_logits(reference.get()), length - 1);
            const double decoder_error = relative_error(parts.decode(*window, tokens), expected);
            CHECK(decoder_error < bound);

            // The same in a piece and then token by token, as a search does it.
            const auto sequence = parts.network.decoder().new_sequence();
            const auto half = static_cast<std::ptrdiff_t>(length / 2);
            const float* logits = parts.network.decoder().run(
                {{sequence.get(), window.get(), 0, {tokens.begin(), tokens.begin() + half}}}, nullptr);
            for (auto i = static_cast<int>(half); i < static_cast<int>(length); ++i) {
                logits = parts.network.decoder().run(
                    {{sequence.get(), window.get(), i, {tokens[static_cast<size_t>(i)]}}}, nullptr);
            }
            const double step_error = relative_error(parts.row(logits, 0), expected);
            CHECK(step_error < bound);
        }
    }
}

TEST_CASE("windows encoded at once are what they are alone") {
    Parts parts(kDemoModelF16);
    agora::Decoder& decoder = parts.network.decoder();
    const std::vector<int> tokens = some_tokens(parts, kDemoModelF16, 6);
    std::vector<std::vector<float>> mels;
    std::vector<std::unique_ptr<agora::WindowMemory>> windows;
    std::vector<agora::EncoderInput> inputs;
    for (size_t i = 0; i < parts.network.encoder_batch(); ++i) mels.push_back(parts.spectrogram(seconds(5 * i, 20)));
    for (const auto& mel : mels) {
        windows.push_back(decoder.new_window());
        inputs.push_back({mel.data(), windows.back().get()});
    }
    REQUIRE(parts.network.encode(inputs, nullptr));
    std::vector<std::vector<float>> encoded;
    for (size_t i = 0; i < mels.size(); ++i) encoded.push_back(parts.network.encoded(i, 0));
    const auto alone = decoder.new_window();
    for (size_t i = 0; i < mels.size(); i += 2) {
        CAPTURE(i);
        REQUIRE(parts.network.encode({{mels[i].data(), alone.get()}}, nullptr));
        CHECK(relative_error(encoded[i], parts.network.encoded(0, 0)) < 1e-5);
        CHECK(relative_error(parts.decode(*windows[i], tokens), parts.decode(*alone, tokens)) < 1e-4);
    }
}

TEST_CASE("portable sequences keep to themselves, whatever runs beside them and however much memory there is") {
    Parts parts(kDemoModelF16);
    agora::Decoder& decoder = parts.network.decoder();
    const std::vector<float> first = parts.spectrogram(seconds(0, 8));
    const std::vector<float> second = parts.spectrogram(seconds(8, 20));
    const auto window = decoder.new_window();
    REQUIRE(parts.network.encode({{first.data(), window.get()}}, nullptr));
    const std::vector<int> tokens = some_tokens(parts, kDemoModelF16, 9);
    const std::vector<float> expected = parts.decode(*window, tokens);

    // The memories grow while they are in use.
    const auto other = decoder.new_window();
    REQUIRE(parts.network.encode({{second.data(), other.get()}}, nullptr));
    const auto sequence = decoder.new_sequence();
    const auto neighbour = decoder.new_sequence();
    const auto beam = decoder.new_sequence();
    const std::vector<int> begin(tokens.begin(), tokens.begin() + 5);
    const float* logits = decoder.run({{neighbour.get(), other.get(), 0, {tokens[0]}},
                                       {sequence.get(), window.get(), 0, begin},
                                       {beam.get(), window.get(), 0, {tokens[1], tokens[2]}}},
                                      nullptr);
    // One after another, then what a draft has written, all of whose logits are asked for.
    logits = decoder.run({{neighbour.get(), other.get(), 1, {tokens[3]}},
                          {beam.get(), window.get(), 2, {tokens[4]}},
                          {sequence.get(), window.get(), 5, {tokens[5]}}},
                         nullptr);
    beam->copy_from(*sequence, 6);
    const std::vector<int> rest(tokens.begin() + 6, tokens.end());
    logits = decoder.run({{sequence.get(), window.get(), 6, rest, nullptr, rest.size()},
                          {neighbour.get(), other.get(), 2, {tokens[3]}},
                          {beam.get(), window.get(), 6, rest}},
                         nullptr);
    CHECK(relative_error(parts.row(logits, 2), expected) < 2e-3);
    CHECK(relative_error(parts.row(logits, 4), expected) < 2e-3);
}

TEST_CASE("the portable decoder looks where the CPU's kernels look") {
    Parts parts(kDemoModelF16);
    const agora::KernelSet& kernels = *agora::kernel_sets().front();
    agora::PackedNetwork packed(kDemoModelF16, parts.file,
                                agora::choose_precision(agora::ComputeType::F32, parts.file.is_quantised(), kernels),
                                kernels, parts.compute);
    const std::vector<float> mel = parts.spectrogram(seconds(0, 8));
    const std::vector<int> tokens = some_tokens(parts, kDemoModelF16, 20);
    std::vector<std::vector<float>> weights;
    for (agora::Network* network :
         {static_cast<agora::Network*>(&parts.network), static_cast<agora::Network*>(&packed)}) {
        const auto window = network->decoder().new_window();
        const auto sequence = network->decoder().new_sequence();
        REQUIRE(network->encode({{mel.data(), window.get()}}, nullptr));
        agora::AttentionCapture capture{{{1, 0}, {3, 2}, {0, 1}}, {}};
        REQUIRE(network->decoder().run({{sequence.get(), window.get(), 0, tokens, &capture}}, nullptr) != nullptr);
        REQUIRE(capture.weights.size() == 3 * tokens.size() * 1500);
        for (auto row = capture.weights.begin(); row != capture.weights.end(); row += 1500) {
            const float sum = std::accumulate(row, row + 1500, 0.0f);
            std::transform(row, row + 1500, row, [&](float weight) { return weight / sum; });
        }
        weights.push_back(capture.weights);
    }
    // ggml adds attention up in half precision on the CPU, and an exponential widens the difference.
    CHECK(relative_error(weights[0], weights[1]) < 5e-2);
}

TEST_CASE("the portable engine writes what the CPU's kernels write, whatever the search") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    // Cut at pauses: what a cut word becomes is a matter of rounding.
    const double cuts[] = {0, 7.75, 13.5, 20.8, 27.1, 34.6, 40.7};
    for (size_t i = 0; i < 6; ++i)
        requests.push_back(
            request(audio, static_cast<size_t>(cuts[i] * 16000), static_cast<size_t>(cuts[i + 1] * 16000)));
    requests[1].search.beam_size = 3;
    requests[2].search.temperatures = {0.2f};
    requests[4].search.beam_size = 5;
    requests[5].language.clear();
    for (auto& each : requests) each.word_timestamps = true;
    agora::BatchedOptions same_type = options(2, 4);
    same_type.compute_type = agora::ComputeType::F16;
    BatchedWhisper kernels(kDemoModelF16, same_type);
    BatchedWhisper whisper(kDemoModelF16, portable(4));
    requests[3].search.rules.timestamps = false;
    CHECK(whisper.compute_type() == "float16");
    const auto expected = outcomes(kernels, requests);
    const auto actual = outcomes(whisper, requests);
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        REQUIRE(!actual[i].error);
        CAPTURE(text_of(actual[i]));
        CAPTURE(text_of(expected[i]));
        CHECK(tokens_of(actual[i]) == tokens_of(expected[i]));
        REQUIRE(actual[i].segments.size() == expected[i].segments.size());
        for (size_t k = 0; k < expected[i].segments.size(); ++k) {
            const auto& words = actual[i].segments[k].words;
            const auto& known = expected[i].segments[k].words;
            REQUIRE(words.size() == known.size());
            for (size_t w = 0; w < words.size(); ++w) {
                CAPTURE(words[w].text);
                CAPTURE(words[w].start);
                CAPTURE(known[w].start);
                CAPTURE(words[w].end);
                CAPTURE(known[w].end);
                CHECK(std::abs(words[w].start - known[w].start) < 0.051);
                CHECK(std::abs(words[w].end - known[w].end) < 0.051);
            }
        }
    }
    CHECK(actual[5].languages[0].language == "en");
}

TEST_CASE("the portable engine's results do not depend on the batch") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (size_t i = 0; i < 4; ++i) {
        requests.push_back(request(audio, i * 4 * 16000, (i * 4 + 4 + i) * 16000));
        if (i % 3 == 1) requests.back().search.temperatures = {0.6f};
        if (i % 3 == 2) requests.back().search.beam_size = 2;
        requests.back().search.seed = static_cast<uint32_t>(i);
    }
    BatchedWhisper alone(kDemoModel, portable(1));
    BatchedWhisper together(kDemoModel, portable(8));
    CHECK(alone.compute_type() == "int8");
    const auto one_by_one = outcomes(alone, requests);
    const auto at_once = outcomes(together, requests);
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        REQUIRE(!at_once[i].error);
        CHECK(tokens_of(one_by_one[i]) == tokens_of(at_once[i]));
    }
}

TEST_CASE("a draft model changes nothing of what the portable engine writes") {
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (size_t i = 0; i < 2; ++i) requests.push_back(request(audio, i * 6 * 16000, (i * 6 + 8) * 16000));
    BatchedWhisper alone(kDemoModelF16, portable(4));
    const auto expected = outcomes(alone, requests);
    const TemporaryFile distil(with_decoder_layers(kDemoModelF16, 1));
    for (const std::string& path : {kDemoModel, distil.path()}) {
        CAPTURE(path);
        BatchedWhisper ahead(kDemoModelF16, portable(4, path));
        const auto actual = outcomes(ahead, requests);
        int proposed = 0;
        for (size_t i = 0; i < requests.size(); ++i) {
            REQUIRE(!actual[i].error);
            CHECK(tokens_of(actual[i]) == tokens_of(expected[i]));
            proposed += actual[i].draft.proposed;
        }
        CHECK(proposed > 10);
    }
}

TEST_SUITE_BEGIN("threads");

TEST_CASE("cancelled windows leave the portable engine and harm no other, while spectrograms are computed ahead") {
    // Small, for ThreadSanitizer.
    const TemporaryFile model(random_model({128, 1, 2, 100}, 3));
    BatchedWhisper whisper(model.path(), portable(2));
    const std::vector<float> audio = read_wav(kEnglishCall);
    std::vector<agora::WindowRequest> requests;
    for (size_t i = 0; i < 7; ++i) requests.push_back(request(audio, i * 16000, (i + 2) * 16000));
    const auto before = std::make_shared<std::atomic<bool>>(true);
    const auto meanwhile = std::make_shared<std::atomic<bool>>(false);
    for (auto& each : requests) {
        each.search.temperatures = {0};
        each.search.max_tokens = 8;
    }
    requests[1].cancelled = before;
    requests[6].cancelled = meanwhile;
    std::vector<agora::WindowOutcome> results(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
        whisper.submit(requests[i], [&, i](agora::WindowOutcome outcome) {
            results[i] = std::move(outcome);
            // In the middle of the work, when its spectrogram may be on its way.
            if (i == 0) meanwhile->store(true);
        });
    }
    std::thread(&BatchedWhisper::run, &whisper).join();
    for (size_t i = 0; i < results.size(); ++i) {
        CAPTURE(i);
        CHECK(static_cast<bool>(results[i].error) == (i == 1 || i == 6));
    }
}

TEST_SUITE_END();

TEST_CASE("the portable engine computes in the type of the file and no other") {
    agora::BatchedOptions wide = portable(1);
    wide.compute_type = agora::ComputeType::BF16;
    try {
        BatchedWhisper(kDemoModel, wide);
        FAIL("It was loaded");
    } catch (const agora::Error& error) {
        CHECK(error.code() == agora::ErrorCode::InvalidArgument);
        CHECK(std::string(error.what()).find("\"auto\" or \"int8\"") != std::string::npos);
        CHECK(std::string(error.what()).find("bfloat16") != std::string::npos);
    }
}

TEST_CASE("a GPU that is not there is an error and no crash") {
    agora::BatchedOptions gpu = options(1, 1);
    gpu.gpu = true;
    CHECK_THROWS_WITH_AS(BatchedWhisper(kDemoModel, gpu), doctest::Contains("GPU"), agora::Error);
}
