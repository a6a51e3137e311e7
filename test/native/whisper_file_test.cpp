#include "engine/model/whisper_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "engine/decoder/alignment.h"
#include "engine/error.h"
#include "engine_parts.h"
#include "model_writer.h"
#include "support.h"

using agora::ErrorCode;

namespace {

ErrorCode error_of(const std::string& path) {
    try {
        agora::read_whisper_file(path);
    } catch (const agora::Error& error) {
        return error.code();
    }
    FAIL("the file was accepted");
    return ErrorCode::Internal;
}

ErrorCode error_of(const Bytes& bytes) {
    return error_of(TemporaryFile(bytes).path());
}

Bytes first(const Bytes& bytes, size_t count) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count)};
}

void put_i32(Bytes& bytes, size_t offset, int32_t value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

}  // namespace

TEST_CASE("a demo model is read with its shape and type") {
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModel);
    CHECK(file.hparams.n_vocab == 51865);
    CHECK(file.hparams.n_audio_state == 192);
    CHECK(file.hparams.n_text_layer == 4);
    CHECK(file.hparams.language_count() == 99);
    CHECK(file.weight_type == "q8_0");
    CHECK(file.type() == "custom");
}

TEST_CASE("absent files and folders are not found") {
    CHECK(error_of(std::string("/nonexistent/model.bin")) == ErrorCode::ModelNotFound);
    CHECK(error_of(std::string("/tmp")) == ErrorCode::ModelNotFound);
}

TEST_CASE("short files and foreign formats are invalid") {
    const Bytes model = read_file(kDemoModel);
    for (const size_t size : {0, 3, 4, 8, 48, 52, 56, 68})
        CHECK(error_of(first(model, size)) == ErrorCode::ModelInvalid);
    CHECK(error_of(Bytes{'G', 'G', 'U', 'F', 3, 0, 0, 0}) == ErrorCode::ModelInvalid);
    CHECK(error_of(Bytes(1000, 0)) == ErrorCode::ModelInvalid);
}

TEST_CASE("a model cut at any tensor boundary is invalid") {
    const Bytes model = read_file(kDemoModel);
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModel);
    for (const agora::TensorEntry& tensor : file.tensors) {
        // Where the data begins, in its middle, and one byte before the next tensor.
        for (const uint64_t end : {tensor.offset, tensor.offset + tensor.bytes / 2, tensor.offset + tensor.bytes - 1}) {
            CHECK(error_of(first(model, end)) == ErrorCode::ModelInvalid);
        }
    }
    CHECK(error_of(first(model, file.tensors_offset)) == ErrorCode::ModelInvalid);
}

TEST_CASE("a model with bytes after its last tensor is invalid") {
    Bytes model = read_file(kDemoModel);
    model.push_back(0);
    CHECK(error_of(model) == ErrorCode::ModelInvalid);
}

TEST_CASE("forged hyper-parameters are invalid") {
    const Bytes model = read_file(kDemoModel);
    for (size_t field = 0; field < 11; ++field) {
        for (const int32_t value : {0, -1, 1, 7, 51867, 1 << 20, INT32_MAX, INT32_MIN}) {
            Bytes forged = model;
            put_i32(forged, 4 + 4 * field, value);
            // The file's ftype is 2007: q8_0, made by version 2 of the quantisation. 7 is q8_0 too.
            if (field == 10 && value == 7) continue;
            CAPTURE(field);
            CAPTURE(value);
            CHECK(error_of(forged) == ErrorCode::ModelInvalid);
        }
    }
}

TEST_CASE("forged tensor headers are invalid") {
    const Bytes model = read_file(kDemoModel);
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModel);
    for (const size_t field : {0, 4, 8, 12, 16}) {  // n_dims, name length, type, first and second dimension
        for (const int32_t value : {-1, 0, 5, 1 << 28, INT32_MAX, INT32_MIN}) {
            Bytes forged = model;
            put_i32(forged, file.tensors_offset + field, value);
            if (forged == model) continue;
            CAPTURE(field);
            CAPTURE(value);
            CHECK(error_of(forged) == ErrorCode::ModelInvalid);
        }
    }
}

TEST_CASE("random damage to the headers never does worse than an error") {
    const Bytes model = read_file(kDemoModel);
    const agora::WhisperFile file = agora::read_whisper_file(kDemoModel);
    std::mt19937 random(1);
    const TemporaryFile damaged;
    for (int round = 0; round < 100; ++round) {
        Bytes bytes = first(model, round % 2 == 0 ? file.tensors_offset + 4096 : model.size());
        for (int change = 0; change < 4; ++change) {
            const size_t limit = change < 2 ? 64 : file.tensors_offset + 200;
            bytes[random() % limit] = static_cast<uint8_t>(random());
        }
        damaged.write(bytes);
        try {
            agora::read_whisper_file(damaged.path());
        } catch (const agora::Error& error) {
            CHECK(error.code() == ErrorCode::ModelInvalid);
        }
    }
}

TEST_CASE("the kind of a model is told by its vocabulary, and another number of rows is refused with both") {
    struct Case {
        ModelShape shape;
        const char* message;
    };
    // Bands decide between 99 and 100 languages: one row more is either a language's or a stranger's.
    for (const auto& [shape, message] :
         {Case{{64, 1, 1, 64, 80, 51864}, ""}, Case{{64, 1, 1, 64, 80, 51865}, ""},
          Case{{64, 1, 1, 64, 128, 51866}, ""}, Case{{64, 1, 1, 64, 80, 51866}, "51866 rows"},
          Case{{64, 1, 1, 64, 80, 51873}, "51873 rows"}, Case{{64, 1, 1, 64, 128, 51865}, "51865 rows"},
          Case{{64, 1, 1, 64, 128, 51867}, "51867 rows"}}) {
        CAPTURE(shape.mels);
        CAPTURE(shape.vocabulary);
        const TemporaryFile file(random_model(shape, 1, 1));
        std::string refusal;
        try {
            agora::read_whisper_file(file.path());
        } catch (const agora::Error& error) {
            CHECK(error.code() == ErrorCode::ModelInvalid);
            refusal = error.what();
        }
        CHECK(refusal.find(message) != std::string::npos);
        CHECK(refusal.empty() == (*message == '\0'));
        if (!refusal.empty()) CHECK(refusal.find(shape.mels == 128 ? "has 51866" : "has 51865") != std::string::npos);
    }
}

TEST_CASE("fewer rows than a multilingual vocabulary has are no English-only model") {
    // The words of a multilingual model, rows for one less.
    Bytes model = random_model({64, 1, 1, 64, 80, 51865}, 1, 1);
    put_i32(model, 4, 51864);
    const TemporaryFile file(model);
    std::string refusal;
    try {
        agora::read_whisper_file(file.path());
    } catch (const agora::Error& error) {
        refusal = error.what();
    }
    CHECK(refusal.find("51864 rows") != std::string::npos);
    CHECK(refusal.find("has 51865") != std::string::npos);
}

namespace {

// A small model whose vocabulary has a word for each of its rows: `name` for the start of a language model.
Bytes with_name(const std::string& name) {
    const Bytes model = random_model({128, 1, 3, 64}, 1, 1);
    const TemporaryFile source(model);
    const agora::WhisperFile file = agora::read_whisper_file(source.path());
    Bytes result(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(file.tensors_offset));
    put_i32(result, file.vocabulary_offset, 51865);
    const auto add = [&](const std::string& word) {
        Bytes length(4);
        put_i32(length, 0, static_cast<int32_t>(word.size()));
        result.insert(result.end(), length.begin(), length.end());
        result.insert(result.end(), word.begin(), word.end());
    };
    for (int i = 50257; i < 51865; ++i) add(i == 50360 ? name : "<|special " + std::to_string(i) + "|>");
    result.insert(result.end(), model.begin() + static_cast<std::ptrdiff_t>(file.tensors_offset), model.end());
    return result;
}

}  // namespace

TEST_CASE("the heads that a file names are those that words are aligned by") {
    const TemporaryFile file(with_name("<|alignment_heads:2.1,0.0|>"));
    const agora::WhisperHyperParameters hparams = agora::read_whisper_file(file.path()).hparams;
    using Heads = std::vector<agora::AttentionHead>;
    CHECK(agora::alignment_heads(hparams) == Heads{{0, 0}, {2, 1}});
    CHECK(agora::read_whisper_file(TemporaryFile(with_name("<|startoflm|>")).path()).hparams.alignment_heads.empty());
    // whisper.cpp takes as many logits as there are words.
    Bytes more = with_name("<|startoflm|>");
    put_i32(more, agora::read_whisper_file(file.path()).vocabulary_offset, 51866);
    CHECK(error_of(more) == ErrorCode::ModelInvalid);
    for (const char* wrong : {"<|alignment_heads:3.0|>", "<|alignment_heads:0.2|>", "<|alignment_heads:0|>",
                              "<|alignment_heads:0.0", "<|alignment_heads:-1.0|>", "<|alignment_heads:0.0;1.1|>",
                              "<|alignment_heads:99999999999.0|>", "<|alignment_heads:", "<|alignment_heads:|"}) {
        CAPTURE(wrong);
        CHECK(error_of(with_name(wrong)) == ErrorCode::ModelInvalid);
    }
}

TEST_CASE("heads are known for published shapes, and guessed within a bound for others") {
    agora::WhisperHyperParameters h{};
    const auto heads_of = [&](int vocabulary, int width, int audio_layers, int text_layers) {
        h.n_vocab = vocabulary;
        h.n_audio_state = width;
        h.n_audio_layer = audio_layers;
        h.n_text_layer = text_layers;
        h.n_text_head = width / 64;
        return agora::alignment_heads(h);
    };
    CHECK(heads_of(51865, 512, 6, 6).size() == 8);
    CHECK(heads_of(51866, 1280, 32, 4).size() == 6);
    // As many layers as base has, but another model.
    CHECK(heads_of(51865, 640, 6, 6).size() == 30);
    CHECK(heads_of(51865, 1280, 32, 2).size() == 20);
    const std::vector<agora::AttentionHead> many = heads_of(51865, 1280, 32, 30);
    CHECK(many.size() == 64);
    CHECK(many.front() == agora::AttentionHead{15, 0});
    CHECK(many.back().first == 29);
}
