// Model files that are damaged, forged or changed under our hands: the engine refuses them, or survives them.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>

#include "batched_support.h"
#include "engine/error.h"
#include "engine/model/finite.h"
#include "engine/model/packed_whisper_weights.h"
#include "engine/model/quantize.h"
#include "model_writer.h"

namespace {

// A second of it.
std::vector<float> tone() {
    std::vector<float> audio(16000);
    for (size_t i = 0; i < audio.size(); ++i) audio[i] = 0.3f * std::sin(0.2f * static_cast<float>(i));
    return audio;
}

// Loads the model and transcribes a second with it. Nothing when that worked.
std::optional<agora::Error> error_of(const std::string& path, agora::ComputeType type) {
    try {
        agora::BatchedOptions wanted = options(1, 1);
        wanted.compute_type = type;
        agora::BatchedWhisper whisper(path, wanted);
        const std::vector<float> audio = tone();
        agora::WindowRequest window = request(audio, 0, audio.size());
        window.word_timestamps = true;
        const agora::WindowOutcome outcome = outcomes(whisper, {window}).front();
        if (outcome.error) std::rethrow_exception(outcome.error);
    } catch (const agora::Error& error) {
        return error;
    }
    return std::nullopt;
}

void put(Bytes& bytes, size_t offset, int32_t value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

constexpr size_t hyper_parameter(size_t index) {
    return sizeof(int32_t) * (1 + index);
}

const agora::TensorEntry& entry(const agora::WhisperFile& file, const std::string& name) {
    return *std::find_if(file.tensors.begin(), file.tensors.end(),
                         [&](const agora::TensorEntry& tensor) { return tensor.name == name; });
}

}  // namespace

TEST_CASE("widths and heads that the kernels cannot take are refused by name") {
    struct Forged {
        int32_t width, heads;
        const char* field;
    };
    const Bytes model = random_model({64, 1, 1, 64}, 1, 1);
    const TemporaryFile forged;
    for (const auto& [width, heads, field] :
         {Forged{32, 1, "n_audio_state"}, Forged{80, 1, "n_audio_state"}, Forged{96, 2, "n_audio_state"},
          Forged{128, 4, "n_audio_head"}, Forged{128, 1, "n_audio_head"}, Forged{64, 0, "n_audio_head"},
          Forged{8192, 128, "n_audio_state"}}) {
        Bytes bytes = model;
        for (const size_t side : {2, 6}) {
            put(bytes, hyper_parameter(side), width);
            put(bytes, hyper_parameter(side + 1), heads);
        }
        forged.write(bytes);
        const std::optional<agora::Error> error = error_of(forged.path(), agora::ComputeType::Auto);
        REQUIRE(error.has_value());
        CHECK(error->code() == agora::ErrorCode::ModelInvalid);
        CHECK(std::string(error->what()).find(field) != std::string::npos);
    }
}

TEST_CASE("a model that shrinks after it was read is invalid") {
    const Bytes model = random_model({64, 1, 1, 64}, 2, 1);
    const TemporaryFile shrinking(model);
    const agora::WhisperFile file = agora::read_whisper_file(shrinking.path());
    const agora::Precision precision =
        agora::choose_precision(agora::ComputeType::F16, file.is_quantised(), *agora::kernel_sets().front());
    for (const size_t size :
         {model.size() - 1, model.size() / 2, static_cast<size_t>(file.tensors_offset), size_t{0}}) {
        std::filesystem::resize_file(shrinking.path(), size);
        agora::ErrorCode code = agora::ErrorCode::Internal;
        try {
            const agora::PackedWhisperWeights weights(shrinking.path(), file, precision);
        } catch (const agora::Error& error) {
            code = error.code();
        }
        CHECK(code == agora::ErrorCode::ModelInvalid);
    }
}

TEST_CASE("damage anywhere in a model's structure is refused or survived") {
    const Bytes model = random_model({64, 1, 1, 64}, 3, 1);
    const TemporaryFile damaged(model);
    const agora::WhisperFile file = agora::read_whisper_file(damaged.path());
    // Headers of tensors lie before their data.
    std::vector<size_t> places = {0};
    for (const agora::TensorEntry& tensor : file.tensors) places.push_back(tensor.offset - 12 - tensor.name.size());
    std::mt19937 random(4);
    std::fstream stream(damaged.path(), std::ios::in | std::ios::out | std::ios::binary);
    int refused = 0;
    constexpr int kRounds = 300;
    for (int round = 0; round < kRounds; ++round) {
        CAPTURE(round);
        // A byte of the hyper-parameters, of the filters and the vocabulary, or of a tensor's header.
        const size_t kind = random() % 3;
        const size_t offset = kind == 0   ? random() % 48
                              : kind == 1 ? 48 + random() % (file.tensors_offset - 48)
                                          : places[random() % places.size()] + random() % 24;
        const char value = static_cast<char>(random());
        stream.seekp(static_cast<std::streamoff>(offset)).write(&value, 1).flush();
        try {
            const agora::BatchedWhisper whisper(damaged.path(), options(1, 1));
        } catch (const agora::Error& error) {
            ++refused;
            CHECK(error.code() == agora::ErrorCode::ModelInvalid);
        }
        stream.seekp(static_cast<std::streamoff>(offset));
        stream.write(reinterpret_cast<const char*>(model.data() + offset), 1).flush();
    }
    CHECK(refused > kRounds / 4);
}

TEST_CASE("a model that computes no numbers is invalid, whatever it is asked for") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 5));
    Bytes bytes = read_file(model.path());
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    const agora::TensorEntry& norm = entry(file, "decoder.ln.weight");
    // A number, whose products are none.
    const float most = std::numeric_limits<float>::max();
    for (size_t offset = 0; offset + sizeof(most) <= norm.bytes; offset += sizeof(most))
        std::memcpy(bytes.data() + norm.offset + offset, &most, sizeof(most));
    model.write(bytes);
    const std::vector<float> audio = tone();
    // Rows in 8 bits have no such thing as no number.
    agora::BatchedOptions exact = options(2, 4);
    exact.compute_type = agora::ComputeType::F32;
    agora::BatchedWhisper whisper(model.path(), exact);
    agora::WindowRequest greedy = request(audio, 0, audio.size());
    agora::WindowRequest sampled = greedy, beams = greedy, unknown = greedy;
    sampled.search.temperatures = {0.6f};
    beams.search.beam_size = 3;
    unknown.language.clear();
    for (const agora::WindowOutcome& outcome : outcomes(whisper, {greedy, sampled, beams, unknown})) {
        REQUIRE(outcome.error);
        try {
            std::rethrow_exception(outcome.error);
        } catch (const agora::Error& error) {
            CHECK(error.code() == agora::ErrorCode::ModelInvalid);
            CHECK(std::string(error.what()).find("computes no numbers") != std::string::npos);
        }
    }
}

TEST_CASE("a window to which every token is forbidden fails, and its neighbour does not") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 6, 1));
    const std::vector<float> audio = tone();
    agora::BatchedWhisper whisper(model.path(), options(2, 2));
    agora::WindowRequest free = request(audio, 0, audio.size()), forbidden = free;
    for (int token = 0; token < whisper.vocabulary().size; ++token)
        forbidden.search.rules.suppress_tokens.push_back(token);
    const std::vector<agora::WindowOutcome> alone = outcomes(whisper, {free});
    const std::vector<agora::WindowOutcome> both = outcomes(whisper, {forbidden, free});
    REQUIRE(both[0].error);
    CHECK_THROWS_WITH(std::rethrow_exception(both[0].error),
                      "No token is left to choose: suppressTokens rules all of them out");
    CHECK_FALSE(both[1].error);
    CHECK(tokens_of(both[1]) == tokens_of(alone[0]));
}

TEST_CASE("one weight that is no number is refused by its tensor's name") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 5));
    const TemporaryFile half(random_model({64, 1, 1, 64}, 5, 1));
    for (const TemporaryFile* source : {&model, &half}) {
        const Bytes bytes = read_file(source->path());
        const agora::WhisperFile file = agora::read_whisper_file(source->path());
        for (const char* name : {"encoder.conv1.weight", "encoder.blocks.0.attn.key.weight", "encoder.ln_post.weight",
                                 "decoder.blocks.0.cross_attn.value.weight", "decoder.token_embedding.weight"}) {
            CAPTURE(name);
            const agora::TensorEntry& tensor = entry(file, name);
            for (const uint64_t place : {uint64_t{0}, tensor.bytes / 8 * 4, tensor.bytes - 4}) {
                Bytes damaged = bytes;
                const uint32_t nan = tensor.type == GGML_TYPE_F32 ? 0x7FC00000u : 0x7E000000u;
                std::memcpy(damaged.data() + tensor.offset + place, &nan, sizeof nan);
                const TemporaryFile changed(damaged);
                for (const bool portable : {false, true}) {
                    agora::BatchedOptions wanted = options(1, 1);
                    wanted.portable = portable;
                    std::string message = "none";
                    try {
                        const agora::BatchedWhisper whisper(changed.path(), wanted);
                    } catch (const agora::Error& error) {
                        CHECK(error.code() == agora::ErrorCode::ModelInvalid);
                        message = error.what();
                    }
                    CHECK(message.find(std::string("tensor ") + name) != std::string::npos);
                }
            }
        }
    }
}

TEST_CASE("a quantised block whose scale is no number is found in every type") {
    std::vector<float> values(1024);
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
    for (const std::string& type : agora::quantize_types()) {
        CAPTURE(type);
        int32_t stored = 0;
        while (ggml_type_name(static_cast<ggml_type>(stored)) == nullptr ||
               ggml_type_name(static_cast<ggml_type>(stored)) != (type.back() == 'k' ? type.substr(0, 3) + "K" : type))
            ++stored;
        const auto check = [&](const std::vector<float>& given) {
            const std::vector<uint8_t> packed = agora::quantize_values(type, given);
            const agora::TensorEntry tensor{"a.weight", stored, {1024}, 0, packed.size()};
            agora::require_finite("model.bin", tensor, reinterpret_cast<const char*>(packed.data()), packed.size());
        };
        CHECK_NOTHROW(check(values));
        // In the last block, more than a scale in half precision can hold.
        std::vector<float> large = values;
        for (size_t i = 1024 - 256; i < large.size(); ++i) large[i] *= 1e9f;
        CHECK_THROWS_AS(check(large), agora::Error);
    }
}

TEST_CASE("weights that are too large do no worse than nonsense") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 5));
    const Bytes bytes = read_file(model.path());
    const agora::WhisperFile file = agora::read_whisper_file(model.path());
    for (const char* name : {"encoder.conv1.weight", "encoder.blocks.0.attn.key.weight", "encoder.ln_post.weight",
                             "decoder.blocks.0.cross_attn.value.weight", "decoder.token_embedding.weight"}) {
        const float value = std::numeric_limits<float>::max();
        for (const agora::ComputeType type : {agora::ComputeType::BF16, agora::ComputeType::Int8}) {
            Bytes damaged = bytes;
            const agora::TensorEntry& tensor = entry(file, name);
            for (size_t offset = 0; offset + sizeof(value) <= tensor.bytes; offset += 4 * sizeof(value))
                std::memcpy(damaged.data() + tensor.offset + offset, &value, sizeof(value));
            model.write(damaged);
            CHECK_NOTHROW(error_of(model.path(), type));
        }
    }
}
