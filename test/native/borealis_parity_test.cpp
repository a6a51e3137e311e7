#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "engine/log.h"
#include "engine/schedule/batched_borealis.h"
#include "numbers.h"
#include "support.h"

namespace {

using agora::BorealisPlace;

// Folders of Borealis models that test/support/native-fixtures.ts has written.
std::vector<std::string> models() {
    std::vector<std::string> found;
    const std::filesystem::path folder = AGORA_ROOT "/build/native-fixtures";
    if (!std::filesystem::exists(folder)) return found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (std::filesystem::exists(entry.path() / "audio-f32.gguf")) found.push_back(entry.path().string());
    }
    return found;
}

std::vector<float> floats(const std::string& path) {
    const Bytes bytes = read_file(path);
    REQUIRE(!bytes.empty());
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
}

template <typename Number>
std::vector<Number> numbers(const std::string& path) {
    std::ifstream file(path);
    return {std::istream_iterator<Number>(file), {}};
}

std::string file_of(const std::string& model, const std::string& role, const std::string& type) {
    return model + "/" + role + "-" + type + ".gguf";
}

struct Combination {
    std::string model, type;
    BorealisPlace place;
};

std::vector<Combination> combinations(const std::vector<std::string>& types) {
    std::vector<Combination> all;
    for (const std::string& model : models()) {
        for (const std::string& type : types) {
            for (const BorealisPlace place : {BorealisPlace::Cpu, BorealisPlace::Portable})
                all.push_back({model, type, place});
        }
    }
    return all;
}

struct Loaded {
    Loaded(const std::string& model, const std::string& type, BorealisPlace place = BorealisPlace::Cpu)
        : quiet((agora::capture_logs(), true)),
          audio_file(agora::read_audio_file(file_of(model, "audio", type))),
          language_file(agora::read_language_file(file_of(model, "language-model", type))),
          compute(2),
          audio(file_of(model, "audio", type), audio_file, compute, place),
          language(file_of(model, "language-model", type), language_file, compute, 2, 3, 2048, place) {}
    bool quiet;
    agora::AudioFile audio_file;
    agora::LanguageFile language_file;
    agora::CpuCompute compute;
    agora::AudioEncoder audio;
    agora::LanguageModel language;

    std::vector<float> spectrogram(const std::vector<float>& samples) const {
        std::vector<float> mel(static_cast<size_t>(audio_file.mels) * agora::LogMel::kFrames);
        audio.log_mel().compute(samples.data(), samples.size(), mel.data());
        return mel;
    }

    // The language model's rows of windows that are encoded at once, for each.
    std::vector<std::vector<float>> audio_rows(const std::vector<std::vector<float>>& spectrograms) {
        std::vector<const float*> inputs;
        for (const auto& each : spectrograms) inputs.push_back(each.data());
        const float* all = audio.run(inputs, nullptr);
        REQUIRE(all != nullptr);
        const auto length = static_cast<size_t>(audio_file.rows() * language.width());
        std::vector<std::vector<float>> rows;
        for (size_t i = 0; i < inputs.size(); ++i) rows.emplace_back(all + i * length, all + (i + 1) * length);
        return rows;
    }

    // The logits of all inputs, one after another.
    std::vector<float> decode(const std::vector<agora::LanguageInput>& inputs) {
        const float* logits = language.decode(inputs);
        return {logits, logits + inputs.size() * static_cast<size_t>(language.vocabulary())};
    }

    // Rows of the whole prompt around the audio's.
    std::vector<float> prompt_rows(const std::vector<float>& audio_rows) {
        const agora::Prompt prompt = agora::make_prompt(language, "", "");
        std::vector<float> rows;
        for (const int token : prompt.before) language.embed(token, rows);
        rows.insert(rows.end(), audio_rows.begin(), audio_rows.end());
        for (const int token : prompt.after) language.embed(token, rows);
        return rows;
    }
};

}  // namespace

TEST_CASE("Borealis computes what its reference computes") {
    if (models().empty()) MESSAGE("skipped: scripts/test-native.mjs writes the models");
    for (const Combination& each : combinations({"f32", "f16", "q8_0", "q4_0"})) {
        const std::string& model = each.model;
        const std::string& type = each.type;
        CAPTURE(model);
        CAPTURE(type);
        CAPTURE(static_cast<int>(each.place));
        Loaded loaded(model, type, each.place);
        const double tolerance = type == "f32" ? 1e-4 : type == "f16" ? 1e-2 : type == "q8_0" ? 5e-2 : 0.5;
        for (const std::string clip : {"0", "1"}) {
            const std::vector<float> samples = floats(model + "/samples." + clip);
            const std::vector<float> mel = loaded.spectrogram(samples);
            const std::vector<float> rows = loaded.audio_rows({mel}).front();
            const double mel_error = relative_error(mel, floats(model + "/mel." + clip));
            const double encoder_error = relative_error(loaded.audio.encoded(), floats(model + "/encoded." + clip));
            const double adapter_error = relative_error(rows, floats(model + "/adapted." + clip));
            MESSAGE(type << ": mel " << mel_error << ", encoder " << encoder_error << ", adapter " << adapter_error);
            CHECK(mel_error <= 1e-5);
            CHECK(encoder_error <= tolerance);
            CHECK(adapter_error <= tolerance);

            const std::vector<int> greedy = numbers<int>(model + "/greedy." + clip);
            const std::vector<float> margins = numbers<float>(model + "/margins." + clip);
            const std::vector<int> top = numbers<int>(model + "/top." + clip);
            // What a logit may be off by; they span about ten.
            const float logit_error = type == "f32" ? 1e-3f : type == "f16" ? 3e-2f : type == "q8_0" ? 0.1f : 1.0f;
            std::vector<float> next = loaded.prompt_rows(rows);
            size_t same = 0;
            loaded.language.truncate(0, 0);
            for (size_t step = 0; step < greedy.size(); ++step) {
                const std::vector<float> logits = loaded.decode({{0, &next}});
                if (step == 0 && type == "f32") {
                    std::vector<int> best(logits.size());
                    for (size_t i = 0; i < best.size(); ++i) best[i] = static_cast<int>(i);
                    std::partial_sort(best.begin(), best.begin() + 10, best.end(), [&](int a, int b) {
                        return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
                    });
                    best.resize(10);
                    CHECK(best == top);
                }
                const auto token = static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
                if (token != greedy[step]) {
                    // The two differ for the first time: only where the reference could hardly tell them apart.
                    CHECK(margins[step] <= logit_error);
                    break;
                }
                ++same;
                next.clear();
                loaded.language.embed(token, next);
            }
            MESSAGE(type << ": " << same << " of " << greedy.size() << " greedy tokens are the same");
            if (type == "f32") CHECK(same == greedy.size());
        }
    }
}

TEST_CASE("windows of Borealis that are encoded at once are what they are alone") {
    for (const std::string& model : models()) {
        Loaded loaded(model, "f16", BorealisPlace::Portable);
        const std::vector<float> samples = floats(model + "/samples.0");
        std::vector<std::vector<float>> spectrograms;
        for (size_t i = 0; i < loaded.audio.batch(); ++i) {
            // Parts of the recording that differ.
            const auto part = static_cast<std::ptrdiff_t>(samples.size() * i / 8);
            spectrograms.push_back(loaded.spectrogram({samples.begin() + part, samples.end() - part}));
        }
        REQUIRE(spectrograms.size() > 1);
        const auto together = loaded.audio_rows(spectrograms);
        for (size_t i = 0; i < spectrograms.size(); ++i) {
            CAPTURE(i);
            CHECK(relative_error(together[i], loaded.audio_rows({spectrograms[i]}).front()) < 1e-5);
            CHECK((i == 0 || relative_error(together[i], together[0]) > 1e-2));
        }
    }
}

TEST_CASE("the prompt of Borealis has the reference's ids") {
    for (const std::string& model : models()) {
        Loaded loaded(model, "q8_0");
        const agora::Prompt prompt = agora::make_prompt(loaded.language, "", "");
        std::vector<int> ids = prompt.before;
        ids.insert(ids.end(), prompt.after.begin(), prompt.after.end());
        CHECK(ids == numbers<int>(model + "/prompt"));
    }
}

TEST_CASE("a prompt in pieces, on a copied beginning or beside another is the same prompt") {
    for (const std::string& model : models()) {
        Loaded loaded(model, "f16");
        const std::vector<float> audio = loaded.audio_rows({loaded.spectrogram(floats(model + "/samples.0"))}).front();
        const std::vector<float> all = loaded.prompt_rows(audio);
        const std::vector<float> whole = loaded.decode({{0, &all}});
        const auto width = static_cast<std::ptrdiff_t>(loaded.language.width());
        for (const std::ptrdiff_t cut : {1, 57, 300, 420}) {
            const std::vector<float> before(all.begin(), all.begin() + cut * width);
            const std::vector<float> after(all.begin() + cut * width, all.end());
            loaded.language.truncate(0, 0);
            loaded.decode({{0, &before}});
            loaded.language.copy(0, 1);
            CHECK(relative_error(loaded.decode({{0, &after}}), whole) < 1e-5);
            CHECK(relative_error(loaded.decode({{1, &after}}), whole) < 1e-5);
        }
        loaded.language.truncate(0, 0);
        loaded.language.truncate(1, 0);
        std::vector<float> both = loaded.decode({{0, &all}, {1, &all}});
        const auto half = static_cast<std::ptrdiff_t>(both.size() / 2);
        CHECK(relative_error({both.begin(), both.begin() + half}, whole) < 1e-5);
        CHECK(relative_error({both.begin() + half, both.end()}, whole) < 1e-5);
    }
}

TEST_CASE("texts have the tokens that the checkpoint's tokenizer says") {
    for (const std::string& model : models()) {
        Loaded loaded(model, "q8_0");
        std::ifstream texts(model + "/texts");
        std::ifstream expected(model + "/text-ids");
        size_t count = 0;
        for (std::string hex, line; std::getline(texts, hex) && std::getline(expected, line); ++count) {
            std::string text;
            for (size_t i = 0; i < hex.size(); i += 2)
                text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
            std::istringstream fields(line);
            CAPTURE(text);
            CHECK(loaded.language.tokenize(text) == std::vector<int>(std::istream_iterator<int>(fields), {}));
        }
        CHECK(count > 30);
    }
}
