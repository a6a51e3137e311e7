#include "engine/model/whisper_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "engine/error.h"
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
