#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>

#include "engine/error.h"
#include "engine/log.h"
#include "engine/schedule/batched_borealis.h"
#include "support.h"

using agora::Error;
using agora::ErrorCode;

namespace {

const std::string kFolder = AGORA_ROOT "/build/native-fixtures/gen2";

std::string path_of(const std::string& role) {
    return kFolder + "/" + role + "-q8_0.gguf";
}

bool are_there() {
    if (std::filesystem::exists(path_of("audio"))) return true;
    MESSAGE("skipped: scripts/test-native.mjs writes the models");
    return false;
}

// The message that reading these bytes as a file of this role fails with.
std::string refusal(const std::string& role, const Bytes& bytes) {
    const TemporaryFile file(bytes);
    try {
        role == "audio" ? void(agora::read_audio_file(file.path())) : void(agora::read_language_file(file.path()));
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::ModelInvalid);
        return error.what();
    }
    return "none";
}

size_t find(const Bytes& bytes, const std::string& text) {
    const auto at = std::search(bytes.begin(), bytes.end(), text.begin(), text.end());
    REQUIRE(at != bytes.end());
    return static_cast<size_t>(at - bytes.begin());
}

template <typename Value>
Bytes changed(Bytes bytes, const std::string& after, size_t skip, Value value) {
    std::memcpy(&bytes[find(bytes, after) + after.size() + skip], &value, sizeof(value));
    return bytes;
}

}  // namespace

TEST_CASE("a GGUF file that disagrees with itself is refused with what is wrong") {
    if (!are_there()) return;
    const Bytes audio = read_file(path_of("audio"));
    const Bytes language = read_file(path_of("language-model"));
    CHECK(refusal("audio", audio) == "none");
    CHECK(refusal("language-model", language) == "none");
    const auto expect = [](const std::string& message, const std::string& part) {
        CAPTURE(message);
        CHECK(message.find(part) != std::string::npos);
    };
    expect(refusal("audio", language), "its architecture is \"qwen3\", expected \"clip\"");
    expect(refusal("language-model", audio), "expected \"qwen2\" or \"qwen3\"");
    expect(refusal("audio", {'G', 'G', 'U', 'F'}), "it ends inside its version");
    expect(refusal("audio", changed<uint32_t>(audio, "GGUF", 0, 9)), "GGUF version 9");
    expect(refusal("audio", changed<uint64_t>(audio, "GGUF", 4, 1 << 20)), "announces 1048576 tensors");
    // A value of the metadata follows its type.
    expect(refusal("audio", changed<uint32_t>(audio, "clip.audio.attention.head_count", 4, 7)), "7 heads cannot share");
    expect(refusal("audio", changed<uint32_t>(audio, "clip.audio.block_count", 4, 2)),
           "tensor a.blk.1.attn_k.weight is missing");
    expect(refusal("audio", changed<uint32_t>(audio, "clip.audio.num_mel_bins", 4, 80)),
           "tensor a.conv1d.1.weight has the shape [3, 128, 128], expected [3, 80, 128]");
    expect(refusal("audio", changed<uint32_t>(audio, "clip.audio.projector.stack_factor", 0, 13)), "is of type 13");
    // The description of a tensor follows its name: dimensions, sizes, type, offset.
    expect(refusal("audio", changed<uint32_t>(audio, "mm.a.mlp.1.weight", 0, 5)), "mm.a.mlp.1.weight has 5 dimensions");
    expect(refusal("audio", changed<uint64_t>(audio, "mm.a.mlp.1.weight", 4, 0)), "has a dimension of 0");
    expect(refusal("audio", changed<uint32_t>(audio, "mm.a.mlp.1.weight", 20, 99)), "has the type 99");
    expect(refusal("audio", changed<uint64_t>(audio, "mm.a.mlp.1.weight", 24, 32)), "has the offset 32, expected");
    expect(refusal("audio", {audio.begin(), audio.end() - 100}), "it ends inside tensor v.eoi");
    expect(refusal("language-model", changed<uint32_t>(language, "qwen3.attention.head_count_kv", 4, 3)),
           "4 heads cannot share 3");
    expect(refusal("language-model", changed<float>(language, "qwen3.rope.freq_base", 4, -1.0f)),
           "expected more than 0");
    expect(refusal("language-model", changed<uint32_t>(language, "tokenizer.ggml.eos_token_id", 4, 1 << 30)),
           "expected 0 to");
    expect(refusal("language-model", changed<uint32_t>(language, "general.file_type", 4, 3976200193u)),
           "general.file_type");
    // An array's type and length come before its items.
    expect(refusal("language-model", changed<int32_t>(language, "tokenizer.ggml.token_type", 16, 77)),
           "token 0 has the type 77");
    expect(refusal("language-model", changed<uint64_t>(language, "tokenizer.ggml.merges", 8, uint64_t{1} << 60)),
           "it ends inside the array tokenizer.ggml.merges");
    expect(refusal("language-model", changed<char>(language, "tokenizer.ggml.pre", 12, 'x')), "expected \"qwen2\"");
}

TEST_CASE("mutated GGUF files are loaded or refused, never more") {
    if (!are_there()) return;
    agora::capture_logs();
    std::mt19937 random(7);
    int loaded = 0;
    for (const std::string role : {"audio", "language-model"}) {
        const Bytes original = read_file(path_of(role));
        // What describes the tensors, where a mutation does most.
        const size_t head = find(original, role == "audio" ? "v.eoi" : "output.weight") + 64;
        for (int i = 0; i < 400; ++i) {
            Bytes bytes = original;
            const int mutations = 1 + static_cast<int>(random() % 3);
            for (int m = 0; m < mutations; ++m) {
                const size_t at = random() % head;
                switch (random() % 4) {
                    case 0:
                        bytes[at] ^= static_cast<uint8_t>(1u << (random() % 8));
                        break;
                    case 1:
                        bytes[at] = static_cast<uint8_t>(random());
                        break;
                    case 2:
                        bytes[at] = random() % 2 == 0 ? 0 : 255;
                        break;
                    default:
                        bytes.resize(random() % 20 == 0 ? random() % bytes.size() : bytes.size());
                        break;
                }
            }
            const TemporaryFile file(bytes);
            const std::string audio = role == "audio" ? file.path() : path_of("audio");
            const std::string language = role == "audio" ? path_of("language-model") : file.path();
            try {
                agora::BatchedBorealis engine(language, audio, {1, 1, agora::BorealisPlace::Cpu});
                ++loaded;
            } catch (const Error& error) {
                CHECK((error.code() == ErrorCode::ModelInvalid || error.code() == ErrorCode::OutOfMemory));
                CHECK(std::string(error.what()).size() > 20);
            }
        }
    }
    CHECK(loaded > 0);
}
